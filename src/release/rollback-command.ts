/** The target of `/deploy rollback`: a `to` before the last number names the release to go back to. No I/O. */

/** The words that name app and environment, and the release to go back to. */
export interface RollbackWords {
  readonly place: readonly string[]
  /** Absent: what ran before. */
  readonly to?: number
}

/**
 * Splits the words after `rollback`. A number counts only at the end and after a `to`, so that it is never taken for the
 * release to undo; anywhere else it gives the reason why the words are not clear.
 */
export function rollbackWords(
  words: readonly string[],
  numberOf: (word: string) => number | undefined,
): RollbackWords | { readonly reason: string } {
  const numbers = words.map(numberOf).filter((number) => number !== undefined)
  const [number] = numbers
  if (number === undefined) return { place: words }
  const to = numberOf(words.at(-1) ?? '')
  if (numbers.length > 1 || to === undefined || words.at(-2) !== 'to') {
    return { reason: `The release to go back to comes last, after “to”: “rollback <environment> to #${number}”.` }
  }
  return { place: words.slice(0, -2), to }
}
