/** What people read of a release with a time: the card before, at and after it, and the lines of its thread. */
import { describe, expect, it } from 'vitest'
import type { ThreadLine } from '../../../src/release/messages.ts'
import { owed } from '../../../src/release/policy.ts'
import type { Release } from '../../../src/release/release.ts'
import { buttonsOf } from '../../../src/slack/views/buttons.ts'
import { card } from '../../../src/slack/views/card.ts'
import { threadLine } from '../../../src/slack/views/thread.ts'
import { messageProblems } from '../../support/block-kit-limits.ts'
import { anEnvironment, aRelease, DANA, SERVICES, SIGNED } from '../../support/builders.ts'
import { read } from './read.ts'

const AT = new Date('2026-12-03T06:30:00Z')
const UNTIL = new Date('2026-12-03T07:30:00Z')
const SCHEDULE = { schedule: { at: AT, timeZone: 'Europe/Berlin' }, expiresAt: UNTIL }
const SAID = 'Thu 3 Dec 2026, 07:30 (Europe/Berlin)'
const before = new Date('2026-12-02T12:00:00Z')
const after = new Date('2026-12-03T06:40:00Z')

function draw(release: Release, now: Date): string {
  const environment = anEnvironment()
  const owing = owed(environment, release)
  const tokens = Object.fromEntries(buttonsOf(release, owing).map((action) => [action, `token-${action}`]))
  const facts = { environment, tokens, services: SERVICES, progress: 'lines' as const, owed: owing, now }
  const drawn = card(release, { ...facts, mentionGroups: false })
  expect(messageProblems(drawn)).toEqual([])
  return read(drawn)
}

describe('the card of a release with a time', () => {
  const scheduled = aRelease({ ...SCHEDULE, state: 'scheduled', signOffs: SIGNED })

  it('says when it starts, in plain words with the requester’s zone, and offers to start it or to change that', () => {
    const drawn = draw(scheduled, before)
    expect(drawn).toContain(`is scheduled for ${SAID}: QA by Lin, approved by Tom, requested by Dana.`)
    for (const label of ['Start now', 'Change time…', 'Cancel', 'Details']) expect(drawn).toContain(`[${label}`)
    expect(drawn).toContain('Expires: ')
  })

  it('says what holds it back at its time', () => {
    const because = { gate: 'configuration_differs', app: 'api', environment: 'production' } as const
    const drawn = draw({ ...scheduled, problem: { because } }, after)
    expect(drawn).toContain('Its time has come, but ')
    expect(drawn).toContain('Gate: `configuration_differs`')
  })

  it('asks for sign-offs before it, and says that the last one starts it after it', () => {
    const awaiting = aRelease({ ...SCHEDULE, signOffs: SIGNED.slice(0, 1) })
    expect(draw(awaiting, before)).toContain('Starts, once it has its sign-offs: ')
    expect(draw(awaiting, before)).toContain(`to start on ${SAID}`)
    expect(draw(awaiting, after)).toContain('Its time has come: the last sign-off starts it, until: ')
  })

  it('says at its end why it did not start', () => {
    const expired = aRelease({ ...SCHEDULE, state: 'expired', endedAt: UNTIL })
    const gate = { gate: 'expired', number: 12, at: UNTIL.toISOString() } as const
    const missing = draw({ ...expired, problem: { because: gate } }, UNTIL)
    expect(missing).toContain(`QA and 1 approval were not given within 1 hour of its time, ${SAID}`)
    const late = draw({ ...expired, signOffs: SIGNED, problem: { because: gate } }, UNTIL)
    expect(late).toContain(`it did not start within 1 hour of its time, ${SAID}`)
  })
})

describe('its thread', () => {
  const facts = { services: SERVICES, environment: anEnvironment(), owed: [] }
  const when = { at: AT.toISOString(), timeZone: 'Europe/Berlin' }
  const until = UNTIL.toISOString()

  it.each<[ThreadLine, string]>([
    [{ is: 'scheduled', ...when }, `Scheduled. It starts by itself: ${SAID}.`],
    [{ is: 'time changed', person: DANA, ...when }, `Dana changed its time. It now starts: ${SAID}.`],
    [{ is: 'start now', person: DANA }, 'Dana pressed Start now.'],
    [{ is: 'late', ...when, ms: 12 * 60_000 }, `It starts 12 min late. Its time was: ${SAID}.`],
    [{ is: 'unsigned', owed: [{ kind: 'qa', count: 1, by: ['@qa'] }], until }, 'it still needs QA from @qa'],
    [
      { is: 'start held', because: { gate: 'configuration_differs', app: 'api', environment: 'production' }, until },
      'and it can’t start: ',
    ],
  ])('says it in a sentence: %j', (line, words) => {
    const drawn = threadLine(line, aRelease(SCHEDULE), facts)
    expect(messageProblems(drawn)).toEqual([])
    expect(drawn.text.replaceAll('\u00a0', ' ')).toContain(words)
    expect(read(drawn)).not.toMatch(/undefined|\[object/)
  })
})
