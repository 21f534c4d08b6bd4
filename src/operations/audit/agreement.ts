/** Whether the store's tables say the same as the events. `audit verify` looks at the events only. */
import type { TableFacts } from '../../release/record.ts'
import { hasEnded } from '../../release/terms.ts'
import type { Decisions, EventBody } from './decisions.ts'

/** The event is written at the end of the transaction that creates the release. */
const SAME_TIME_MS = 5 * 60_000

/** What the tables say otherwise than the events, such as `the outcome`. What old events do not record is not compared. */
export function disagreements(
  table: TableFacts,
  events: readonly EventBody[],
  decisions: Decisions,
): readonly string[] {
  const request = events.find(({ type }) => type === 'release_requested')
  const { requested, ended, signOffs, fingerprint } = decisions
  const differs = (key: 'app' | 'environment' | 'kind') =>
    request?.data[key] !== undefined && request.data[key] !== table[key]
  const outcome = hasEnded(table.state) ? table.state : undefined
  const pairs = (all: readonly { kind: string; id: string }[]) =>
    all
      .map(({ kind, id }) => `${kind} ${id}`)
      .sort()
      .join()
  const signed = [
    pairs(table.signOffs.map(({ kind, person }) => ({ kind, id: person.id }))),
    pairs(signOffs.map(({ kind, by }) => ({ kind, id: by.id }))),
  ]
  const apart = Math.abs(table.requestedAt.getTime() - Date.parse(requested?.at ?? table.requestedAt.toISOString()))
  return [
    ...(requested !== undefined && requested.by.id !== table.requester.id ? ['who requested it'] : []),
    ...(apart > SAME_TIME_MS ? ['when it was requested'] : []),
    ...(['app', 'environment', 'kind'] as const).filter(differs).map((key) => `the ${key}`),
    ...(fingerprint !== undefined && fingerprint !== table.fingerprint ? ['the fingerprint'] : []),
    ...(signed[0] === signed[1] ? [] : ['the sign-offs']),
    ...(ended?.state === outcome ? [] : ['the outcome']),
  ]
}
