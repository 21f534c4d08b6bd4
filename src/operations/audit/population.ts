/** The releases of a period, from which an auditor draws a sample, and whether any number is missing. */
import { defined } from '../../lib/defined.ts'
import { type CountedRelease, countedRelease } from '../../release/counted.ts'
import type { NumberedRelease, Period, StoredNumbers } from '../../release/record.ts'
import { disagreements } from './agreement.ts'
import { type Decision, type Decisions, decisionsOf, type EventBody, type Mark, type Who } from './decisions.ts'
import { separationOf, type Verdict } from './separation.ts'

export interface PopulationFilter extends Period {
  readonly app?: string
  readonly environment?: string
}

/** One line of the list. Everything is read from the events, but what they do not record. */
export interface ListedRelease {
  readonly number: number
  /** The state, or `missing` if the store's tables have no release of this number. */
  readonly outcome: string
  readonly kind?: string
  readonly app?: string
  readonly environment?: string
  /** What was deployed, as proven or pushed. */
  readonly commit?: string
  /** What was planned: the head of the source branch. */
  readonly sourceCommit?: string
  readonly requestedBy?: Who
  readonly requestedAt?: string
  readonly signOffs: readonly Decision[]
  readonly emergency?: Decision
  readonly plannedAt?: string
  readonly approvedAt?: string
  readonly startedAt?: string
  readonly endedAt?: string
  readonly duties: Verdict
  /** Why duties were not separated. */
  readonly because?: string
  readonly fingerprint?: string
  /** Whether anybody should go back to it, as it was last marked. */
  readonly mark?: Mark
  /** When it was to start, as that was last changed; absent: as soon as it may. */
  readonly scheduledFor?: string
  /** What it adds to the delivery figures; absent for a number without a release. */
  readonly figures?: ListedFigures
  /** What the tables say otherwise than the events. */
  readonly disagreements: readonly string[]
}

/** As it is counted (docs/figures.md). Times are ISO 8601. */
export interface ListedFigures {
  readonly confirmedAt?: string
  /** When it first needed attention after something irreversible. */
  readonly neededAttentionAt?: string
  readonly rolledBackAt?: string
  /** From the plan to the last sign-off. */
  readonly waitedForSignOffMs?: number
  readonly stepMs: Readonly<Record<string, number>>
  /** The commits that went out; merge commits are left out. */
  readonly commits: number
  /** From the author's time of each to `confirmedAt`, as far as it is known. */
  readonly leadTimesS: readonly number[]
}

export interface Tally {
  /** The numbers that were looked at; undefined if there are none. */
  readonly numbers: { readonly first: number; readonly last: number } | undefined
  /** Releases of the period, of all apps and environments. */
  readonly releases: number
  /** Those that were asked for. */
  readonly listed: number
  /** Numbers without a release. */
  readonly missing: Ranges
  /** Listed releases whose tables say otherwise than their events. */
  readonly differing: Ranges
}

/** Numbers in order; `[4, 6]` is three of them. */
export type Ranges = readonly (readonly [first: number, last: number])[]

/**
 * Lists the releases that were requested in the period, in order of their numbers, and every missing number between them,
 * whatever the filter: it can't be told what it was. `list` is awaited for each batch, so that memory stays flat.
 */
export async function listReleases(
  { first, last, rows }: StoredNumbers,
  filter: PopulationFilter,
  list: (releases: readonly ListedRelease[]) => Promise<void>,
): Promise<Tally> {
  const missing: [number, number][] = []
  const differing: [number, number][] = []
  let [releases, listed] = [0, 0]
  for await (const batch of rows) {
    const shown: ListedRelease[] = []
    for (const row of batch) {
      const release = listedRelease(row)
      const { number } = release
      if (row.table === undefined) {
        addNumber(missing, number)
      } else {
        if (!isIn(filter, release.requestedAt)) continue
        releases += 1
        if (!isAsked(filter, row.table)) continue
        listed += 1
        if (release.disagreements.length > 0) addNumber(differing, number)
      }
      shown.push(release)
    }
    await list(shown)
  }
  const numbers = last < first ? undefined : { first, last }
  return { numbers, releases, listed, missing, differing }
}

function addNumber(ranges: [number, number][], number: number): void {
  const last = ranges.at(-1)
  if (last?.[1] === number - 1) last[1] = number
  else ranges.push([number, number])
}

function isIn({ since, until }: Period, requestedAt: string | undefined): boolean {
  if (requestedAt === undefined) return true
  const at = Date.parse(requestedAt)
  return at >= (since?.getTime() ?? Number.NEGATIVE_INFINITY) && at < (until?.getTime() ?? Number.POSITIVE_INFINITY)
}

