/** The trees of Postgres's parser, of which a node is an object with its kind as the only key. */

/** Calls `see` for each node below the statement, by its kind. */
export function walk(node: unknown, see: (kind: string, inner: Readonly<Record<string, unknown>>) => void): void {
  if (Array.isArray(node)) {
    for (const each of node) walk(each, see)
  } else if (typeof node === 'object' && node !== null) {
    for (const [kind, inner] of Object.entries(node)) {
      if (/^[A-Z]/.test(kind) && typeof inner === 'object' && inner !== null && !Array.isArray(inner)) {
        see(kind, inner as Record<string, unknown>)
      }
      walk(inner, see)
    }
  }
}
