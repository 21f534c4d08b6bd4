/** One release's evidence as a document: what an auditor reads in a minute, then the details. */
import { pendingCount } from '../../release/plan.ts'
import { hasStartedIrreversible } from '../../release/release.ts'
import { hasEnded, type SignOffKind } from '../../release/terms.ts'
import { type Decision, isProcess, type Mark, type Who } from './decisions.ts'
import {
  type Document,
  duration,
  type Fact,
  type Inline,
  joinedWords,
  type Section,
  type Tone,
  utc,
  type Words,
  words,
} from './document.ts'
import { eventWords, isMainEvent } from './event-words.ts'
import type { Evidence } from './evidence.ts'
import { detailSections } from './evidence-details.ts'
import { testedFact } from './evidence-qa.ts'
import { rulesSection } from './evidence-rules.ts'
import { NOT_RECORDED, type Verdict } from './separation.ts'

/** `exportedAt`: when the evidence was read. */
export function evidenceDocument(evidence: Evidence, exportedAt: Date): Document {
  const { release, times, chain } = evidence
  const kind = { deploy: 'Deploy', hotfix: 'Hot-fix', rollback: 'Rollback' }[release.kind]
  const head = chain.found.ok ? chain.found.head : undefined
  return {
    title: `Release #${release.number}: ${release.app} to ${release.environment}`,
    subtitle: `${kind}, requested ${utc(evidence.request.at)} UTC${times.endedAt === undefined ? '' : `, ended ${utc(times.endedAt)} UTC`}`,
    statements: [outcome(evidence), separation(evidence), record(evidence)],
    summary: [summarySection(evidence), rulesSection(evidence.decisions, namesIn(evidence)), storySection(evidence)],
    details: detailSections(evidence),
    footer: [
      `Exported ${utc(exportedAt)} UTC by Signoff. All times are UTC.`,
      ...(head === undefined ? [] : [' To verify the record again: ', { code: `signoff audit verify --head ${head}` }]),
    ],
  }
}

export function personText({ id, name }: Who): string {
  return name === undefined ? id : `${name} (${id})`
}

/** The names of everybody who acted, by id. */
export function namesIn({ people }: Evidence): ReadonlyMap<string, string> {
  return new Map(people.flatMap(({ id, name }) => (name === undefined ? [] : [[id, name] as const])))
}

interface Statement {
  readonly label: string
  readonly tone: Tone
  readonly words: Words
}

function outcome({ release, decisions, proof, push, end, steps }: Evidence): Statement {
  const label = 'Outcome'
  const { state, environment } = release
  const strong: Inline = { strong: `${state.slice(0, 1).toUpperCase()}${state.slice(1)}.` }
  if (state === 'succeeded') {
    const commit = decisions.commit ?? proof?.commit ?? push?.commit
    const runs: Words = commit === undefined ? [' It'] : [' Commit ', { code: commit }]
    const at = proof?.at === undefined ? '' : `, proven ${utc(proof.at)} UTC`
    return { label, tone: 'good', words: [strong, ...runs, ` runs in ${environment}${at}.`] }
  }
  const by = end?.by === undefined ? '' : ` By ${personText(end.by)}.`
  const reason = end?.reason === undefined ? '' : ` ${JSON.stringify(end.reason)}.`
  const gate: Words = end?.problem === undefined ? [] : [' Stopped by ', { code: end.problem.because.gate }, '.']
  const effect = hasStartedIrreversible(steps)
    ? ' Something irreversible had begun: see Run.'
    : hasEnded(state)
      ? ' Nothing irreversible was done.'
      : ' It has not ended.'
  return {
    label,
    tone: hasStartedIrreversible(steps) ? 'attention' : 'plain',
    words: [strong, `${by}${reason}`, ...gate, effect],
  }
}

const VERDICT_TONES: Readonly<Record<Verdict, Tone>> = {
  separated: 'good',
  'not separated': 'attention',
  'against the rules': 'bad',
  'not recorded': 'attention',
  'nothing ran': 'plain',
  undecided: 'plain',
}

