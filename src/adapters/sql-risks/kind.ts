import { defined } from '../../lib/defined.ts'
import type { MigrationRisk } from '../../release/settings.ts'

/** Postgres's locks on a table that keep others waiting, the weakest first. */
export const LOCKS = ['share', 'share row exclusive', 'exclusive', 'access exclusive'] as const
export type Lock = (typeof LOCKS)[number]

/** How long a statement holds its table: for a moment, or for as long as there are rows to read, write or index. */
type Effort = 'rows'

export interface Kind {
  readonly risk: MigrationRisk
  /** One sentence: its effect on rows, traffic or running code. */
  readonly why: string
  /** One sentence: the usual alternative. */
  readonly instead?: string
  readonly breaksOldCode?: true
  /** The lock on its table, if it keeps anybody waiting. */
  readonly lock?: Lock
  readonly effort?: Effort
}

interface Facts {
  readonly lock?: Lock
  readonly effort?: Effort
}

export const AT_ONCE: Facts = { lock: 'access exclusive' }
export const LONG: Facts = { lock: 'access exclusive', effort: 'rows' }
export const ROWS: Facts = { effort: 'rows' }

export const adds = (why: string, facts: Facts = {}): Kind => ({ risk: 'adds', why, ...facts })
export const locks = (why: string, instead: string, facts: Facts = {}): Kind => ({
  risk: 'locks',
  why,
  instead,
  ...facts,
})
export const destroys = (why: string, instead: string, facts: Facts = {}): Kind => ({
  risk: 'destroys',
  why,
  instead,
  ...facts,
})
export const breaks = (why: string, instead: string, facts: Facts = {}): Kind => ({
  ...destroys(why, instead, facts),
  breaksOldCode: true,
})
export const unknown = (why: string, instead?: string, facts: Facts = {}): Kind => ({
  risk: 'unknown',
  why,
  ...defined({ instead }),
  ...facts,
})
