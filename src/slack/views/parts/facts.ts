import { commitToPush, type Plan, pendingCount } from '../../../release/plan.ts'
import { isEmergency, type Release, type StepRow, step } from '../../../release/release.ts'
import type { RollbackPlan } from '../../../release/rollback-plan.ts'
import type { MigrationRisk } from '../../../release/settings.ts'
import { STEP_NAMES } from '../../../release/steps.ts'
import type { PersonName, ReleaseKind, SignOffKind, StepName } from '../../../release/terms.ts'
import { byWhom, type PersonFacts, requestedHow, shown } from './persons.ts'
import { backTo, goesAway, missedWords } from './rollback.ts'
import { capital, counted, cut, defused, duration, eight, link, oneLine, short, together } from './text.ts'

// ------------------------------------------------------------------------------------------------ names

const KINDS: Readonly<Record<ReleaseKind, { readonly name: string; readonly mark: string }>> = {
  deploy: { name: 'Release', mark: '' },
  hotfix: { name: 'Hot-fix', mark: '🩹 ' },
  rollback: { name: 'Rollback', mark: '⏪ ' },
}

/** `Release #12`, `Hot-fix #12`, `Rollback #12`: what people call it by its kind. */
export function kindCalled({ kind, number }: { readonly kind: ReleaseKind; readonly number: number }): string {
  return `${KINDS[kind].name} #${number}`
}

/** The same, or `Emergency #12`: what people call it, with its number. */
export function called(release: Release): string {
  return isEmergency(release) ? `Emergency #${release.number}` : kindCalled(release)
}

/** The same for the beginning of a spoken sentence. */
export function calledInFull(release: Release): string {
  return isEmergency(release) ? `Emergency release #${release.number}` : called(release)
}

/** The card's first line. */
export function title(release: Release): string {
  const mark = isEmergency(release) ? '🚨 ' : KINDS[release.kind].mark
  return `${mark}${called(release)}: ${where(release)}`
}

/** `api → production`; of a rollback, which takes nothing there, `api production`. */
export function where({ kind, app, environment }: Release): string {
  return kind === 'rollback' ? place({ app, environment }) : `${app} → ${environment}`
}

/** `api production`. */
export function place({ app, environment }: { readonly app: string; readonly environment: string }): string {
  return `${app} ${environment}`
}

/** Those whose sign-off of this kind counts for the current plan. */
function signedBy(release: Release, kind: SignOffKind): readonly PersonName[] {
  return release.signOffs
    .filter((signOff) => signOff.kind === kind && signOff.fingerprint === release.fingerprint)
    .map(({ person }) => person)
}

/** Their names. */
export function signers(release: Release, kind: SignOffKind): readonly string[] {
  return signedBy(release, kind).map(({ name }) => name)
}

/** `Requested by Dana · QA by Lin · Approved by Tom`, for mrkdwn; sign-offs that are missing are left out. */
export function whoSigned(release: Release, facts: PersonFacts, requester = shown(release.requester, facts)): string {
  const parts: [string, readonly PersonName[]][] = [
    ['QA', signedBy(release, 'qa')],
    ['Approved', signedBy(release, 'approval')],
    ['Talked over', signedBy(release, 'talked over')],
  ]
  const given = parts.filter(([, people]) => people.length > 0)
  const lines = given.map(([what, people]) => together(what, 'by', people.map((one) => shown(one, facts)).join(', ')))
  return [requestedHow(release, requester), ...lines].join(' · ')
}

/** `QA by Lin, approved by Tom, requested by Dana`, for `text`. */
export function whoSignedSpoken(release: Release): string {
  const qa = signers(release, 'qa')
  const approval = signers(release, 'approval')
  const of = (people: readonly string[]) => people.map((one) => defused(one, 40)).join(' and ')
  const talked = signers(release, 'talked over')
  return [
    ...(qa.length > 0 ? [`QA by ${of(qa)}`] : []),
    ...(approval.length > 0 ? [`approved by ${of(approval)}`] : []),
    ...(talked.length > 0 ? [`${release.kind === 'rollback' ? '' : 'migrations '}discussed by ${of(talked)}`] : []),
    `requested ${byWhom(release)}`,
  ].join(', ')
}

// ------------------------------------------------------------------------------------------------ what is deployed

export const RISK_WORDS: Readonly<Record<MigrationRisk, string>> = {
  destroys: 'destroys data',
  unknown: 'effect unknown',
  locks: 'locks tables',
  adds: 'adds',
}

/** `1 destroys data, 2 of unknown effect, 1 locks tables`, the worst first; empty when all only add. */
export function risks(plan: Plan): string {
  const count = (risk: MigrationRisk) => plan.migrations.filter((migration) => migration.risk === risk).length
  const destroys = count('destroys')
  const unknown = count('unknown')
  const locks = count('locks')
  return [
    ...(destroys > 0 ? [`${destroys} ${destroys === 1 ? 'destroys' : 'destroy'} data`] : []),
    ...(unknown > 0 ? [`${unknown} of unknown effect`] : []),
    ...(locks > 0 ? [`${locks} ${locks === 1 ? 'locks' : 'lock'} tables`] : []),
  ].join(', ')
}

/** What the plan's migrations destroy, each once: `drops column users.email`, or a migration's title; empty for nothing. */
export function destroyed(plan: Plan): readonly string[] {
  const all = plan.migrations
    .filter(({ risk, findings = [] }) => risk === 'destroys' || findings.some((one) => one.risk === 'destroys'))
    .flatMap(({ message, revision, findings = [] }) => {
      const found = findings.filter(({ risk }) => risk === 'destroys').map(({ what }) => what)
      return found.length > 0 ? found : [`migration ${eight(revision)}, ${message}`]
    })
  return [...new Set(all.map((what) => cut(oneLine(what), 80)))]
}

