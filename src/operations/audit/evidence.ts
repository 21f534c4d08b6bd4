/**
 * One release's evidence for an auditor, as a JSON bundle; `evidence-markdown.ts` formats it for reading. The command
 * `signoff audit export` is in `cli/audit.ts`.
 */

import { defined } from '../../lib/defined.ts'
import type { Tested } from '../../release/changes.ts'
import { EVENTS, type EventType } from '../../release/events.ts'
import { pickedCommit } from '../../release/hotfix.ts'
import { type BoundDatabase, databasesOf } from '../../release/plan.ts'
import type { EventRow, StoredMessage } from '../../release/record.ts'
import { type Release, type SignOff, type StepResult, type StepRow, step } from '../../release/release.ts'
import type { PostedMessage } from '../../release/terms.ts'
import { disagreements } from './agreement.ts'
import { type Decisions, decisionsOf, type EventBody, isText, PROCESSES } from './decisions.ts'
import type { ChainFinding } from './record.ts'
import { type Separation, separationOf } from './separation.ts'

/** Each part of the release's life. A part is absent when the release did not reach it. */
export interface Evidence {
  readonly release: Pick<Release, 'number' | 'app' | 'environment' | 'kind' | 'state'>
  readonly request: {
    readonly by: Release['requester']
    readonly at: string
    readonly reason?: string
    readonly picks?: readonly string[]
    /** When it was asked to start, as last changed, and in whose time zone. */
    readonly startAt?: string
    readonly timeZone?: string
  }
  readonly plan?: Release['plan']
  /** What people signed: the SHA-256 of the canonical JSON of `plan.bound`. */
  readonly fingerprint?: string
  /** Who gave which sign-off, with which permission, when, and for which fingerprint. */
  readonly signOffs: readonly SignOff[]
  /** Who has tested which change, where QA was asked for each. */
  readonly tested?: readonly Tested[]
  /** The sign-offs that are void: their person has said that they did not give them. Absent: none. */
  readonly disputed?: Release['disputed']
  /** What people decided, as the events record it, with the rules that were in force and who was in the groups. */
  readonly decisions: Decisions
  /** Whether different people requested, tested and approved it; computed from `decisions`. */
  readonly separation: Separation
  /** What the store's tables say otherwise than the events. Not empty: somebody changed the tables. */
  readonly disagreements: readonly string[]
  /** Everyone who took an action, with all their actions, in order. */
  readonly people: readonly PersonActions[]
  readonly times: Readonly<Record<string, string>>
  readonly pullRequest?: {
    readonly id: number
    readonly url: string
    /** The commit that its merge made. */
    readonly merged?: string
  }
  /** The URL of the comment that records the sign-offs beside the code. */
  readonly comment?: string
  /** For a hot-fix: the requested commits, and the commit that contains them on the environment's branch. */
  readonly picked?: { readonly from: readonly string[]; readonly commit?: string }
  readonly migrations?: MigratedDatabase | readonly MigratedDatabase[]
  readonly push?: {
    readonly url: string
    readonly branch: string
    /** The commit of the remote's branch before; null when it had none. */
    readonly from: string | null
    readonly commit?: string
    readonly state: StepRow['state']
    readonly at?: string
  }
  /** What the platform reported as running. */
  readonly proof?: {
    readonly said?: string
    readonly commit?: string
    readonly platformRelease?: string
    readonly at?: string
  }
  /**
   * Messages in Slack, in order: card, announcement and outcome. The other lines of the thread are included until the
   * release has ended and they are 30 days old.
   */
  readonly messages: readonly (PostedMessage & {
    readonly kind: StoredMessage['kind']
    readonly at: string
    readonly link: string
  })[]
  readonly steps: readonly StepRow[]
  readonly end?: {
    readonly state: Release['state']
    readonly by?: Release['endedBy']
    readonly reason?: string
    readonly problem?: Release['problem']
  }
  readonly chain: {
    /** Result of the verification of the whole chain, which contains these events. */
    readonly found: ChainFinding
    /** `hash` is the SHA-256, in hex, of `previousHash` followed by `body`; `event` is `body`, parsed. */
    readonly events: readonly (EventRow & { readonly event: EventBody })[]
  }
}

