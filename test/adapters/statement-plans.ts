/**
 * Every statement that a process sends to Postgres, with the plan by which it ran: by Postgres's own auto_explain, which
 * reports to the connection that has asked. Nothing of the product has to be listed or changed.
 */
import pg from 'pg'

/** What is added to the address of a store so that its statements are reported. */
export const REPORTED = [
  'session_preload_libraries=auto_explain',
  'auto_explain.log_min_duration=0',
  'auto_explain.log_analyze=on',
  'auto_explain.log_timing=off',
  'auto_explain.log_format=json',
  'auto_explain.log_level=notice',
  'auto_explain.log_nested_statements=off',
]
  .map((setting) => `-c ${setting}`)
  .join(' ')

export interface Statement {
  readonly text: string
  /** Each look into a table, deepest last. */
  readonly scans: readonly Scan[]
}

export interface Scan {
  readonly how: string
  readonly table: string
  readonly index?: string
  /** Rows that were found and rows that were read and not used, over all its repetitions. */
  readonly rows: number
}

interface Node {
  readonly 'Node Type': string
  readonly 'Relation Name'?: string
  readonly 'Index Name'?: string
  readonly 'Actual Rows': number
  readonly 'Actual Loops': number
  readonly 'Rows Removed by Filter'?: number
  readonly 'Rows Removed by Index Recheck'?: number
  readonly Plans?: readonly Node[]
}

/** Calls `onStatement` with every reported statement of this process until `stop`. */
export function watchStatements(onStatement: (statement: Statement) => void): { stop(): void } {
  const { connect } = pg.Client.prototype
  pg.Client.prototype.connect = function (this: pg.Client, ...given: unknown[]) {
    this.on('notice', ({ message = '' }) => {
      const plan = message.indexOf('plan:\n')
      if (plan === -1) return
      const told = JSON.parse(message.slice(plan + 'plan:\n'.length)) as { 'Query Text': string; Plan: Node }
      onStatement({ text: told['Query Text'], scans: scansOf(told.Plan) })
    })
    return Reflect.apply(connect, this, given)
  } as typeof connect
  return {
    stop: () => {
      pg.Client.prototype.connect = connect
    },
  }
}

function scansOf(node: Node): readonly Scan[] {
  const below = (node.Plans ?? []).flatMap(scansOf)
  const [table, index] = [node['Relation Name'], node['Index Name']]
  if (table === undefined || !node['Node Type'].includes('Scan')) return below
  const inVain = (node['Rows Removed by Filter'] ?? 0) + (node['Rows Removed by Index Recheck'] ?? 0)
  const rows = Math.round((node['Actual Rows'] + inVain) * node['Actual Loops'])
  return [{ how: node['Node Type'], table, rows, ...(index !== undefined && { index }) }, ...below]
}
