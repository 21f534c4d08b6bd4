/** Whether a thrown value is a system error with one of these codes. */
export function isErrno(error: unknown, ...codes: string[]): boolean {
  return codes.includes(errnoOf(error))
}

/** The code of a thrown value (ENOENT, 57P03, …), or 'unknown' when it carries none. */
export function errnoOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : 'unknown'
}

/** The data directory, or the store in it, is closed to this user. */
export function unreadable(dataDir: string, cause: unknown): Error {
  return new Error(`The data directory ${dataDir} can't be used by this user (${errnoOf(cause)}).`, { cause })
}
