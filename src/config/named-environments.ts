/** Checks of freezes, webhooks and groups of workers against the declared environments. */
import { isNear, nearestFirst } from '../lib/edit-distance.ts'
import { isRecord, type PlacedProblem } from './explain.ts'
import { ENVIRONMENT } from './schema/shapes.ts'
import type { Path } from './yaml-source.ts'

/** @param value the whole file as parsed; valid parts are checked even when others are invalid */
export function controlProblems(value: unknown, environments: readonly string[]): readonly PlacedProblem[] {
  const { freezes, webhooks, workers } = isRecord(value) ? value : {}
  const groups = Object.entries(isRecord(workers) ? workers : {}).map(([name, group]) => ({
    path: ['workers', name],
    value: group,
  }))
  return [
    ...[...items(freezes, 'freezes'), ...groups].flatMap((each) => unknownEnvironments(each, environments)),
    ...sharedEnvironments(groups),
    ...repeated(items(freezes, 'freezes'), 'name', 'is the name of another freeze'),
    ...repeated(items(webhooks, 'webhooks'), 'url', 'is the URL of another webhook', normalUrl),
  ]
}

interface Placed {
  readonly path: Path
  readonly value: unknown
}

function items(list: unknown, key: string): readonly Placed[] {
  return Array.isArray(list) ? list.map((value, index) => ({ path: [key, index], value })) : []
}

/** The environments that a freeze or a group names, as written. */
function namedIn({ path, value }: Placed): readonly { readonly path: Path; readonly name: string }[] {
  const listed = isRecord(value) && Array.isArray(value.environments) ? value.environments : []
  return listed.flatMap((name, index) =>
    typeof name === 'string' && ENVIRONMENT.test(name) ? [{ path: [...path, 'environments', index], name }] : [],
  )
}

function unknownEnvironments(each: Placed, environments: readonly string[]): readonly PlacedProblem[] {
  return namedIn(each)
    .filter(({ name }) => !environments.includes(name))
    .map(({ path, name }) => {
      const nearest = nearestFirst(name, environments)
      const [first] = nearest
      const hint =
        first === undefined
          ? ''
          : isNear(name, first)
            ? `; did you mean ${first}?`
            : `; choose from ${nearest.join(', ')}`
      return { path, text: `is not an environment${hint}` }
    })
}

function sharedEnvironments(groups: readonly Placed[]): readonly PlacedProblem[] {
  const owner = new Map<string, Path>()
  return groups.flatMap((group) =>
    namedIn(group).flatMap(({ path, name }) => {
      const other = owner.get(name) ?? group.path
      owner.set(name, other)
      if (other === group.path) return []
      return [{ path, text: `already belongs to ${String(other[1])}; an environment has only one group` }]
    }),
  )
}

/** The same text for every way to write the same URL. */
function normalUrl(text: string): string {
  return URL.canParse(text) ? new URL(text).href : text
}

function repeated(
  all: readonly Placed[],
  key: string,
  text: string,
  normal = (written: string) => written,
): readonly PlacedProblem[] {
  const seen = new Set<unknown>()
  return all.flatMap(({ path, value }) => {
    const found = isRecord(value) ? value[key] : undefined
    const written = typeof found === 'string' ? normal(found) : undefined
    if (typeof written !== 'string' || !seen.has(written)) {
      seen.add(written)
      return []
    }
    return [{ path: [...path, key], text }]
  })
}
