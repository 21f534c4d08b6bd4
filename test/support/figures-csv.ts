/** Releases as they are counted, read from the CSV of `signoff releases`. */
import type { CountedRelease } from '../../src/release/counted.ts'
import type { ReleaseKind, ReleaseState } from '../../src/release/terms.ts'

/** Reads lines without quoted cells of these columns. */
export function countedFromCsv(csv: string, place: { app: string; environment: string }): readonly CountedRelease[] {
  const [header = '', ...lines] = csv.trim().split(/\r?\n/)
  const columns = header.split(',')
  return lines.map((line) => {
    const cells = line.split(',')
    const cell = (column: string) => {
      if (!columns.includes(column)) throw new Error(`there is no column ${column}`)
      return cells[columns.indexOf(column)] ?? ''
    }
    const moment = (column: string) => (cell(column) === '' ? undefined : Date.parse(cell(column)))
    const list = (column: string) => (cell(column) === '' ? [] : cell(column).split('; '))
    const number = (column: string) => (cell(column) === '' ? undefined : Number(cell(column)))
    const counted = {
      number: Number(cell('number')),
      ...place,
      kind: cell('kind') as ReleaseKind,
      outcome: cell('outcome') as ReleaseState,
      endedAt: moment('ended_at'),
      confirmedAt: moment('confirmed_at'),
      attentionAt: moment('needed_attention_at'),
      rolledBackAt: moment('rolled_back_at'),
      signedAfterMs: number('waited_for_sign_off_ms'),
      isEmergency: cell('emergency_by') !== '',
      stepMs: Object.fromEntries(
        list('step_ms').map((each) => [each.split(' ')[0], Number(each.split(' ')[1])] as const),
      ),
      steps: [],
      leadSeconds: list('lead_times_s').map(Number),
      commits: Number(cell('commits')),
    }
    // An open release has no outcome in the figures.
    if (counted.endedAt === undefined) Object.assign(counted, { outcome: undefined })
    return Object.fromEntries(
      Object.entries(counted).filter(([, value]) => value !== undefined),
    ) as unknown as CountedRelease
  })
}
