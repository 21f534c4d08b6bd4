/** Queues thread lines and private messages in a transition's transaction. A message with the same key is sent once. */
import { defined } from '../lib/defined.ts'
import type { DirectMessageKind } from './direct-messages.ts'
import type { OutboxMessage, PrivateMessage, ThreadLine } from './messages.ts'
import type { Plan } from './plan.ts'
import { owed } from './policy.ts'
import type { Transaction } from './ports/store.ts'
import type { Release } from './release.ts'
import type { Environment } from './settings.ts'

/** Adds a line to the release's thread, unless it has one with the same key: then it returns false. */
export async function addThreadLine(tx: Transaction, release: number, key: string, line: ThreadLine): Promise<boolean> {
  return tx.send({ kind: 'line', release, key: `${release}:${key}`, line })
}

/** A private message about a release, to its requester by default. One with the same key is sent once. */
export function privateMessage(
  release: Release,
  key: string,
  message: PrivateMessage,
  to: string = release.requester.id,
): OutboxMessage {
  const isRequester = to === release.requester.id
  return {
    kind: 'private',
    key: `${release.number}:${key}`,
    to,
    ...defined({ responseUrl: isRequester ? release.responseUrl : undefined }),
    asked: release.requestedAt.toISOString(),
    message,
  }
}

/**
 * What a person is told about a release without having asked, as a direct message, unless they have switched its kind off.
 * One with the same key is sent once: the key names the fact, and the person where several are told.
 */
export function directMessage(
  release: Pick<Release, 'number'>,
  kind: DirectMessageKind,
  {
    key,
    to,
    now,
    message,
  }: { readonly key: string; readonly to: string; readonly now: Date; readonly message: PrivateMessage },
): OutboxMessage {
  return {
    kind: 'private',
    key: `${release.number}:${key}`,
    to,
    asked: now.toISOString(),
    message,
    directMessage: kind,
  }
}

/** Adds the line about the plan's migrations, once. Call it after the card is queued, since the line goes into its thread. */
export async function addMigrationsLine(tx: Transaction, number: number, plan: Plan | undefined): Promise<void> {
  if (plan !== undefined && plan.migrations.length > 0)
    await addThreadLine(tx, number, 'migrations', { is: 'migrations' })
}

/** Mentions who may sign in a thread line, once, for a card that was posted before the plan and couldn't mention them. */
export async function mentionSigners(tx: Transaction, release: Release, environment: Environment): Promise<void> {
  const mentions = owed(environment, release).some(({ by }) => by !== 'every full member')
  if (mentions) await addThreadLine(tx, release.number, 'asked', { is: 'asked' })
}
