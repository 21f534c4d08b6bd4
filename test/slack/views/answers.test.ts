import { expect, it } from 'vitest'
import { cancelledText, retriedText } from '../../../src/slack/views/answers.ts'
import { aRelease } from '../../support/builders.ts'

it('says of a cancel how the release stands now', () => {
  const texts = (['cancelled', 'running', 'needs attention', 'succeeded'] as const).map((state) =>
    cancelledText(aRelease({ state })),
  )
  expect(texts).toEqual([
    'Release #12 of api to production is cancelled.',
    'Release #12 of api to production is being cancelled: no new step starts. Its thread shows the result of the current step.',
    'Release #12 of api to production has stopped and needs attention: press Retry or Close on its card.',
    'Release #12 of api to production has succeeded: a step was running at the cancel, and its result ended the release.',
  ])
})

it('says of a retry that it goes on, and where that is told', () => {
  expect(retriedText(aRelease({ number: 14, kind: 'hotfix', state: 'approved' }))).toBe(
    'Hot-fix #14 of api to production resumes after checking the current state. Its thread shows each step.',
  )
})
