const MAX_COMPARED = 64

/**
 * Sorts names by their edit distance to `asked`, the nearest first; ties keep their order. Ignores case and compares only
 * the first 64 characters.
 */
export function nearestFirst(asked: string, names: readonly string[]): string[] {
  return names
    .map((name) => ({ name, distance: editDistance(asked, name) }))
    .sort((a, b) => a.distance - b.distance)
    .map(({ name }) => name)
}

/** Whether `name` is near enough to `asked` to be suggested: at most about one character in three differs. */
export function isNear(asked: string, name: string): boolean {
  const longest = Math.min(MAX_COMPARED, Math.max(asked.length, name.length))
  return editDistance(asked, name) <= Math.max(1, Math.floor(longest / 3))
}

/** The number of characters to insert, delete, replace or swap with their neighbour to turn one text into the other. */
function editDistance(one: string, other: string): number {
  const a = one.slice(0, MAX_COMPARED).toLowerCase()
  const b = other.slice(0, MAX_COMPARED).toLowerCase()
  let beforeLast: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, column) => column)
  for (let row = 1; row <= a.length; row++) {
    const current = [row]
    for (let column = 1; column <= b.length; column++) {
      const same = a[row - 1] === b[column - 1]
      let least = Math.min(at(last, column) + 1, at(current, column - 1) + 1, at(last, column - 1) + (same ? 0 : 1))
      if (row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]) {
        least = Math.min(least, at(beforeLast, column - 2) + 1)
      }
      current.push(least)
    }
    beforeLast = last
    last = current
  }
  return at(last, b.length)
}

function at(row: readonly number[], column: number): number {
  return row[column] ?? Number.POSITIVE_INFINITY
}
