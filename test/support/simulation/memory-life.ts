/** The process at the other end of a connection: it may die, and it may be stopped and go on. */

/** As the real store's driver says it. */
export class ConnectionLost extends Error {
  override readonly name = 'ConnectionLost'
  /** Without a stack: a store that is away for an hour fails thousands of times. */
  constructor() {
    const { stackTraceLimit } = Error
    Error.stackTraceLimit = 0
    super('Connection terminated unexpectedly')
    Error.stackTraceLimit = stackTraceLimit
  }
}

export interface Life {
  readonly name: string
  isDead: boolean
  /** The store is away, for everyone. */
  isCutOff(): boolean
  /** What becomes of the next commits. */
  readonly faults: ('before' | 'after')[]
  /** What the server has taken away and the process has not noticed; called when it does. */
  readonly unnoticed: (() => void)[]
  /** How each transaction under way is ended by the server. */
  readonly transactions: Set<() => void>
}

export function createLife(name: string, isCutOff: () => boolean): Life {
  return { name, isDead: false, isCutOff, faults: [], unnoticed: [], transactions: new Set() }
}

/** The answer to a call; a dead process gets none. */
export function answer<T>(life: Life, work: () => Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    if (life.isDead) return
    asked(life, work).then(
      (value) => {
        if (!life.isDead) resolve(value)
      },
      (error: unknown) => {
        if (!life.isDead) reject(error)
      },
    )
  })
}

async function asked<T>(life: Life, work: () => Promise<T>): Promise<T> {
  if (!life.isCutOff()) return work()
  notice(life)
  throw new ConnectionLost()
}

/** The process hears from the store again, and with it what it has lost. */
export function notice(life: Life): void {
  for (const lose of life.unnoticed.splice(0)) lose()
}

/** A statement that reads: what is committed when it comes to the server. */
export function read<T>(life: Life, look: () => T): Promise<T> {
  return answer(life, async () => {
    await undefined
    return look()
  })
}

/** A statement that is a transaction of its own. */
export function write<T>(life: Life, change: () => T): Promise<T> {
  return answer(life, async () => {
    notice(life)
    await undefined
    if (life.isDead) throw new ConnectionLost()
    return commit(life, change)
  })
}

/** Commits by `change`, unless it is to fail. */
export function commit<T>(life: Life, change: () => T): T {
  const fault = life.faults.shift()
  if (fault === 'before') throw new ConnectionLost()
  const value = change()
  if (fault === 'after') throw new ConnectionLost()
  return value
}
