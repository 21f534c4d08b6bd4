/** Separation of duties: computed from the events, with its reason where duties were not separated. */
import { describe, expect, it } from 'vitest'
import { decisionsOf, type EventBody } from '../../src/operations/audit/decisions.ts'
import { separationOf } from '../../src/operations/audit/separation.ts'
import { recordedRules } from '../../src/release/recorded-rules.ts'
import { anEnvironment, anIntegration, SIGN_OFF } from '../support/builders.ts'

const event = (type: string, actor: string, data: Record<string, unknown> = {}): EventBody => ({
  at: '2026-11-22T08:00:00.000Z',
  type,
  actor,
  data,
})
/** `A` is the person with the id U0A. */
const by = (letter: string) => [`U0${letter}`, { name: letter, right: '@release-approvers' }] as const
const requested = (who = 'A') => event('release_requested', ...by(who))
const planned = (rules: unknown = recordedRules(anEnvironment())) => event('plan_made', 'worker', { rules })
const signed = (kind: string, who: string, more: Record<string, unknown> = {}) => {
  const [id, data] = by(who)
  return event('sign_off_given', id, { kind, fingerprint: 'f', ...data, ...more })
}
const approved = event('release_approved', 'bot', { attempt: 1 })
const started = event('run_started', 'worker', { attempt: 1 })
const ended = (state: string, actor = 'worker', more: Record<string, unknown> = {}) =>
  event('release_ended', actor, { state, ...more })

const ASKS = (more: Partial<typeof SIGN_OFF>) =>
  planned(recordedRules(anEnvironment({ signOff: { ...SIGN_OFF, ...more } })))
const NOBODY = planned(recordedRules(anIntegration()))
/** As a version that stored no rules made it. */
const OLD_PLAN = event('plan_made', 'worker', { fingerprint: 'f' })
const RAN = [approved, started, ended('succeeded')]

type Row = readonly [what: string, events: readonly EventBody[], verdict: string, sentence: string]