export interface MigratedDatabase {
  /** Absent if the environment has one database. */
  readonly name?: string
  readonly database: string
  readonly before: readonly string[]
  readonly pending: readonly string[]
  readonly after?: readonly string[]
}

export interface PersonActions {
  /** Slack user id. */
  readonly id: string
  readonly name?: string
  readonly did: readonly {
    /** The number of the event that records it. */
    readonly event: number
    readonly at: string
    /** Such as `cancel asked`, or `sign off given: approval`. */
    readonly what: string
    /** A group's handle, `named by id`, `every full member` or `the requester`; absent in old events, which do not record it. */
    readonly right?: string
  }[]
}

/** What the store holds about a release. */
export interface StoredEvidence {
  readonly release: Release
  readonly events: readonly EventRow[]
  readonly messages: readonly StoredMessage[]
  readonly chain: ChainFinding
}

/** A permalink that opens in the reader's workspace. A message in a thread needs the thread's `ts` too. */
function link({ channel, ts }: PostedMessage, thread: string | undefined): string {
  const address = `https://slack.com/archives/${channel}/p${ts.replace('.', '')}`
  return thread === undefined ? address : `${address}?thread_ts=${thread}&cid=${channel}`
}

/** These kinds are posted in the thread of the release's card. */
const IN_THREAD: readonly StoredMessage['kind'][] = ['line', 'outcome']

const MOMENTS = ['requestedAt', 'plannedAt', 'cardPostedAt', 'approvedAt', 'startedAt', 'endedAt', 'expiresAt'] as const

/** Collects everything known about a release. It contains no secret, because the store holds none. */
export function evidenceOf({ release, events, messages, chain }: StoredEvidence): Evidence {
  const { number, app, environment, kind, state, plan, fingerprint } = release
  const chained = events.map((row) => ({ ...row, event: JSON.parse(row.body) as EventBody }))
  const bodies = chained.map(({ event }) => event)
  const decisions = decisionsOf(bodies)
  return {
    release: { number, app, environment, kind, state },
    request: {
      by: release.requester,
      at: release.requestedAt.toISOString(),
      ...defined({ reason: release.reason, picks: release.picks }),
      ...defined({ startAt: release.schedule?.at.toISOString(), timeZone: release.schedule?.timeZone }),
    },
    ...defined({ plan, fingerprint }),
    signOffs: release.signOffs,
    ...defined({ tested: release.tested, disputed: release.disputed }),
    decisions,
    separation: separationOf(decisions),
    disagreements: disagreements({ ...release, tested: release.tested ?? [] }, bodies, decisions),
    people: peopleOf(release, chained),
    times: Object.fromEntries(
      MOMENTS.flatMap((moment) => (release[moment] ? [[moment, release[moment].toISOString()]] : [])),
    ),
    ...effectsOf(release),
    messages: messagesOf(release, chained, messages),
    steps: release.steps,
    ...endOf(release),
    chain: { found: chain, events: chained },
  }
}

/** What is known about a type of event. Undefined for a type that only a newer version knows. */
function factsOf(type: string) {
  return Object.hasOwn(EVENTS, type) ? EVENTS[type as EventType] : undefined
}

/** Places recorded in events are kept forever. The store's own rows of the same messages may be deleted. */
function messagesOf(
  release: Release,
  events: Evidence['chain']['events'],
  stored: readonly StoredMessage[],
): Evidence['messages'] {
  const placed = events.flatMap(({ event: { type, at, data } }) => {
    const kind = factsOf(type)?.placeOf
    return kind && isText(data.channel) && isText(data.ts) ? [{ kind, channel: data.channel, ts: data.ts, at }] : []
  })
  const others = stored
    .filter(({ channel, ts }) => !placed.some((place) => place.channel === channel && place.ts === ts))
    .map(({ kind, channel, ts, at }) => ({ kind, channel, ts, at: at.toISOString() }))
  return [...placed, ...others]
    .sort((one, other) => Number(one.ts) - Number(other.ts))
    .map((message) => ({
      ...message,
      link: link(message, IN_THREAD.includes(message.kind) ? release.card?.ts : undefined),
    }))
}

