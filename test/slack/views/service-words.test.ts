/** Messages about a service speak in its own words: of the platform that a gate names, and of the first where it names none. */
import { expect, it } from 'vitest'
import { problemWords } from '../../../src/slack/views/failures.ts'
import { refusalWords } from '../../../src/slack/views/refusals.ts'
import { SERVICES } from '../../support/builders.ts'

const hints = { services: SERVICES }
const output = ['error: no such module', '! Push rejected, failed to compile', 'error: after it']

it('of a release that is not confirmed: where to look', () => {
  const failure = { gate: 'not_confirmed', app: 'live', detail: 'no answer' } as const
  expect(problemWords(failure, hints).unknown?.look).toBe('heroku releases --app live')
  expect(problemWords({ ...failure, platform: 'git' }, hints).unknown?.look).toBe('git ls-remote live')
})

it('of a build that failed: what followed from the failure is no cause', () => {
  const failure = { gate: 'build_failed', remote: 'live', output } as const
  expect(problemWords(failure, hints).verbatim).toBe('error: no such module')
  expect(problemWords({ ...failure, platform: 'git' }, hints).verbatim).toBe('error: after it')
})

it('of a platform that does not answer, and of one that has no setting of an address', () => {
  const refusal = { gate: 'platform_unreachable', app: 'live', detail: '404', answered: true } as const
  expect(JSON.stringify(refusalWords(refusal, hints))).toContain('HEROKU_API_URL')
  const words = refusalWords({ ...refusal, platform: 'git' }, hints)
  expect(words.why).toMatch(/^git’s API/)
  expect(JSON.stringify(words)).not.toContain('HEROKU')
})
