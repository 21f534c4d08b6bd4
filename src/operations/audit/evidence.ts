/** One release's evidence for an auditor: a JSON bundle, and the same as Markdown that a person can read. */

import { defined } from '../../lib/defined.ts'
import { EVENTS, type EventType } from '../../release/events.ts'
import type { EventRow, StoredMessage } from '../../release/record.ts'
import { type Release, type SignOff, type StepRow, step } from '../../release/release.ts'
import type { PostedMessage } from '../../release/terms.ts'
import type { ChainFinding } from './record.ts'

/** What was found and done, each with its own part, absent where the release did not come to it. */
export interface Evidence {
  readonly release: Pick<Release, 'number' | 'app' | 'environment' | 'kind' | 'state'>
  readonly request: {
    readonly by: Release['requester']
    readonly at: string
    readonly reason?: string
    readonly picks?: readonly string[]
  }
  readonly plan?: Release['plan']
  /** What people signed: the SHA-256 of the canonical JSON of `plan.bound`. */
  readonly fingerprint?: string
  /** Who said what, by which right, when, on which fingerprint. */
  readonly signOffs: readonly SignOff[]
  /** Everybody who pressed something, with all that they did, in order. */
  readonly people: readonly PersonsDeeds[]
  readonly times: Readonly<Record<string, string>>
  readonly pullRequest?: {
    readonly id: number
    readonly url: string
    /** The commit that its merge made. */
    readonly merged?: string
  }
  /** The comment in which the sign-offs are written down beside the code. */
  readonly comment?: string
  /** A hot-fix: the commits as they were asked for, and the one that carries them on the environment's branch. */
  readonly picked?: { readonly from: readonly string[]; readonly commit?: string }
  readonly migrations?: {
    readonly database: string
    readonly before: readonly string[]
    readonly pending: readonly string[]
    readonly after?: readonly string[]
  }
  readonly push?: {
    readonly url: string
    readonly branch: string
    /** What the remote held before; null: nothing. */
    readonly from: string | null
    readonly commit?: string
    readonly state: StepRow['state']
    readonly at?: string
  }
  /** What the platform itself said that it runs. */
  readonly proof?: {
    readonly said?: string
    readonly commit?: string
    readonly platformRelease?: string
    readonly at?: string
  }
  /**
   * Messages in Slack, in order: card, announcement, outcome and, until they are 30 days old and the release has ended,
   * the other lines of the thread.
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
    /** Whether the whole chain, in which these events stand, is as it was written. */
    readonly found: ChainFinding
    /** `hash` is the SHA-256, in hex, of `previousHash` followed by `body`; `event` is what `body` says. */
    readonly events: readonly (EventRow & { readonly event: EventSaid })[]
  }
}

export interface PersonsDeeds {
  /** Slack user id. */
  readonly id: string
  readonly name?: string
  readonly did: readonly {
    /** The number of the event that tells of it. */
    readonly event: number
    readonly at: string
    /** Such as `cancel asked`, or `sign off given: approval`. */
    readonly what: string
    /** A group's handle, `named by id`, `every full member` or `the requester`; absent in events of before it was kept. */
    readonly right?: string
  }[]
}

export interface EventSaid {
  readonly at: string
  readonly type: string
  readonly actor: string
  readonly data: Readonly<Record<string, unknown>>
}

/** What the store has of a release. */
export interface Stored {
  readonly release: Release
  readonly events: readonly EventRow[]
  readonly messages: readonly StoredMessage[]
  readonly chain: ChainFinding
}

/** Slack's own way to a message, which opens in the reader's workspace; to one in a thread by way of the thread. */
function link({ channel, ts }: PostedMessage, thread: string | undefined): string {
  const address = `https://slack.com/archives/${channel}/p${ts.replace('.', '')}`
  return thread === undefined ? address : `${address}?thread_ts=${thread}&cid=${channel}`
}

/** Where these stand: below the release's card. */
const IN_THREAD: readonly StoredMessage['kind'][] = ['line', 'outcome']

const MOMENTS = ['requestedAt', 'plannedAt', 'cardPostedAt', 'approvedAt', 'startedAt', 'endedAt', 'expiresAt'] as const

