/** What the forge still asks for before it merges the pull request. */
import type { MergeRequirement } from '../../../release/plan.ts'
import { missingForMerge, type Release } from '../../../release/release.ts'
import type { People } from './people.ts'
import { defused, link, together } from './text.ts'

/** Such as `PR #4 also needs 1 approval at <the forge>`, with the pull request linked; empty if nothing is missing. */
export function mergeRequirementLines(
  release: Release,
  { services: { forge } }: Pick<People, 'services'>,
  also: 'also' | 'still' = 'also',
): string[] {
  const pullRequest = release.plan?.pullRequest
  if (pullRequest === undefined) return []
  const name = link(pullRequest.url, together('PR', `#${pullRequest.id}`))
  return sentences(missingForMerge(release), name, forge.name, also).map((line) => `:lock: ${line}`)
}

/** The same as plain sentences, with a space before each. */
export function mergeRequirementsSpoken(release: Release, { services: { forge } }: Pick<People, 'services'>): string {
  const pullRequest = release.plan?.pullRequest
  if (pullRequest === undefined) return ''
  const said = sentences(missingForMerge(release), `PR #${pullRequest.id}`, forge.name, 'also')
  return said.map((sentence) => ` ${sentence}.`).join('')
}

function sentences(
  missing: readonly MergeRequirement[],
  pullRequest: string,
  forge: string,
  also: 'also' | 'still',
): string[] {
  const certain = missing.filter(({ unsure, advisory }) => !unsure && !advisory)
  const advisory = missing.filter(({ unsure, advisory: is }) => !unsure && is === true)
  const unsure = missing.filter(({ unsure: is }) => is === true)
  return [
    ...(certain.length === 0 ? [] : [`${pullRequest} ${also} needs ${all(certain)} at ${forge}`]),
    ...(advisory.length === 0
      ? []
      : [`${pullRequest} ${also} needs ${all(advisory)} at ${forge}, though ${forge} may merge without it`]),
    ...(unsure.length === 0 ? [] : [`${pullRequest} may ${also} need ${all(unsure)} at ${forge}`]),
  ]
}

function all(missing: readonly MergeRequirement[]): string {
  const needs = missing.slice(0, 6).map(({ needs: what }) => defused(what, 160))
  if (missing.length > needs.length) needs.push('more')
  return needs.length < 2 ? needs.join('') : `${needs.slice(0, -1).join(', ')} and ${needs.at(-1)}`
}