function separation({ separation: { verdict, sentences } }: Evidence): Statement {
  return { label: 'Separation of duties', tone: VERDICT_TONES[verdict], words: [sentences.join(' ')] }
}

function record({ chain: { found, events }, disagreements }: Evidence): Statement {
  const label = 'Record'
  if (!found.ok) return { label, tone: 'bad', words: [{ strong: 'The chain fails verification' }, `: ${found.why}.`] }
  if (disagreements.length > 0) {
    const what = `: ${disagreements.join(', ')}. This page shows the record where it has it.`
    return { label, tone: 'bad', words: [{ strong: "The store's tables say otherwise than the record" }, what] }
  }
  const [first, last] = [events.at(0)?.id, events.at(-1)?.id]
  const those = first === undefined ? '' : `, among them ${events.length} of this release, from ${first} to ${last}`
  return {
    label,
    tone: 'good',
    words: [
      `The chain of ${found.count} events was verified for this export${those}. No event was changed, removed or inserted. Head: `,
      { code: found.head.slice(0, 12) },
      '.',
    ],
  }
}

/** Completes a line on who decided. */
function rightText(right: string | undefined): string {
  if (right === undefined) return `permission ${NOT_RECORDED}`
  if (right === 'named by id') return 'named in the rules'
  return right.startsWith('@') ? `member of ${right}` : right
}

function decisionText({ by, right, at, note, isAfterwards, disputedAt }: Decision): string {
  const disputed = disputedAt === undefined ? '' : `; void: they said ${utc(disputedAt)} that it was not them`
  const quoted = note === undefined ? '' : `: ${JSON.stringify(note)}`
  return `${personText(by)}, ${rightText(right)}, ${utc(at)}${isAfterwards ? ', after the approval to run' : ''}${quoted}${disputed}`
}

function signOffFact(evidence: Evidence, kind: SignOffKind, label: string, needed?: number): readonly Fact[] {
  const { signOffs, rules } = evidence.decisions
  const given = signOffs.filter((each) => each.kind === kind)
  if (given.length > 0)
    return [
      [
        label,
        joinedWords(
          given.map((each) => [decisionText(each)]),
          '; ',
        ),
      ],
    ]
  if (needed === undefined) return []
  if (rules === undefined) return [[label, ['none recorded']]]
  if (needed === 0) return [[label, ['not required by the rules']]]
  const isWaived = signOffs.some((each) => each.kind === 'emergency')
  return [[label, [isWaived ? 'waived by the emergency, and not given since' : 'not given']]]
}

