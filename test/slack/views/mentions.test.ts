/**
 * The messages of the channel that mention somebody, each a fact that nobody is told of in private as well. A new kind of line
 * does not compile without its row here.
 */
import { describe, expect, it } from 'vitest'
import type { ThreadLine } from '../../../src/release/messages.ts'
import type { Owed } from '../../../src/release/policy.ts'
import { RELEASE_STATES } from '../../../src/release/terms.ts'
import type { Told } from '../../../src/release/told-in-private.ts'
import { announcement } from '../../../src/slack/views/announcement.ts'
import { privateMessage } from '../../../src/slack/views/private/index.ts'
import { threadLine } from '../../../src/slack/views/thread.ts'
import { anEnvironment, aRelease, at, DANA, LIN, SERVICES, TOM } from '../../support/builders.ts'

const NIA = 'U07NIA'
const owed: readonly Owed[] = [
  { kind: 'qa', count: 1, by: ['@qa', LIN.id] },
  { kind: 'approval', count: 1, by: ['@release-approvers'] },
]
const environment = anEnvironment()
const groupIds = { '@qa': 'S01QA', '@release-approvers': 'S02APPROVERS' }
const later = { at: '2026-12-01T10:00:00.000Z', timeZone: 'UTC' }
const because = { gate: 'internal_error', detail: 'the disk is full' } as const

/** Each line of a thread, and whether it mentions people. The card's first post is the only other message that does. */
const MENTIONS: {
  readonly [Is in ThreadLine['is']]: readonly [Extract<ThreadLine, { is: Is }>, 'mentions' | 'nobody']
} = {
  asked: [{ is: 'asked' }, 'mentions'],
  reminder: [{ is: 'reminder', since: 'card', owed }, 'mentions'],
  outcome: [{ is: 'outcome', events: 9, head: 'a'.repeat(64) }, 'mentions'],
  signed: [{ is: 'signed', kind: 'qa', person: LIN }, 'nobody'],
  disputed: [{ is: 'disputed', kind: 'qa', person: LIN, signedAt: later.at, effect: 'ended' }, 'mentions'],
  tested: [{ is: 'tested', person: LIN, count: 1, own: 0, changes: [{ title: 'Search' }] }, 'nobody'],
  'step ended': [{ is: 'step ended', step: 'push', said: 'Pushed', ms: 1 }, 'nobody'],
  'step failed': [{ is: 'step failed', step: 'push', problem: { because }, output: [], ms: 1 }, 'nobody'],
  interrupted: [{ is: 'interrupted', step: 'push', found: 'there' }, 'nobody'],
  waiting: [{ is: 'waiting', what: 'another run' }, 'nobody'],
  marked: [{ is: 'marked', mark: 'bad', person: TOM }, 'nobody'],
  'cancel asked': [{ is: 'cancel asked', person: TOM }, 'nobody'],
  retried: [{ is: 'retried', person: TOM }, 'nobody'],
  closed: [{ is: 'closed', person: TOM, reason: 'fixed by hand' }, 'nobody'],
  carried: [
    { is: 'carried', branch: 'master', pullRequest: { id: 1, url: 'https://bitbucket.org/a/b/1' }, isNew: true },
    'nobody',
  ],
  'still missing': [
    { is: 'still missing', branch: 'master', environment: 'integration', commits: ['a'.repeat(40)], isCarried: true },
    'nobody',
  ],
  migrations: [{ is: 'migrations' }, 'nobody'],
  scheduled: [{ is: 'scheduled', ...later }, 'nobody'],
  'time changed': [{ is: 'time changed', person: TOM, ...later }, 'nobody'],
  'start now': [{ is: 'start now', person: TOM }, 'nobody'],
  'start held': [{ is: 'start held', because: { gate: 'stale_button' }, until: later.at }, 'nobody'],
  unsigned: [{ is: 'unsigned', owed, until: later.at }, 'nobody'],
  late: [{ is: 'late', ...later, ms: 60_000 }, 'nobody'],
  afterwards: [{ is: 'afterwards', seen: { warnings: [], notes: [] } }, 'nobody'],
  note: [{ is: 'note', text: 'Merged by hand.' }, 'nobody'],
}

const mentioned = (drawn: { readonly blocks?: readonly unknown[] }) => [
  ...new Set(JSON.stringify(drawn.blocks ?? []).match(/<(?:@|!subteam\^)[A-Z0-9]+>/g)),
]
const draw = (line: ThreadLine, release = aRelease(), told?: Told) =>
  mentioned(threadLine(line, release, { services: SERVICES, environment, owed, groupIds, ...(told && { told }) }))

describe('who is mentioned in a thread', () => {
  it.each(Object.values(MENTIONS))('%j: %s', (line, expected) => {
    expect(draw(line).length > 0 ? 'mentions' : 'nobody').toBe(expected)
  })

  it.each(RELEASE_STATES)('is, by the outcome of a release that is %s, its requester', (state) => {
    const outcome = MENTIONS.outcome[0]
    const release = aRelease({ state })
    const others = state === 'needs attention' ? 1 : 0
    expect(draw(outcome, release)).toContain(`<@${DANA.id}>`)
    expect(draw(outcome, release)).toHaveLength(1 + others)
    // Told in private, they are named.
    expect(draw(outcome, release, { people: [DANA], mentioned: [] })).toEqual([])
    expect(draw(outcome, release, { people: [TOM], mentioned: [DANA.id] })).toEqual([`<@${DANA.id}>`])
  })

  it('is by the reminder and by what needs attention everybody who is not told in private', () => {
    const attention = aRelease({ state: 'needs attention' })
    const told: Told = { people: [TOM, DANA], mentioned: [NIA] }
    expect(draw(MENTIONS.outcome[0], attention, told)).toEqual([`<@${NIA}>`])
    const reminder = MENTIONS.reminder[0]
    expect(draw(reminder)).toEqual(['<!subteam^S01QA>', `<@${LIN.id}>`, '<!subteam^S02APPROVERS>'])
    expect(draw({ ...reminder, mentioned: ['@qa', NIA] })).toEqual(['<!subteam^S01QA>', `<@${NIA}>`])
    expect(draw({ ...reminder, mentioned: [] })).toEqual([])
  })
})

describe('nobody is mentioned', () => {
  it('by an announcement, and by what a person reads alone', () => {
    expect(mentioned(announcement(aRelease(), { environment }))).toEqual([])
    const schedule = { at: at('12:00'), timeZone: 'UTC' }
    const facts = { services: SERVICES, environment, groupIds }
    for (const message of [
      { is: 'reminder', number: 12, kinds: ['qa', 'approval'] },
      { is: 'needs attention', number: 12, attempt: 1 },
      { is: 'missed', number: 12 },
    ] as const) {
      const state = message.is === 'missed' ? 'outdated' : 'needs attention'
      expect(mentioned(privateMessage(message, { ...facts, release: aRelease({ state, schedule }) }))).toEqual([])
    }
  })
})
