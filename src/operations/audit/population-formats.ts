/** How a list of releases is written: as CSV, as JSON, or as a table for a terminal. */
import { defined } from '../../lib/defined.ts'
import { type Decision, isProcess, type Who } from './decisions.ts'
import { type ListedRelease, type PopulationFilter, type Tally, tallyLines } from './population.ts'

/** Each text ends with its own line break. */
export interface PopulationFormat {
  start(): string
  releases(releases: readonly ListedRelease[]): string
  end(tally: Tally, filter: PopulationFilter): string
  /** Whether the list itself says what the tally says. */
  readonly hasTally: boolean
}

function personText({ id, name }: Who): string {
  return name === undefined ? id : `${name} (${id})`
}

function signers(release: ListedRelease, kind: Decision['kind']): string {
  return release.signOffs
    .filter((each) => each.kind === kind)
    .map((each) => `${signer(each)}${each.isAfterwards ? ' afterwards' : ''}`)
    .join('; ')
}

function signer({ by, disputedAt }: Decision): string {
  return `${personText(by)}${disputedAt === undefined ? '' : ' disputed'}`
}

/** `not separated: emergency`. */
function duties({ duties, because, outcome }: ListedRelease): string {
  if (outcome === 'missing') return ''
  return because === undefined ? duties : `${duties}: ${because}`
}

const listed = (values: readonly (string | number)[]) => values.join('; ')

/** The columns of the CSV, and the keys of the JSON. Scripts depend on them: add new ones at the end. */
const COLUMNS: Readonly<Record<string, (release: ListedRelease) => string | undefined>> = {
  number: ({ number }) => String(number),
  kind: ({ kind }) => kind,
  app: ({ app }) => app,
  environment: ({ environment }) => environment,
  outcome: ({ outcome }) => outcome,
  commit: ({ commit }) => commit,
  source_commit: ({ sourceCommit }) => sourceCommit,
  requested_by: ({ requestedBy }) =>
    requestedBy && (isProcess(requestedBy) ? 'automatically' : personText(requestedBy)),
  qa_by: (release) => signers(release, 'qa'),
  approved_by: (release) => signers(release, 'approval'),
  talked_over_by: (release) => signers(release, 'talked over'),
  rejected_by: (release) => signers(release, 'rejection'),
  emergency_by: ({ emergency }) => emergency && signer(emergency),
  emergency_reason: ({ emergency }) => emergency?.note,
  duties,
  requested_at: ({ requestedAt }) => requestedAt,
  planned_at: ({ plannedAt }) => plannedAt,
  approved_at: ({ approvedAt }) => approvedAt,
  started_at: ({ startedAt }) => startedAt,
  ended_at: ({ endedAt }) => endedAt,
  fingerprint: ({ fingerprint }) => fingerprint,
  tables_differ_in: ({ disagreements }) => disagreements.join('; '),
  marked: ({ mark }) => mark?.is,
  marked_by: ({ mark }) => mark && personText(mark.by),
  mark_reason: ({ mark }) => mark?.reason,
  scheduled_for: ({ scheduledFor }) => scheduledFor,
  confirmed_at: ({ figures }) => figures?.confirmedAt,
  needed_attention_at: ({ figures }) => figures?.neededAttentionAt,
  rolled_back_at: ({ figures }) => figures?.rolledBackAt,
  waited_for_sign_off_ms: ({ figures }) => figures?.waitedForSignOffMs?.toString(),
  step_ms: ({ figures }) => listed(Object.entries(figures?.stepMs ?? {}).map(([step, ms]) => `${step} ${ms}`)),
  commits: ({ figures }) => figures?.commits.toString(),
  lead_times_s: ({ figures }) => listed(figures?.leadTimesS ?? []),
}

/** White space and control characters, which could begin a new line or hide the beginning of a cell. */
const INVISIBLE = /[\s\p{Cc}\p{Bidi_Control}\u200B\u2060\uFEFF]+/gu

