/** What waits for one person, by the rules that a press is checked with. No I/O. */
import { type Action, refusal } from './actions.ts'
import { type Owed, owed, type Person } from './policy.ts'
import { isEmergency, type Release } from './release.ts'
import type { Environment } from './settings.ts'

/** What a person can do about a release that waits for somebody. */
export type WaitsFor =
  /** Sign-offs that the person may give. `afterEmergency`: an emergency skipped them, and they are still owed. */
  | { readonly is: 'sign-off'; readonly owed: readonly Owed[]; readonly afterEmergency: boolean }
  | { readonly is: 'go' }
  /** It stopped and needs somebody to decide. */
  | { readonly is: 'attention'; readonly may: readonly ('retry' | 'close')[] }

export interface Waiting {
  readonly release: Release
  readonly what: WaitsFor
}

/** Of a release: what it waits for that this person may do; undefined if it doesn't wait for them. */
export function waitsFor(
  release: Release,
  { environment, person, now }: { readonly environment: Environment; readonly person: Person; readonly now: Date },
): WaitsFor | undefined {
  const may = (action: Action) => refusal({ action, environment, release, person, now }) === undefined
  if (may('go')) return { is: 'go' }
  const signs = owed(environment, release).filter(({ kind }) => may(kind))
  if (release.state === 'needs attention') {
    const decides = (['retry', 'close'] as const).filter(may)
    if (decides.length > 0) return { is: 'attention', may: decides }
  }
  return signs.length === 0 ? undefined : { is: 'sign-off', owed: signs, afterEmergency: isEmergency(release) }
}

/** The releases that wait for the person, those that stopped first, then in the order in which they were requested. */
export function waitingFor(
  person: Person,
  releases: readonly Release[],
  facts: { readonly now: Date; readonly environmentOf: (release: Release) => Environment | undefined },
): readonly Waiting[] {
  const waiting = releases.flatMap((release): Waiting[] => {
    const environment = facts.environmentOf(release)
    const what = environment && waitsFor(release, { environment, person, now: facts.now })
    return what === undefined ? [] : [{ release, what }]
  })
  const rank = ({ what }: Waiting) => (what.is === 'attention' ? 0 : what.is === 'go' ? 1 : 2)
  return waiting.toSorted((a, b) => rank(a) - rank(b) || a.release.number - b.release.number)
}