/** Ends recorded only by `release_ended` when a person causes them. Cancel and rejection have an event of their own. */
const ENDS_BY_PERSON: readonly unknown[] = ['closed', 'outdated']
const ENDED: EventType = 'release_ended'
const SIGNED: EventType = 'sign_off_given'

function peopleOf(release: Release, events: Evidence['chain']['events']): readonly PersonActions[] {
  const { requester, signOffs, disputed, endedBy } = release
  const known = [
    requester,
    ...[...signOffs, ...(disputed ?? [])].map(({ person }) => person),
    ...(endedBy ? [endedBy] : []),
  ]
  const actions = events.filter(({ event: { type, actor, data } }) => {
    const isPress = factsOf(type)?.isPress === true || (type === ENDED && ENDS_BY_PERSON.includes(data.state))
    return isPress && !PROCESSES.includes(actor)
  })
  return [...new Set(actions.map(({ event }) => event.actor))].map((id) => {
    const theirs = actions.filter(({ event }) => event.actor === id)
    const name = theirs.map(({ event }) => event.data.name).find(isText) ?? known.find((one) => one.id === id)?.name
    return { id, ...defined({ name }), did: theirs.map(actionOf) }
  })
}

function actionOf({
  id,
  event: { at, type, data },
}: Evidence['chain']['events'][number]): PersonActions['did'][number] {
  const more = type === SIGNED ? data.kind : type === ENDED ? data.state : undefined
  const what = type.replaceAll('_', ' ')
  const right = isText(data.right) ? data.right : undefined
  return { event: id, at, what: isText(more) ? `${what}: ${more}` : what, ...defined({ right }) }
}

function migrated(database: BoundDatabase, result: StepResult | undefined): MigratedDatabase {
  const { name, identity, revisions, pending } = database
  const after =
    name === undefined ? result?.revisions : result?.databases?.find((each) => each.name === name)?.revisions
  return { ...defined({ name }), database: identity, before: revisions, pending, ...defined({ after }) }
}

type Effects = Pick<Evidence, 'pullRequest' | 'comment' | 'picked' | 'migrations' | 'push' | 'proof'>

/** What the steps of the run changed or confirmed. */
function effectsOf(release: Release): Effects {
  const { plan } = release
  if (plan === undefined) return {}
  const { remote } = plan.bound
  const [merge, record, migrate, push, confirm] = (['merge', 'record', 'migrate', 'push', 'confirm'] as const).map(
    (name) => step(release, name),
  )
  const at = (row: StepRow) => row.endedAt?.toISOString()
  const commit = (row: StepRow | undefined) => row?.result?.commit
  const databases = databasesOf(plan.bound).map((database) => migrated(database, migrate?.result))
  return defined({
    pullRequest: plan.pullRequest && {
      id: plan.pullRequest.id,
      url: plan.pullRequest.url,
      ...defined({ merged: commit(merge) }),
    },
    comment: record?.result?.commentUrl,
    picked: plan.hotfix && {
      from: plan.hotfix.picks.map(({ from }) => from),
      ...defined({ commit: pickedCommit(release) }),
    },
    // One database keeps the form that it had before there were several.
    migrations: databases.length > 1 ? databases : databases[0],
    push: push && {
      url: remote.url,
      branch: remote.branch,
      from: remote.holds,
      state: push.state,
      ...defined({ commit: commit(push), at: at(push) }),
    },
    proof:
      confirm?.state === 'done'
        ? defined({
            said: confirm.result?.said,
            commit: commit(confirm),
            platformRelease: confirm.result?.platformRelease,
            at: at(confirm),
          })
        : undefined,
  })
}

function endOf({ state, endedAt, endedBy, endReason, problem }: Release): Pick<Evidence, 'end'> {
  if (endedAt === undefined) return {}
  return {
    end: {
      state,
      ...defined({ by: endedBy, reason: endReason, problem }),
    },
  }
}