/**
 * A cell of a CSV (RFC 4180), on one line. A spreadsheet would calculate a text that begins like a formula, so that it
 * gets an apostrophe (owasp.org/www-community/attacks/CSV_Injection).
 */
export function csvCell(value: string | undefined): string {
  const line = (value ?? '').replace(INVISIBLE, ' ').trim()
  const text = /^[=+\-@\uFF1D\uFF0B\uFF0D\uFF20]/.test(line) ? `'${line}` : line
  return /[",;]/.test(text) || text !== line ? `"${text.replaceAll('"', '""')}"` : text
}

const csvLine = (cells: readonly (string | undefined)[]) => `${cells.map(csvCell).join(',')}\r\n`

const csv: PopulationFormat = {
  hasTally: false,
  start: () => csvLine(Object.keys(COLUMNS)),
  releases: (releases) =>
    releases.map((release) => csvLine(Object.values(COLUMNS).map((read) => read(release)))).join(''),
  end: () => '',
}

/** One JSON document, written in parts. */
function json(): PopulationFormat {
  let isFirst = true
  return {
    hasTally: true,
    start: () => '{"releases":[',
    releases: (releases) =>
      releases
        .map((release) => {
          const separator = isFirst ? '\n' : ',\n'
          isFirst = false
          return `${separator}${JSON.stringify(jsonOf(release))}`
        })
        .join(''),
    end: (tally, filter) => {
      const { since, until, app, environment } = filter
      const asked = defined({ since: since?.toISOString(), until: until?.toISOString(), app, environment })
      const population = { ...asked, ...tally, statement: tallyLines(tally, filter).join(' ') }
      return `\n],"population":${JSON.stringify(population)}}\n`
    },
  }
}

function jsonOf(release: ListedRelease): Record<string, unknown> {
  const { disagreements, ...rest } = release
  return { ...rest, ...(disagreements.length > 0 && { disagreements }) }
}

const WIDTHS = [8, 9, 24, 16, 9, 21] as const

function tableLine(cells: readonly string[]): string {
  return `${cells.map((cell, index) => cell.padEnd(WIDTHS[index] ?? 0)).join(' ')}`.trimEnd().concat('\n')
}

const timeText = (moment: string) => onOneLine(moment.slice(0, 19).replace('T', ' '))

const onOneLine = (text: string) => text.replace(INVISIBLE, ' ').trim()

const table: PopulationFormat = {
  hasTally: true,
  start: () => tableLine(['number', 'kind', 'environment', 'outcome', 'commit', 'requested (UTC)', 'people']),
  releases: (releases) =>
    releases
      .map((release) => {
        const { number, kind = '', app = '', environment = '', outcome, commit = '', requestedAt = '' } = release
        const bad = release.mark?.is === 'bad' ? [`bad ${onOneLine(personText(release.mark.by))}`] : []
        const people = (['requested_by', 'qa_by', 'approved_by', 'emergency_by'] as const).flatMap((column) => {
          const who = COLUMNS[column]?.(release)
          if (column === 'requested_by' && release.requestedBy && isProcess(release.requestedBy))
            return [onOneLine(who ?? '')]
          return who ? [`${PEOPLE[column]} ${onOneLine(who)}`] : []
        })
        const time = timeText(requestedAt)
        const start = release.scheduledFor === undefined ? [] : [`scheduled for ${timeText(release.scheduledFor)}`]
        const cells = [`#${number}`, kind, `${app} ${environment}`.trim(), outcome, commit.slice(0, 7), time]
        return tableLine([...cells.map(onOneLine), [...people, ...start, ...bad].join(', ')])
      })
      .join(''),
  end: (tally, filter) => `\n${tallyLines(tally, filter).join('\n')}\n`,
}

const PEOPLE = { requested_by: 'by', qa_by: 'QA', approved_by: 'approved', emergency_by: 'emergency' } as const

export const POPULATION_FORMATS = { table: () => table, csv: () => csv, json } as const

export type PopulationFormatName = keyof typeof POPULATION_FORMATS