/** `Destroys data: drops column users.email; and 2 more`, in plain words; undefined for nothing. */
export function destroysWords(plan: Plan, most = 3): string | undefined {
  const all = destroyed(plan)
  const left = all.length - most
  const named = [...all.slice(0, most), ...(left > 0 ? [`and ${left} more`] : [])]
  return all.length === 0 ? undefined : `Destroys data: ${named.join('; ')}`
}

export function migrationCount(plan: Plan): number {
  return plan.bound.database === null ? plan.migrations.length : pendingCount(plan)
}

/**
 * `5 commits and 2 migrations`, `5 commits`, `2 migrations`; where the remote has it all, `9f2c1ab, which is already on the
 * remote`. Of a rollback: `back to #40 (1f03ae2)`.
 */
export function whatGoes(plan: Plan): string {
  if (plan.rollback !== undefined) return `back to ${backTo(plan.rollback)}`
  const migrations = migrationCount(plan)
  const parts = [
    ...(plan.commitCount > 0 ? [counted(plan.commitCount, 'commit')] : []),
    ...(migrations > 0 ? [counted(migrations, 'migration')] : []),
  ]
  const held = heldCommit(plan)
  return parts.length > 0
    ? parts.join(' and ')
    : held === undefined
      ? NO_COMMITS
      : `${short(held)}, which is already on the remote`
}

export const NO_COMMITS = 'no new commits'

/** The commit to deploy where there is no new one: the remote has it and does not run it yet. */
export function heldCommit({ bound, commitCount }: Plan): string | undefined {
  const { remote, result } = bound
  const isHeld = commitCount === 0 && result.how !== 'merge' && remote.holds === result.commit
  return isHeld && remote.runs !== remote.holds ? result.commit : undefined
}

/** `5 commits`, or for a hot-fix `1 commit picked onto production, plus 2 unreleased commits`. */
export function commitWords(release: Release, plan: Plan): string {
  const { hotfix, bound, commitCount } = plan
  if (plan.rollback !== undefined) return `back to ${backTo(plan.rollback)}, ${goesAway(plan)}`
  const branch = defused(bound.target.branch, 60)
  if (release.kind !== 'hotfix') return commitCount === 0 ? NO_COMMITS : counted(commitCount, 'commit')
  const also = hotfix?.alsoGoes.count ?? 0
  return `${counted(hotfix?.picks.length ?? commitCount, 'commit')} picked onto ${branch}${also === 0 ? '' : `, plus ${counted(also, 'unreleased commit')}`}`
}

/** `5 commits · PR #418 · 2 migrations, 1 destroys data`, for mrkdwn. */
export function summary(release: Release, plan: Plan): string {
  const migrations = migrationCount(plan)
  const areApplied = migrations > 0 && release.steps.some(({ name, state }) => name === 'migrate' && state === 'done')
  const risky = risks(plan)
  if (plan.rollback !== undefined)
    return capital([commitWords(release, plan), ...riskSummary(plan.rollback)].join(' · '))
  return [
    commitWords(release, plan),
    ...pullRequest(plan),
    migrations === 0
      ? 'no migrations'
      : areApplied
        ? together(counted(migrations, 'migration'), 'applied')
        : `${counted(migrations, 'migration')}${risky === '' ? '' : `, ${risky}`}`,
  ].join(' · ')
}

function riskSummary(rollback: RollbackPlan): string[] {
  const missed = missedWords(rollback).length
  return [
    ...(missed === 0 ? [] : [`:warning: the old code may miss ${counted(missed, 'change')} of the schema`]),
    ...(rollback.unknowns.length === 0 ? [] : [`:warning: ${rollback.unknowns.length} not known`]),
  ]
}

/** The pull request's link for mrkdwn, if there is one. */
export function pullRequest(plan: Plan): string[] {
  return plan.pullRequest === undefined ? [] : [link(plan.pullRequest.url, together('PR', `#${plan.pullRequest.id}`))]
}

// ------------------------------------------------------------------------------------------------ the current state

/** The commit on origin and the remote after the release; undefined before a merge step has made it. */
export function finalCommit(release: Release): string | undefined {
  const made = step(release, 'merge')?.result?.commit ?? step(release, 'pick')?.result?.commit
  return release.plan === undefined ? made : (commitToPush(release.plan, made) ?? made)
}

/** All steps of the run in order, including those that have not started. */
export function stepsInOrder(release: Release): readonly StepRow[] {
  const planned = new Set<StepName>([...(release.plan?.steps ?? []), ...release.steps.map(({ name }) => name)])
  // A rollback is recorded after it runs: its plan has an order of its own.
  const order = release.kind === 'rollback' ? [...planned] : STEP_NAMES.filter((name) => planned.has(name))
  return order.map((name) => step(release, name) ?? { name, state: 'pending', attempt: 0, effect: 'none' })
}

/** `step 6 of 9`. */
export function stepOf(release: Release, name: StepName): string {
  const steps = stepsInOrder(release)
  return together('step', steps.findIndex((row) => row.name === name) + 1, 'of', steps.length)
}

/** The step that runs, or comes next. */
export function stepNow(release: Release): StepRow | undefined {
  const steps = stepsInOrder(release)
  return steps.find(({ state }) => state === 'running') ?? steps.find(({ state }) => state !== 'done')
}

/** How long the run took; undefined unless it has both started and ended. */
export function took(release: Release): string | undefined {
  const from = release.startedAt ?? release.approvedAt
  if (from === undefined || release.endedAt === undefined) return undefined
  return duration(release.endedAt.getTime() - from.getTime())
}
