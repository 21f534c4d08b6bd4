/** The card as one sentence: for notifications, and for people who have the screen read to them. */
import type { Owed } from '../../release/policy.ts'
import type { Release } from '../../release/release.ts'
import type { Environment } from '../../release/settings.ts'
import type { People } from './parts/people.ts'
import { problemOf } from './problem.ts'
import { STATE_VIEWS } from './state/index.ts'

/** The state as a full sentence, without markup; names in it are defused. */
export function cardText(
  release: Release,
  { services, environment, owed }: People & { readonly environment: Environment; readonly owed: readonly Owed[] },
): string {
  const problem = problemOf(release, { services })
  return STATE_VIEWS[release.state].text(release, { services, environment, owed, problem })
}
