import type { MigrationRisk } from './settings.ts'

/** The worst first. */
export const RISKS: readonly MigrationRisk[] = ['destroys', 'unknown', 'locks', 'adds']

/** The worst first, else in their order; what has no risk comes last. */
export function worstFirst<T extends { readonly risk?: MigrationRisk }>(list: readonly T[]): readonly T[] {
  const rank = ({ risk }: T) => (risk === undefined ? RISKS.length : RISKS.indexOf(risk))
  return list.toSorted((a, b) => rank(a) - rank(b))
}
