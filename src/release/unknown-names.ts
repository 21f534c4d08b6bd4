/** Names that don't exist: the refusal to show, with the names that do, the nearest first. */
import { isNear, nearestFirst } from '../lib/edit-distance.ts'
import type { Refusal } from './refusals.ts'
import type { App } from './settings.ts'

export type UnknownName = Extract<Refusal, { gate: 'unknown_app' | 'unknown_environment' }>

export function unknownApp(
  asked: string,
  apps: readonly App[],
): { readonly is: 'refused'; readonly refusal: UnknownName } {
  const names = nearestFirst(
    asked,
    apps.map((app) => app.name),
  )
  return { is: 'refused', refusal: { gate: 'unknown_app', asked: shortened(asked), names } }
}

/** Environments that follow a branch of that name come first: one of them was probably meant. */
export function unknownEnvironment(asked: string, app: App): { readonly is: 'refused'; readonly refusal: UnknownName } {
  const following = app.environments.filter((environment) => environment.branch.toLowerCase() === asked)
  const others = app.environments.filter((environment) => !following.includes(environment))
  const names = [
    ...following.map((environment) => environment.name),
    ...nearestFirst(
      asked,
      others.map((environment) => environment.name),
    ),
  ]
  return {
    is: 'refused',
    refusal: {
      gate: 'unknown_environment',
      asked: shortened(asked),
      app: app.name,
      names,
      ...(following.length > 0 && { followedBy: following.map(({ name }) => name) }),
    },
  }
}

/** The refusal for a name that no app has as an environment. */
export function unknownAmong(asked: string, apps: readonly App[]): UnknownName {
  const all = apps.flatMap(({ environments }) => environments)
  const names = nearestFirst(asked, [...new Set(all.map(({ name }) => name))])
  const following = all.filter(({ branch }) => branch.toLowerCase() === asked)
  return {
    gate: 'unknown_environment',
    asked: shortened(asked),
    names,
    ...(following.length > 0 && { followedBy: following.map(({ app, name }) => `${app} ${name}`) }),
  }
}

/** One word may be a mistyped app or environment: the nearest name decides. */
export function unknownName(
  asked: string,
  apps: readonly App[],
): { readonly is: 'refused'; readonly refusal: UnknownName } {
  const [only, another] = apps
  if (only !== undefined && another === undefined) return unknownEnvironment(asked, only)
  const refusal = unknownAmong(asked, apps)
  const [nearest] = refusal.names
  return nearest !== undefined && isNear(asked, nearest) ? { is: 'refused', refusal } : unknownApp(asked, apps)
}

export function shortened(word: string): string {
  const letters = Array.from(word.slice(0, 200))
  return letters.length > 40 ? `${letters.slice(0, 39).join('')}…` : word
}