function summarySection(evidence: Evidence): Section {
  const { request, decisions, plan, fingerprint, pullRequest, migrations, push, times } = evidence
  const { rules, signOffs, commit, startedAt, mark } = decisions
  const asked = rules !== undefined && 'qa' in rules ? rules : { qa: 0, approvals: 0 }
  const by = decisions.requested?.by ?? request.by
  const requester = by.name === undefined && by.id === request.by.id ? request.by : by
  const others = signOffs.filter((each) => each.fingerprint !== undefined && each.fingerprint !== fingerprint)
  const result: Words = commit === undefined ? [] : [{ code: commit }]
  const took = (from: string | undefined, to: string | undefined) =>
    from === undefined || to === undefined ? undefined : duration(Date.parse(to) - Date.parse(from))
  const run = took(startedAt, times.endedAt)
  const facts: readonly Fact[] = [
    isProcess(requester)
      ? ['Requested', [`automatically, ${utc(request.at)}`]]
      : ['Requested by', [`${personText(requester)}, ${utc(request.at)}`]],
    ...(request.startAt === undefined ? [] : [['Time to start', [`${utc(request.startAt)} UTC`]] as const]),
    ...(request.reason === undefined ? [] : [['Reason', [request.reason]] as const]),
    ...signOffFact(evidence, 'emergency', 'Emergency'),
    ...signOffFact(evidence, 'qa', 'QA', asked.qa === 'each change' ? 1 : asked.qa),
    ...testedFact(evidence),
    ...signOffFact(evidence, 'approval', 'Approval', asked.approvals),
    ...signOffFact(evidence, 'talked over', 'Talked over'),
    ...signOffFact(evidence, 'rejection', 'Rejected by'),
    ...(plan === undefined ? [] : [['What', whatText(evidence)] as const]),
    ...(plan === undefined
      ? []
      : [
          [
            'Source',
            [{ code: plan.bound.source.branch }, ' at ', { code: plan.bound.source.commit ?? 'no commit' }],
          ] as const,
        ]),
    ...(result.length === 0 ? [] : [['Deployed', [...result, ...(push ? [' to ', { link: push.url }] : [])]] as const]),
    ...(pullRequest ? [['Pull request', [{ link: pullRequest.url }]] as const] : []),
    ...[migrations ?? []]
      .flat()
      .filter(({ pending }) => pending.length > 0)
      .map(({ name, database, before, after }) => {
        const moved = ` from ${before.join(', ') || 'nothing'}${after === undefined ? '' : ` to ${after.join(', ')}`}`
        return [name === undefined ? 'Database' : `Database ${name}`, [{ code: database }, moved]] as const
      }),
    ...(mark === undefined ? [] : [['Marked', [markText(mark)]] as const]),
    ...(fingerprint === undefined
      ? []
      : [
          [
            'Fingerprint',
            [
              { code: fingerprint },
              signOffs.length === 0
                ? ''
                : others.length === 0
                  ? ': every sign-off is on it'
                  : ': not every sign-off is on it',
            ],
          ] as const,
        ]),
    ...(run === undefined
      ? []
      : [['Took', [`${run} from the start of the run, ${took(request.at, times.endedAt)} from the request`]] as const]),
  ]
  return { title: 'At a glance', blocks: [{ is: 'facts', facts }] }
}

/** `bad by Tom (U04TOM), 2026-11-22 09:00:00: "logins fail"`. */
function markText({ is, by, at, reason, rollback }: Mark): string {
  const how = rollback === undefined ? '' : ` by the rollback #${rollback}`
  return `${is}${how}, ${personText(by)}, ${utc(at)}${reason === undefined ? '' : `: ${JSON.stringify(reason)}`}`
}

function whatText({ plan, picked }: Evidence): Words {
  if (plan === undefined) return []
  const count = (n: number, one: string) => `${n} ${one}${n === 1 ? '' : 's'}`
  const { rollback } = plan
  if (rollback !== undefined) {
    const away = rollback.unknowns.some(({ what }) => what === 'commits' || what === 'runs')
      ? 'not known what goes away'
      : `${count(plan.commitCount, 'commit')} taken away`
    const { length } = rollback.migrations
    const since =
      length === 0
        ? 'no migrations since'
        : `${count(length, 'migration')} since, which ${length === 1 ? 'stays' : 'stay'}`
    return [`back to #${rollback.to.number}, commit `, { code: rollback.to.commit }, `: ${away}, ${since}`]
  }
  const migrations = pendingCount(plan)
  const commits = picked ? `${count(picked.from.length, 'picked commit')}` : count(plan.commitCount, 'commit')
  return [`${commits}, ${migrations === 0 ? 'no migrations' : count(migrations, 'migration')}`]
}

function storySection(evidence: Evidence): Section {
  const names = namesIn(evidence)
  const started = Date.parse(evidence.chain.events.at(0)?.event.at ?? evidence.request.at)
  const rows = evidence.chain.events
    .filter(({ event }) => isMainEvent(event))
    .map(({ event }): readonly Words[] => {
      const { at, actor } = event
      const who = isProcess({ id: actor }) ? 'Signoff' : (names.get(actor) ?? actor)
      return [[utc(at)], [`+${duration(Math.max(0, Date.parse(at) - started))}`], [who], [eventWords(event)]]
    })
  return {
    title: 'What happened',
    blocks: [
      { is: 'table', heads: ['when', 'after', 'who', 'what'], rows, none: 'No event is recorded.' },
      ...(evidence.end?.problem === undefined ? [] : [words('Why it stopped is in the details, under Run.')]),
    ],
  }
}
