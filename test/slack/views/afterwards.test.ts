/** W22: how what a release deployed runs, in its thread and on its card. */
import { describe, expect, it } from 'vitest'
import type { SeenAfterwards } from '../../../src/release/release.ts'
import { STATE_VIEWS } from '../../../src/slack/views/state/index.ts'
import { threadLine } from '../../../src/slack/views/thread.ts'
import { messageProblems } from '../../support/block-kit-limits.ts'
import { anEnvironment, aRelease, aStep, SERVICES } from '../../support/builders.ts'
import { read } from './read.ts'

const environment = anEnvironment()
const say = (seen: SeenAfterwards) => {
  const drawn = threadLine({ is: 'afterwards', seen }, aRelease(), {
    services: SERVICES,
    environment,
    owed: [],
    names: {},
  })
  expect(messageProblems(drawn)).toEqual([])
  return drawn
}
const crashed = { what: 'web.1 crashed', look: 'heroku logs --app api' }

describe('W22: the line after the outcome', () => {
  it('says what is wrong and where to look, in the channel too, and mentions nobody', () => {
    const drawn = say({ warnings: [{ what: 'in maintenance mode' }, crashed], notes: ['it answered 200'] })
    expect(drawn.broadcast).toBe(true)
    expect(drawn.text).toBe(
      'Release #12 was deployed to api production, but: in maintenance mode; web.1 crashed. It answered 200.',
    )
    expect(read(drawn)).toContain('To check: `heroku logs --app api`')
    expect(JSON.stringify(drawn)).not.toContain('"user"')
  })

  it('says in the thread alone what went well', () => {
    const drawn = say({ warnings: [], notes: ['its health check at api.example.com/health answered 200'] })
    expect(drawn).toEqual({ text: 'Its health check at api.example.com/health answered 200.' })
  })

  it('is short and safe, whatever a service says', () => {
    const drawn = say({ warnings: [{ what: `<!channel> ${'x'.repeat(5_000)}`, look: 'y'.repeat(5_000) }] })
    expect(drawn.text).not.toContain('<!channel>')
  })
})

it('W22: the card’s line of a release that succeeded has the warnings', () => {
  const line = (seen?: SeenAfterwards) => {
    const report = aStep('report', { ...(seen && { result: { afterwards: seen } }) })
    const release = aRelease({ state: 'succeeded', steps: [report] })
    const facts = { services: SERVICES, environment, owed: [], row: [], problem: undefined }
    return JSON.stringify(STATE_VIEWS.succeeded.card(release, facts as never)[0])
  }
  expect(line({ warnings: [{ what: 'in maintenance mode' }, crashed] })).toContain(
    ' · :warning: in maintenance mode, web.1 crashed',
  )
  expect(line({ warnings: [], notes: ['fine'] })).not.toContain(':warning:')
  expect(line()).not.toContain(':warning:')
})
