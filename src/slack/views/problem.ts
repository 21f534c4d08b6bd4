/** Why a release stopped, in words. */
import { defined } from '../../lib/defined.ts'
import { allowsEmergency, emergencyPeople } from '../../release/policy.ts'
import type { Release } from '../../release/release.ts'
import type { Environment } from '../../release/settings.ts'
import { problemWords } from './failures.ts'
import { forEmergency } from './parts/decisions.ts'
import type { People } from './parts/people.ts'
import type { ProblemWords } from './parts/words.ts'

/** The words of the release's problem; undefined without one. */
export function problemOf(
  release: Release,
  { environment, ...people }: People & { readonly environment?: Environment | undefined },
): ProblemWords | undefined {
  if (release.problem === undefined) return undefined
  const webUrl = release.plan?.webUrl
  const isOffered = forEmergency(release).length > 0 && environment !== undefined && allowsEmergency(environment)
  return problemWords(release.problem.because, {
    ...people,
    ...defined({ webUrl, emergencyBy: isOffered ? emergencyPeople(environment) : undefined }),
  })
}
