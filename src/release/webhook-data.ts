/**
 * The `data` of a webhook's body: who did it, and the release or the lock as it is then. Its keys are public, and are only
 * added. No SQL, no output of tools, no address with a credential and no e-mail address is in it.
 */
import { defined } from '../lib/defined.ts'
import type { ReleaseEvent } from './events.ts'
import type { Lock } from './lock.ts'
import { databasesOf, type Plan } from './plan.ts'
import { isEmergency, type Release, type SignOff } from './release.ts'
import type { PersonName } from './terms.ts'

/** The most entries of a list; its count stands beside it. */
const MOST_LISTED = 50
const LONGEST_TITLE = 200

export type WebhookData = {
  /** The person who did it; null: nobody, such as a worker or the time. */
  readonly by: PersonName | null
  readonly release?: object
  readonly lock?: object
  readonly sign_off?: object
  readonly mark?: object
}

/** What is told of a release, and of the sign-off or the mark that the event is about. */
export function releaseData(event: ReleaseEvent, release: Release): WebhookData {
  return {
    by: personOf(event, release),
    ...(event.type === 'sign_off_given' && { sign_off: signOffIn(event.data, event.actor, release) }),
    ...(event.type === 'release_marked' && {
      mark: { is: event.data.mark, reason: event.data.reason ?? null, rollback: event.data.rollback ?? null },
    }),
    release: releaseFacts(release),
  }
}

/** What is told of a lock. `lock`: absent if the store does not have it, which is no error here. */
export function lockData(event: ReleaseEvent, lock: Lock | undefined): WebhookData {
  const { app, environment, lock: id } = event.data as { app?: string; environment?: string; lock: number }
  const taken = event.type === 'lock_taken_over' ? { id: event.data.from, name: event.data.fromName } : null
  return {
    by: personOf(event),
    lock: {
      id,
      app: app ?? null,
      environment: environment ?? null,
      holder: lock?.holder ?? null,
      reason: lock?.reason ?? null,
      since: lock?.since.toISOString() ?? null,
      until: lock?.until?.toISOString() ?? null,
      ended: lock?.ended?.how ?? null,
      taken_over_from: taken,
    },
  }
}

/** Of parts of Signoff no person is told: they are `worker`, `bot` and `signoff`. */
const PARTS: readonly string[] = ['worker', 'bot', 'signoff']

function personOf({ actor, data }: ReleaseEvent, release?: Release): PersonName | null {
  if (PARTS.includes(actor)) return null
  const name = 'name' in data && typeof data.name === 'string' ? data.name : nameIn(release, actor)
  return { id: actor, name: name ?? actor }
}

/** Some events name their actor by id alone: the release knows who its people are. */
function nameIn(release: Release | undefined, id: string): string | undefined {
  if (release === undefined) return undefined
  const people = [
    release.endedBy,
    release.cancelRequestedBy,
    release.requester,
    ...release.signOffs.map((s) => s.person),
  ]
  return people.find((person) => person?.id === id)?.name
}

function signOffIn(
  { kind, note, waives = [] }: Extract<ReleaseEvent, { type: 'sign_off_given' }>['data'],
  by: string,
  { signOffs }: Release,
) {
  const given = signOffs.findLast((one) => one.kind === kind && one.person.id === by)
  return { ...(given ? signOffFacts(given) : { kind, note: note ?? null }), waives }
}

function releaseFacts(release: Release) {
  const { number, app, environment, kind, state, requester, reason, plan, problem, schedule } = release
  return {
    number,
    app,
    environment,
    kind,
    state,
    requester,
    reason: reason ?? null,
    emergency: isEmergency(release),
    attempt: release.attempt,
    requested_at: release.requestedAt.toISOString(),
    planned_at: release.plannedAt?.toISOString() ?? null,
    approved_at: release.approvedAt?.toISOString() ?? null,
    started_at: release.startedAt?.toISOString() ?? null,
    ended_at: release.endedAt?.toISOString() ?? null,
    start_at: schedule?.at.toISOString() ?? null,
    sign_offs: release.signOffs.map(signOffFacts),
    problem: problem === undefined ? null : { gate: problem.because.gate, step: problem.step ?? null },
    ended_by: release.endedBy ?? null,
    end_reason: release.endReason ?? null,
    proven_commit: release.provenCommit ?? null,
    replaced_by: release.replacedBy ?? null,
    card: release.card ?? null,
    plan: plan === undefined ? null : planFacts(plan, release.fingerprint),
  }
}

/** By whole characters. */
function cut(text: string): string {
  return [...text.slice(0, 2 * LONGEST_TITLE)].slice(0, LONGEST_TITLE).join('')
}

function signOffFacts({ kind, person, at, note }: SignOff) {
  return { kind, person, at: at.toISOString(), note: note ?? null }
}

function planFacts(plan: Plan, fingerprint: string | undefined) {
  const { bound, pullRequest, migrations, hotfix, rollback } = plan
  const { source, target, remote } = bound
  return {
    fingerprint: fingerprint ?? null,
    source: { branch: source.branch, commit: source.commit },
    target: { branch: target.branch, commit: target.commit },
    remote: { branch: remote.branch, holds: remote.holds, runs: remote.runs },
    commit: bound.result.how === 'merge' ? null : bound.result.commit,
    first_release: plan.firstRelease,
    commit_count: plan.commitCount,
    commits: plan.commits.slice(0, MOST_LISTED).map(({ sha, title, author }) => ({
      sha,
      title: cut(title),
      author: author.name,
    })),
    pull_request: pullRequest === undefined ? null : { id: pullRequest.id, url: pullRequest.url },
    migration_count: databasesOf(bound).reduce((sum, { pending }) => sum + pending.length, 0),
    migrations: migrations.slice(0, MOST_LISTED).map(({ revision, database, message, file, risk }) => ({
      ...defined({ database }),
      revision,
      message: cut(message),
      file,
      risk: risk ?? null,
    })),
    steps: plan.steps,
    picks: hotfix?.picks.map(({ from, made }) => ({ from, made })) ?? null,
    rollback: rollback === undefined ? null : { from: rollback.from?.number ?? null, to: rollback.to.number },
  }
}
