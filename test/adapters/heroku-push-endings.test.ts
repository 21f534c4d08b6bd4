/** W19: each real ending of a push to Heroku is told by the line that an engineer would pick from it. */
import { describe, expect, it } from 'vitest'
import { readHerokuRejection } from '../../src/adapters/heroku/push-endings.ts'
import { problemWords } from '../../src/slack/views/failures.ts'
import { push } from '../../src/worker/run/steps/push.ts'
import { SERVICES, sha } from '../support/builders.ts'
import { fakeRun } from '../worker/fakes.ts'
import { MORE_PUSH_ENDINGS, PUSH_ENDINGS, type PushEnding, printed } from './heroku-push-endings.ts'

const ENDINGS = [...PUSH_ENDINGS, ...MORE_PUSH_ENDINGS]
const GIT = /failed to push some refs|pre-receive hook declined|\[remote rejected\]|git\.heroku\.com/
const WHY = {
  build: 'the build on heroku-production failed',
  platform: 'Heroku failed while it took the push to heroku-production',
  rule: 'heroku-production refused the push',
} as const

/** What the card says of a push that ended so, through the step that pushes. */
async function told(ending: PushEnding) {
  const held = fakeRun({}).run.plan.bound.remote.holds
  const { run } = fakeRun({
    git: {
      heads: async () => ({ ok: true, value: { master: held } }),
      push: async () => ({ push: 'rejected', why: 'hook', output: printed(ending) }),
    },
    platform: { releases: async () => ({ ok: true, value: [] }) },
  })
  const stopped = await push.perform(run)
  if (stopped.is !== 'stopped') throw new Error('the push was not rejected')
  return problemWords(stopped.because, { services: SERVICES })
}

describe('W19: a push to Heroku that ended badly', () => {
  it('has at least thirty endings, of six buildpacks among them', () => {
    expect(PUSH_ENDINGS.length).toBeGreaterThanOrEqual(30)
  })

  it.each(ENDINGS)('$name', async (ending) => {
    const { why, verbatim = '', next } = await told(ending)
    expect({ why, line: verbatim }).toEqual({ why: WHY[ending.by], line: ending.line })
    expect(verbatim).not.toMatch(GIT)
    const advice = JSON.stringify(next)
    expect(advice.includes('fix in the code')).toBe(ending.by === 'build')
    expect(advice.includes('status.heroku.com')).toBe(ending.by === 'platform')
  })

  it.each(ENDINGS)('$name: the same with git’s prefix', (ending) => {
    const git = printed({ ...ending, output: '' }).slice(1)
    const lines = ending.output.split('\n').map((line) => `remote: ${line}        `)
    const { by, line = '' } = readHerokuRejection([...lines, ...git])
    expect({ by, line }).toEqual({ by: ending.by, line: ending.line })
  })

  it('names the release’s output after a release command that failed', () => {
    const commit = sha('c0ffee1')
    const failure = { gate: 'release_phase_failed', app: 'api-production', platformRelease: 'v42', commit } as const
    const words = problemWords(failure, { services: SERVICES })
    expect(words.why).toBe('Heroku’s release phase failed: v42 of api-production is not live')
    expect(JSON.stringify(words.next)).toContain('heroku releases:output v42 --app api-production')
  })
})