const ROWS: readonly Row[] = [
  [
    'three people',
    [requested(), planned(), signed('qa', 'B'), signed('approval', 'C'), ...RAN],
    'separated',
    'Requested by A. QA by B, approved by C: three people, none approved their own release.',
  ],
  [
    'more of each kind, and a talk about migrations',
    [
      ...[requested(), ASKS({ qa: 2, approvals: 2 }), signed('qa', 'B'), signed('qa', 'C'), signed('talked over', 'F')],
      ...[signed('approval', 'D'), signed('approval', 'E'), ...RAN],
    ],
    'separated',
    'Requested by A. QA by B and C, approved by D and E, migrations talked over by F: six people, none approved their own release.',
  ],
  [
    'one person for both',
    [requested(), planned(), signed('qa', 'B'), signed('approval', 'B'), ...RAN],
    'separated',
    'Requested by A. QA by B, approved by B: two people, none approved their own release. B gave both QA and approval, which the rules allow.',
  ],
  [
    'QA by the requester',
    [requested(), planned(), signed('qa', 'A'), signed('approval', 'B'), ...RAN],
    'separated',
    'Requested by A. QA by A, approved by B: two people, none approved their own release. A gave QA for their own request, which the rules allow.',
  ],
  [
    'QA by another, where nobody approves',
    [requested(), ASKS({ approvals: 0 }), signed('qa', 'B'), ...RAN],
    'separated',
    'Requested by A. QA by B: two people. The rules ask for no approval.',
  ],
  [
    'QA by the requester alone, where nobody approves',
    [requested(), ASKS({ approvals: 0 }), signed('qa', 'A'), ...RAN],
    'not separated: one person',
    'Requested by A. QA by A. Duties were not separated: A decided alone. It was allowed: the rules ask for no approval, and the requester may give QA.',
  ],
  [
    'nobody is asked',
    [requested(), NOBODY, started, ended('succeeded')],
    'not separated: nobody is asked',
    'Requested by A. Duties were not separated: A decided alone. It was allowed: the rules of this environment ask for no QA and no approval.',
  ],
  [
    'A11: deployed automatically, which counts as nobody',
    [event('release_requested', 'signoff', { name: 'Signoff' }), NOBODY, started, ended('succeeded')],
    'not separated: nobody is asked',
    'Requested automatically. Duties were not separated: it was deployed automatically, and nobody gave QA or approval. It was allowed: the rules of this environment ask for no QA and no approval.',
  ],
  [
    'A11: deployed automatically, and one person signed: still one person',
    [
      event('release_requested', 'signoff', { name: 'Signoff' }),
      planned(),
      signed('qa', 'B'),
      signed('approval', 'B'),
      ...RAN,
    ],
    'not separated: one person',
    'Requested automatically. QA by B, approved by B: one person, none approved their own release. B gave both QA and approval, which the rules allow.',
  ],
  [
    'nobody is asked, and the requester pressed Go',
    [requested(), NOBODY, event('go_given', ...by('A')), ...RAN],
    'not separated: nobody is asked',
    'Requested by A. A pressed Go. Duties were not separated: A decided alone. It was allowed: the rules of this environment ask for no QA and no approval.',
  ],
  [
    'a talk about migrations only',
    [requested(), NOBODY, signed('talked over', 'B'), ...RAN],
    'not separated: nobody is asked',
    'Requested by A. Migrations talked over by B. Duties were not separated: nobody else gave QA or approval. It was allowed: the rules of this environment ask for no QA and no approval.',
  ],
  [
    'an emergency of the requester',
    [requested(), planned(), signed('emergency', 'A', { note: 'Search is down' }), ...RAN],
    'not separated: emergency',
    'Requested by A. A declared an emergency for their own request: "Search is down". Duties were not separated: it ran without QA and approval. It was allowed: A is a member of @release-approvers. Still missing: QA and approval.',
  ],
  [
    'an emergency of another, with what was given afterwards',
    [
      ...[requested(), planned(), signed('emergency', 'B', { note: 'Search is down', right: 'named by id' }), ...RAN],
      ...[signed('qa', 'C'), signed('approval', 'D')],
    ],
    'not separated: emergency',
    'Requested by A. B declared an emergency: "Search is down". Duties were not separated: it ran without QA and approval. It was allowed: the rules name B. Afterwards: QA by C, approved by D.',
  ],
  [
    'an emergency after a part',
    [
      requested(),
      planned(),
      signed('approval', 'B'),
      signed('emergency', 'A', { note: 'Down', right: 'every full member' }),
      ...RAN,
    ],
    'not separated: emergency',
    'Requested by A. Approved by B. A declared an emergency for their own request: "Down". Duties were not fully separated: it ran without QA. It was allowed: every full member of the workspace may. Still missing: QA.',
  ],
  [
    'an emergency that waived neither QA nor approval',
    [
      requested(),
      planned(),
      signed('qa', 'B'),
      signed('approval', 'C'),
      signed('emergency', 'A', { note: 'Down' }),
      ...RAN,
    ],
    'separated: emergency',
    'Requested by A. QA by B, approved by C. A declared an emergency for their own request: "Down". QA and approval were complete by then, as far as the rules ask for them: it waived something else, such as Talked over.',
  ],
  [
    'an emergency of the requester, who alone gave what the rules ask for',
    [requested(), ASKS({ approvals: 0 }), signed('qa', 'A'), signed('emergency', 'A', { note: 'Down' }), ...RAN],
    'not separated: emergency',
    'Requested by A. QA by A. A declared an emergency for their own request: "Down". QA and approval were complete by then, as far as the rules ask for them: it waived something else, such as Talked over.',
  ],
  [
    'an own approval, which Signoff refuses',
    [requested(), planned(), signed('qa', 'B'), signed('approval', 'A'), ...RAN],
    'against the rules',
    'Requested by A. QA by B, approved by A. A approved their own release, which no rule allows.',
  ],
  [
    'too few, which Signoff refuses',
    [requested(), ASKS({ approvals: 2 }), signed('qa', 'B'), signed('approval', 'C'), ...RAN],
    'against the rules',
    'Requested by A. QA by B, approved by C. The rules asked for two approvals; one is recorded, and no emergency.',
  ],
  [
    'the same person twice, which counts once',
    [requested(), ASKS({ qa: 0, approvals: 2 }), signed('approval', 'C'), signed('approval', 'C'), ...RAN],
    'against the rules',
    'Requested by A. Approved by C. The rules asked for two approvals; one is recorded, and no emergency.',
  ],
  [
    'a sign-off that came after it had started',
    [requested(), planned(), signed('qa', 'B'), ...RAN, signed('approval', 'C')],
    'against the rules',
    'Requested by A. QA by B. The rules asked for one approval; no approval is recorded, and no emergency.',
  ],
  [
    'a rejection',
    [
      requested(),
      planned(),
      signed('qa', 'B'),
      signed('rejection', 'C'),
      ended('rejected', 'U0C', { name: 'C', reason: 'Not today' }),
    ],
    'nothing ran',
    'Requested by A. QA by B. It ended as rejected by C ("Not today") before it was approved: nothing ran.',
  ],
  [
    'a plan that could not be made',
    [requested(), ended('refused')],
    'nothing ran',
    'Requested by A. It ended as refused before it was approved: nothing ran.',
  ],
  [
    'an end between the approval and the run',
    [requested(), planned(), signed('qa', 'B'), signed('approval', 'C'), approved, ended('expired', 'bot')],
    'nothing ran',
    'Requested by A. QA by B, approved by C. It ended as expired before it started: nothing ran.',
  ],
  [
    'a success without a run, which Signoff does not write',
    [requested(), planned(), signed('qa', 'B'), ended('succeeded')],
    'not recorded',
    'Requested by A. QA by B. It succeeded, and no event records its run.',
  ],
  [
    'no decision yet',
    [requested(), planned(), signed('qa', 'B')],
    'undecided',
    'Requested by A. QA by B. It is not decided yet.',
  ],
  [
    'an older version, which stored no rules',
    [requested(), OLD_PLAN, signed('qa', 'B'), signed('approval', 'C'), ...RAN],
    'separated',
    'Requested by A. QA by B, approved by C: three people, none approved their own release.',
  ],
  [
    'an older version, and nobody signed',
    [event('release_requested', 'U0A'), OLD_PLAN, started, ended('succeeded')],
    'not recorded',
    'Requested by U0A. No sign-off of another person is recorded. The rules in force were not recorded by the version that made this release.',
  ],
  [
    'an older version, and an emergency',
    [requested(), OLD_PLAN, event('sign_off_given', 'U0B', { kind: 'emergency', note: 'Down' }), ...RAN],
    'not separated: emergency',
    'Requested by A. U0B declared an emergency: "Down". Duties were not separated: what it waived was not recorded by the version that made this release. Why it was allowed was not recorded by the version that made this release.',
  ],
  [
    'a name that reads as more than a name',
    [event('release_requested', 'U0A', { name: 'A. QA by B, approved by C' }), NOBODY, started, ended('succeeded')],
    'not separated: nobody is asked',
    'Requested by "A. QA by B, approved by C" (U0A). Duties were not separated: "A. QA by B, approved by C" (U0A) decided alone. It was allowed: the rules of this environment ask for no QA and no approval.',
  ],
  [
    'namesakes',
    [
      requested(),
      planned(),
      event('sign_off_given', 'U0X', { kind: 'qa', name: 'A' }),
      signed('approval', 'C'),
      ...RAN,
    ],
    'separated',
    'Requested by A (U0A). QA by A (U0X), approved by C: three people, none approved their own release.',
  ],
]

describe('audit: separation of duties is computed from the events', () => {
  it.each(ROWS)('audit: %s', (_what, events, verdict, sentence) => {
    const found = separationOf(decisionsOf(events))
    expect([found.verdict, found.because].filter(Boolean).join(': ')).toBe(verdict)
    expect(found.sentences.join(' ')).toBe(sentence)
  })
})
