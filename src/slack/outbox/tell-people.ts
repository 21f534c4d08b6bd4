/** Tells people in private what the thread's last line says, before it is posted: it then mentions the others alone. */
import { isAutomatic } from '../../release/automatic.ts'
import type { DirectMessageKind } from '../../release/direct-messages.ts'
import type { StoredEvent } from '../../release/events.ts'
import type { PrivateMessage } from '../../release/messages.ts'
import { approvers } from '../../release/policy.ts'
import type { Posting } from '../../release/ports/deliveries.ts'
import type { Release } from '../../release/release.ts'
import type { Environment } from '../../release/settings.ts'
import { directMessage } from '../../release/thread.ts'
import { findTold, recordTold, type Told, whoIsTold } from '../../release/told-in-private.ts'
import type { About, Sending } from './sending.ts'

interface Fact {
  readonly kind: DirectMessageKind
  /** Who is to know, by id or group. */
  readonly entries: readonly string[]
  readonly message: PrivateMessage
  key(person: string): string
}

/**
 * Who is told in private of this outcome, decided once: before its first try. Undefined: nobody, so that it mentions everybody
 * it should. Safe to repeat.
 */
export async function tellOfOutcome(
  { ports }: Sending,
  { tries }: Pick<Posting, 'tries'>,
  { release, environment }: About,
): Promise<Told | undefined> {
  const { store } = ports
  const { number } = release
  const events = await store.events(number)
  const fact = factOf(release, environment, events)
  if (fact === undefined) return undefined
  const told = findTold(events, fact.kind)
  // Once it was tried it may stand there, as it was drawn then.
  if (told !== undefined || tries > 0) return told
  const decided = await whoIsTold(ports, fact.kind, [{ entries: fact.entries, isAbout: () => true }])
  return store.transaction(async (tx) => {
    const now = await tx.lockRelease(number)
    if (now === undefined || now.state !== release.state || now.attempt !== release.attempt) return undefined
    const before = findTold(await tx.events(number), fact.kind)
    if (before !== undefined) return before
    if (decided.people.length === 0) return undefined
    recordTold(tx, number, fact.kind, decided)
    for (const { id } of decided.people) {
      await tx.send(
        directMessage(release, fact.kind, { key: fact.key(id), to: id, now: tx.now, message: fact.message }),
      )
    }
    return decided
  })
}

/** What an outcome is about, where people are told of it in private. */
function factOf(release: Release, environment: Environment, events: readonly StoredEvent[]): Fact | undefined {
  const { number, attempt, requester, state } = release
  const asking = isAutomatic(release) ? [] : [requester.id]
  if (state === 'needs attention') {
    const by = approvers(environment)
    const entries = [...new Set([...asking, ...(typeof by === 'string' ? [] : by)])]
    const message = { is: 'needs attention', number, attempt } as const
    return { kind: 'needs attention', entries, message, key: (person) => `attention:${attempt}:${person}` }
  }
  if (!isMissed(release, events)) return undefined
  return { kind: 'schedules', entries: asking, message: { is: 'missed', number }, key: () => 'missed' }
}

/** It became outdated while it waited for its time, by nobody or another person: its requester may not be looking. */
function isMissed({ state, schedule, startedAt, requester }: Release, events: readonly StoredEvent[]): boolean {
  if (state !== 'outdated' || schedule === undefined || startedAt !== undefined) return false
  return events.findLast(({ type }) => type === 'release_ended')?.actor !== requester.id
}
