/** What a transition tells people beside the card: lines of the thread, and private answers. Each key is told once. */
import type { OutboxMessage, PrivateMessage, ThreadLine } from './messages.ts'
import type { Plan } from './plan.ts'
import { owed } from './policy.ts'
import type { Transaction } from './ports/store.ts'
import type { Release } from './release.ts'
import type { Environment } from './settings.ts'

/** Adds one line to the release's thread; the same key is told once. */
export async function addThreadLine(tx: Transaction, release: number, key: string, line: ThreadLine): Promise<void> {
  await tx.send({ kind: 'line', release, key: `${release}:${key}`, line })
}

/** What one person, its requester unless said, is told privately of a release, once for each `key`. */
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
    ...(isRequester && release.responseUrl !== undefined && { responseUrl: release.responseUrl }),
    asked: release.requestedAt.toISOString(),
    message,
  }
}

/** Says once in the thread what the plan's migrations do; after the card, whose thread it is. */
export async function addMigrationsLine(tx: Transaction, number: number, plan: Plan | undefined): Promise<void> {
  if (plan !== undefined && plan.migrations.length > 0)
    await addThreadLine(tx, number, 'migrations', { is: 'migrations' })
}

/** The card's first post mentions who may sign. One that was posted before the plan could not: a line does, once. */
export async function mentionSigners(tx: Transaction, release: Release, environment: Environment): Promise<void> {
  const mentions = owed(environment, release).some(({ by }) => by !== 'every full member')
  if (mentions) await addThreadLine(tx, release.number, 'asked', { is: 'asked' })
}