function isAsked({ app, environment }: PopulationFilter, table: NonNullable<NumberedRelease['table']>): boolean {
  return (app ?? table.app) === table.app && (environment ?? table.environment) === table.environment
}

function listedRelease({ number, table, sourceCommit, events, plan }: NumberedRelease): ListedRelease {
  const bodies = events.map((text): EventBody => JSON.parse(text))
  const decisions = decisionsOf(bodies)
  const { verdict, because } = separationOf(decisions)
  const recorded = bodies.find(({ type }) => type === 'release_requested')?.data ?? {}
  const requestedBy = decisions.requested && nameFrom(decisions.requested.by, table?.requester)
  return {
    number,
    outcome: table === undefined ? 'missing' : (decisions.ended?.state ?? table.state),
    signOffs: decisions.signOffs.filter(({ kind }) => kind !== 'emergency'),
    duties: verdict,
    disagreements: table === undefined ? [] : disagreements(table, bodies, decisions),
    ...defined({
      kind: table?.kind ?? text(recorded.kind),
      app: table?.app ?? text(recorded.app),
      environment: table?.environment ?? text(recorded.environment),
      commit: decisions.commit,
      sourceCommit,
      requestedBy: requestedBy ?? table?.requester,
      requestedAt: decisions.requested?.at ?? table?.requestedAt.toISOString(),
      emergency: decisions.signOffs.find(({ kind }) => kind === 'emergency'),
      because,
      fingerprint: decisions.fingerprint ?? table?.fingerprint,
      mark: decisions.mark,
      scheduledFor: decisions.scheduledFor,
      figures: table && figuresOf(countedRelease({ number, ...table, ...defined({ plan }) }, bodies)),
      ...timesOf(decisions),
    }),
  }
}

function figuresOf(counted: CountedRelease): ListedFigures {
  const { commits, leadSeconds, stepMs } = counted
  const moment = (ms: number | undefined) => (ms === undefined ? undefined : new Date(ms).toISOString())
  return {
    ...{ commits, leadTimesS: leadSeconds, stepMs },
    ...defined({
      confirmedAt: moment(counted.confirmedAt),
      neededAttentionAt: moment(counted.attentionAt),
      rolledBackAt: moment(counted.rolledBackAt),
      waitedForSignOffMs: counted.signedAfterMs,
    }),
  }
}

function timesOf({ plannedAt, approvedAt, startedAt, ended }: Decisions) {
  return { plannedAt, approvedAt, startedAt, endedAt: ended?.at }
}

/** An old event has no name, but the table of the same person does. */
function nameFrom(who: Who, known: Who | undefined): Who {
  return who.name === undefined && known?.id === who.id ? known : who
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

const MOST_RANGES = 50

/** Says how many releases there are, and that no number is missing, or which are. */
export function tallyLines(tally: Tally, filter: PopulationFilter): readonly string[] {
  const { numbers, releases, listed, missing, differing } = tally
  const period = periodWords(filter)
  if (numbers === undefined) return [`No release was requested ${period}.`]
  const { first, last } = numbers
  const isFiltered = filter.app !== undefined || filter.environment !== undefined
  const asked = [filter.app, filter.environment].filter((each) => each !== undefined).join(' ')
  const lost = missing.reduce((sum, [from, to]) => sum + to - from + 1, 0)
  return [
    `Releases requested ${period}: ${releases}, with numbers from #${first} to #${last}. ${
      lost === 0
        ? 'No number is missing.'
        : `${lost === 1 ? '1 number is' : `${lost} numbers are`} missing: ${rangesText(missing)}.`
    }`,
    ...(isFiltered ? [`Listed: ${listed} of ${asked}.`] : []),
    ...(differing.length > 0 ? [`The store's tables say otherwise than the record for ${rangesText(differing)}.`] : []),
  ]
}

function rangesText(ranges: Ranges): string {
  const shown = ranges.slice(0, MOST_RANGES).map(([from, to]) => (from === to ? `#${from}` : `#${from} to #${to}`))
  const left = ranges.length - shown.length
  return [...shown, ...(left > 0 ? [`and ${left} more ${left === 1 ? 'place' : 'places'}`] : [])].join(', ')
}

function periodWords({ since, until }: Period): string {
  const from = since === undefined ? '' : ` from ${since.toISOString()}`
  const to = until === undefined ? '' : ` before ${until.toISOString()}`
  return `${from}${to}`.trim() || 'ever'
}