/** Gathers the evidence of a release; all that is known of it, and no secret, since none is stored. */
export function evidenceOf({ release, events, messages, chain }: Stored): Evidence {
  const { number, app, environment, kind, state, plan, fingerprint } = release
  const chained = events.map((row) => ({ ...row, event: JSON.parse(row.body) as EventSaid }))
  return {
    release: { number, app, environment, kind, state },
    request: {
      by: release.requester,
      at: release.requestedAt.toISOString(),
      ...defined({ reason: release.reason, picks: release.picks }),
    },
    ...defined({ plan, fingerprint }),
    signOffs: release.signOffs,
    people: peopleOf(release, chained),
    times: Object.fromEntries(
      MOMENTS.flatMap((moment) => (release[moment] ? [[moment, release[moment].toISOString()]] : [])),
    ),
    ...done(release),
    messages: messagesOf(release, chained, messages),
    steps: release.steps,
    ...ending(release),
    chain: { found: chain, events: chained },
  }
}

/** What is known of a type of event; a version after this one may have written others. */
function factsOf(type: string) {
  return Object.hasOwn(EVENTS, type) ? EVENTS[type as EventType] : undefined
}

/** The places that events tell of are there for good; the store's own rows of the same messages may be forgotten. */
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

/** The ends that a press makes by itself; a cancel and a rejection have an event of their own. */
const PRESSED_ENDS: readonly unknown[] = ['closed', 'outdated']
const ENDED: EventType = 'release_ended'
const SIGNED: EventType = 'sign_off_given'

/** Who has no Slack id. */
const OURS = ['bot', 'worker']

function peopleOf(release: Release, events: Evidence['chain']['events']): readonly PersonsDeeds[] {
  const { requester, signOffs, endedBy } = release
  const known = [requester, ...signOffs.map(({ person }) => person), ...(endedBy ? [endedBy] : [])]
  const pressed = events.filter(({ event: { type, actor, data } }) => {
    const isPress = factsOf(type)?.isPress === true || (type === ENDED && PRESSED_ENDS.includes(data.state))
    return isPress && !OURS.includes(actor)
  })
  return [...new Set(pressed.map(({ event }) => event.actor))].map((id) => {
    const theirs = pressed.filter(({ event }) => event.actor === id)
    const name = theirs.map(({ event }) => event.data.name).find(isText) ?? known.find((one) => one.id === id)?.name
    return { id, ...defined({ name }), did: theirs.map(deedOf) }
  })
}

function deedOf({ id, event: { at, type, data } }: Evidence['chain']['events'][number]): PersonsDeeds['did'][number] {
  const more = type === SIGNED ? data.kind : type === ENDED ? data.state : undefined
  const what = type.replaceAll('_', ' ')
  const right = isText(data.right) ? data.right : undefined
  return { event: id, at, what: isText(more) ? `${what}: ${more}` : what, ...defined({ right }) }
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}

type Done = Pick<Evidence, 'pullRequest' | 'comment' | 'picked' | 'migrations' | 'push' | 'proof'>

/** What the run has done, step by step, each with what it left behind. */
function done(release: Release): Done {
  const { plan } = release
  if (plan === undefined) return {}
  const { remote, database } = plan.bound
  const [merge, pick, record, migrate, push, confirm] = (
    ['merge', 'pick', 'record', 'migrate', 'push', 'confirm'] as const
  ).map((name) => step(release, name))
  const at = (row: StepRow) => row.endedAt?.toISOString()
  const commit = (row: StepRow | undefined) => row?.result?.commit
  return defined({
    pullRequest: plan.pullRequest && {
      id: plan.pullRequest.id,
      url: plan.pullRequest.url,
      ...defined({ merged: commit(merge) }),
    },
    comment: record?.result?.commentUrl,
    picked: plan.hotfix && { from: plan.hotfix.picks.map(({ from }) => from), ...defined({ commit: commit(pick) }) },
    migrations: database
      ? {
          database: database.identity,
          before: database.revisions,
          pending: database.pending,
          ...defined({ after: migrate?.result?.revisions }),
        }
      : undefined,
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

function ending({ state, endedAt, endedBy, endReason, problem }: Release): Pick<Evidence, 'end'> {
  if (endedAt === undefined) return {}
  return {
    end: {
      state,
      ...defined({ by: endedBy, reason: endReason, problem }),
    },
  }
}
