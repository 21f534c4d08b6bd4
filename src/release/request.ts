/** Requests a release: looks up what the transaction needs, and answers when the environment is busy. */
import { defined } from '../lib/defined.ts'
import { currentConfiguration } from './configuration.ts'
import { environmentBusy } from './environment-busy.ts'
import type { Person } from './policy.ts'
import type { Directory } from './ports/directory.ts'
import type { Store } from './ports/store.ts'
import type { Refused } from './refusals.ts'
import type { Release, RollbackRequest } from './release.ts'
import { readSchedule } from './schedule.ts'
import type { Environment } from './settings.ts'
import type { MissingWorker, ReleaseKind } from './terms.ts'
import { type Replacing, requested } from './transitions/index.ts'
import { findMissingWorker } from './workers.ts'

export interface RequestCommand {
  readonly app: string
  readonly environment: string
  readonly kind: ReleaseKind
  /** Slack user id. */
  readonly by: string
  /** Slack's id of the delivery. The same key gives the same release. */
  readonly key: string
  readonly responseUrl?: string
  readonly reason?: string
  readonly picks?: readonly string[]
  /** When it shall start: as typed, or as picked. Absent: as soon as it may. */
  readonly at?: { readonly typed: string } | { readonly picked: Date }
  readonly rollback?: RollbackRequest
  /** Releases that the person agreed to end with a hot-fix or a rollback; no other is ended. */
  readonly ends?: readonly number[]
  /** Only an emergency is to start it: checks and freezes don't refuse it. */
  readonly forEmergency?: true
}

/** `noWorker`: no worker that may release the environment is alive, so planning waits. */
export type Requested = { readonly release: Release; readonly noWorker?: MissingWorker } | Refused

/**
 * Creates a release of this environment for this person. Refuses when the channel can't be posted to, the environment is
 * busy, or policy forbids replacing the old release. Safe to repeat: the same `key` gives the same release.
 */
export async function requestRelease(
  { store, directory }: { store: Store; directory: Directory },
  command: RequestCommand,
  { environment, person }: { environment: Environment; person: Person },
  replacing?: Replacing,
): Promise<Requested> {
  const { at, ...asked } = command
  const timeZone = person.timeZone ?? 'UTC'
  const time = at && readSchedule(at, { now: await store.now(), timeZone })
  const channel = await directory.channel(environment.channel)
  if ('unreachable' in channel) {
    const { unreachable: why } = channel
    const error = why === 'Slack did not answer' ? directory.refusedBy?.() : undefined
    return { refused: { gate: 'channel_unreachable', channel: environment.channel, why, ...defined({ error }) } }
  }
  const missing = await findMissingWorker(store, environment)
  const configuration = await currentConfiguration(store, environment)
  const outcome = await store.transaction((tx) =>
    requested(tx, {
      release: {
        app: environment.app,
        environment: environment.name,
        kind: asked.kind,
        requester: { id: person.id, name: person.name },
        configuration,
        requestKey: asked.key,
        ...defined({
          responseUrl: asked.responseUrl,
          reason: asked.reason,
          picks: asked.picks,
          rollback: asked.rollback,
        }),
        ...(time && 'schedule' in time && { schedule: time.schedule }),
      },
      ...(time && 'refused' in time && { refused: time.refused }),
      environment,
      person,
      ends: asked.ends ?? [],
      waitsForWorker: missing !== undefined,
      ...defined({ replacing, forEmergency: command.forEmergency }),
    }),
  )
  if ('refused' in outcome) return outcome
  if ('busy' in outcome) return busy(outcome.busy, directory)
  const release = 'made' in outcome ? outcome.made : outcome.seen
  return { release, ...defined({ noWorker: missing }) }
}

async function busy(release: Release, directory: Directory): Promise<Refused> {
  const link = release.card && (await directory.permalink(release.card))
  return { refused: environmentBusy(release, link) }
}
