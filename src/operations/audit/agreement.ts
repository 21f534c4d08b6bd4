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
    // A person has one row of a kind, and an event each time that they have tested more changes.
    [...new Set(all.map(({ kind, id }) => `${kind} ${id}`))].sort().join()
  const ofTable = (given: TableFacts['signOffs']) => pairs(given.map(({ kind, person }) => ({ kind, id: person.id })))
  const ofEvents = (isDisputed: boolean) =>
    pairs(
      signOffs
        .filter(({ disputedAt }) => (disputedAt !== undefined) === isDisputed)
        .map(({ kind, by }) => ({ kind, id: by.id })),
    )
  const isSigned = ofTable(table.signOffs) === ofEvents(false) && ofTable(table.disputed ?? []) === ofEvents(true)
  const tested = [
    table.tested?.map(({ change, person }) => `${change} ${person.id}`),
    signOffs
      .filter(({ disputedAt }) => disputedAt === undefined)
      .flatMap(({ changes = [], by }) => changes.map((change) => `${change} ${by.id}`)),
  ].map((all) => all && [...new Set(all)].sort().join())
  const apart = Math.abs(table.requestedAt.getTime() - Date.parse(requested?.at ?? table.requestedAt.toISOString()))
  return [
    ...(requested !== undefined && requested.by.id !== table.requester.id ? ['who requested it'] : []),
    ...(apart > SAME_TIME_MS ? ['when it was requested'] : []),
    ...(['app', 'environment', 'kind'] as const).filter(differs).map((key) => `the ${key}`),
    ...(fingerprint !== undefined && fingerprint !== table.fingerprint ? ['the fingerprint'] : []),
    ...(isSigned ? [] : ['the sign-offs']),
    ...(tested[0] === undefined || tested[0] === tested[1] ? [] : ['who has tested which change']),
    ...(ended?.state === outcome ? [] : ['the outcome']),
  ]
}
