/**
 * STORE_URL goes through a pooler that can't give what Signoff needs of a connection. The message names what it can't, the
 * remedy what to do.
 */
export class PooledStore extends Error {
  override readonly name = 'PooledStore'
  readonly problem: string
  readonly remedy: string
  constructor(problem: string, remedy: string = 'Give a direct connection to Postgres.', cause?: unknown) {
    super(`${problem}. ${remedy}`, { cause })
    this.problem = problem
    this.remedy = remedy
  }
}

/** Replaces connection errors by messages that say what to do. Other errors are returned as they are. */
export function openingFailed(error: unknown): unknown {
  if (!(error instanceof Error)) return error
  const code = 'code' in error ? String(error.code) : ''
  const says = (words: string) => new Error(words, { cause: error })
  // pgbouncer names the parameter; only a pooler refuses one that Postgres takes.
  const [, parameter] = /unsupported startup parameter:? ([\w.]{1,64})/.exec(error.message) ?? []
  if (parameter !== undefined) {
    return new PooledStore(
      `STORE_URL goes through a pooler that does not take the startup parameter ${parameter}`,
      'Give a direct connection to Postgres, or name it in ignore_startup_parameters of a pooler in session mode.',
      error,
    )
  }
  if (/^28/.test(code)) return says('The store refuses the user or the password in STORE_URL.')
  if (code === '3D000') return says('The store has no database of the name in STORE_URL.')
  // A system error, or a server that starts, stops or is full. pg's own timeout has no code.
  if (/^E[A-Z]/.test(code) || /^(08|53|57)/.test(code) || /timeout|terminated/i.test(error.message)) {
    return says(`The store does not answer${code && ` (${code})`}. See STORE_URL, and whether its Postgres runs.`)
  }
  return error
}
