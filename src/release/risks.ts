import type { MigrationRisk } from './settings.ts'

/** The worst first. */
export const RISKS: readonly MigrationRisk[] = ['destroys', 'unknown', 'locks', 'adds']

/** Sorts by risk, the worst first and no risk last. Stable. */
export function worstFirst<T extends { readonly risk?: MigrationRisk }>(list: readonly T[]): readonly T[] {
  const rank = ({ risk }: T) => (risk === undefined ? RISKS.length : RISKS.indexOf(risk))
  return list.toSorted((a, b) => rank(a) - rank(b))
}
