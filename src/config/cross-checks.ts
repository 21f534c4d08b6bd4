/** Checks between the parts of `releases.yml`: references by name, remotes used twice, enough people. */
import { nearestFirst } from '../lib/edit-distance.ts'
import type { PlatformName } from '../release/stored-names.ts'
import { herokuAppOf, isHerokuGitUrl, normalizedGitUrl } from './addresses.ts'
import { isRecord, type PlacedProblem } from './explain.ts'
import type { RemoteEntry } from './schema/environment.ts'
import type { SignOffEntry } from './schema/sign-off.ts'
import type { Path } from './yaml-source.ts'

/** An environment's parts. An invalid part is absent, so that the others can still be checked. */
export interface DeclaredEnvironment {
  readonly app: string
  readonly name: string
  readonly path: Path
  readonly branch?: string
  readonly promotes?: string
  readonly isPinned: boolean
  /** Without a request. */
  readonly deploysAutomatically: boolean
  readonly hasOrder: boolean
  readonly remote?: RemoteEntry
  /** The entries as written. Absent when `migrations` is not a list. */
  readonly migrationList?: readonly unknown[]
  readonly rules?: SignOffEntry
}

export interface Declared {
  /** All names, as written. */
  readonly apps: readonly { readonly name: string; readonly environments: readonly string[] }[]
  readonly environments: readonly DeclaredEnvironment[]
}

export function crossCheck(declared: Declared): {
  readonly problems: readonly PlacedProblem[]
  readonly warnings: readonly PlacedProblem[]
} {
  return {
    problems: [
      ...appNameProblems(declared),
      ...sharedRemotes(declared.environments),
      ...declared.environments.flatMap((environment) => [
        ...promotionProblems(environment, declared),
        ...orderProblems(environment),
        ...deploysProblems(environment),
        ...platformProblems(environment),
        ...migrationProblems(environment),
        ...peopleProblems(environment),
      ]),
    ],
    warnings: declared.environments.flatMap(warningsOf),
  }
}

function appNameProblems(declared: Declared): readonly PlacedProblem[] {
  const environments = new Set(declared.apps.flatMap((app) => app.environments))
  return declared.apps
    .filter((app) => environments.has(app.name))
    .map((app) => ({
      path: ['apps', app.name],
      text: "is also the name of an environment; commands can't tell them apart",
    }))
}

function sharedRemotes(environments: readonly DeclaredEnvironment[]): readonly PlacedProblem[] {
  const seen = new Map<string, DeclaredEnvironment>()
  return environments.flatMap((environment) => {
    if (environment.remote === undefined) return []
    const { url, branch } = environment.remote
    const place = JSON.stringify([normalizedGitUrl(url), branch])
    const other = seen.get(place)
    if (other === undefined) {
      seen.set(place, environment)
      return []
    }
    const text = `has the same URL and branch as ${other.app}/${other.name}; each environment needs its own`
    return [{ path: [...environment.path, 'remote', 'url'], text }]
  })
}

function promotionProblems(environment: DeclaredEnvironment, declared: Declared): readonly PlacedProblem[] {
  const { promotes } = environment
  if (promotes === undefined) return []
  const path = [...environment.path, 'promotes']
  if (promotes === environment.name) return [{ path, text: 'names its own environment' }]
  const names = declared.apps.find((app) => app.name === environment.app)?.environments ?? []
  if (!names.includes(promotes)) {
    const others = names.filter((name) => name !== environment.name)
    const choice = others.length === 0 ? 'has no other' : `has ${nearestFirst(promotes, others).join(', ')}`
    return [{ path, text: `is not an environment of this app, which ${choice}` }]
  }
  const find = (name: string) =>
    declared.environments.find((other) => other.app === environment.app && other.name === name)
  const promoted = find(promotes)
  if (promoted === undefined) return []
  const passed = new Set([environment.name])
  for (let next: DeclaredEnvironment | undefined = promoted; next !== undefined; ) {
    if (next.name === environment.name) return [{ path, text: 'is part of a cycle' }]
    if (passed.has(next.name)) break
    passed.add(next.name)
    next = next.promotes === undefined ? undefined : find(next.promotes)
  }
  return promoted.branch !== undefined && promoted.branch === environment.branch
    ? [{ path, text: 'names an environment with the same branch; a pull request needs two branches' }]
    : []
}

function orderProblems({ hasOrder, promotes, path }: DeclaredEnvironment): readonly PlacedProblem[] {
  if (!hasOrder || promotes !== undefined) return []
  return [{ path: [...path, 'order'], text: 'needs promotes, the environment on which commits are proven first' }]
}

function deploysProblems(environment: DeclaredEnvironment): readonly PlacedProblem[] {
  const { deploysAutomatically, promotes, rules, path } = environment
  if (!deploysAutomatically) return []
  const place = [...path, 'deploys']
  return [
    ...(promotes === undefined ? [] : [{ path: place, text: 'must be on request in an environment with promotes' }]),
    ...(rules === undefined || rules === 'none'
      ? []
      : [{ path: place, text: 'must be on request in an environment with a sign_off' }]),
  ]
}

/** In a list, people tell the databases apart by name. */
function migrationProblems({ migrationList = [], path }: DeclaredEnvironment): readonly PlacedProblem[] {
  const seen = new Set<string>()
  return migrationList.flatMap((entry, index) => {
    if (!isRecord(entry)) return []
    const place = [...path, 'migrations', index, 'name']
    const { name } = entry
    if (name === undefined) return [{ path: place, text: 'is missing: each entry of a list needs a name' }]
    if (typeof name !== 'string' || !seen.has(name)) {
      seen.add(String(name))
      return []
    }
    return [{ path: place, text: 'is the name of another entry' }]
  })
}

/** The platform of a remote, guessed from its URL when `platform` is absent. */
export function platformOf(remote: RemoteEntry): PlatformName {
  return remote.platform ?? (isHerokuGitUrl(remote.url) ? 'heroku' : 'git')
}

/** The app's name on each platform. Undefined where the platform has no apps. */
export const APP_OF: Readonly<Record<PlatformName, (remote: RemoteEntry) => string | undefined>> = {
  git: () => undefined,
  heroku: ({ app, url }) => app ?? herokuAppOf(url),
}

/** What is wrong with `app`, by platform. */
const APP_PROBLEM: Readonly<Record<PlatformName, (remote: RemoteEntry) => string | undefined>> = {
  git: ({ app }) => (app === undefined ? undefined : 'is only for platform heroku; this is a plain git remote'),
  heroku({ app, url }) {
    const fromUrl = herokuAppOf(url)
    if (app === undefined && fromUrl === undefined) return 'is missing: the URL does not name the Heroku app'
    const isAnother = app !== undefined && isHerokuGitUrl(url) && fromUrl !== app
    return isAnother ? 'is not the Heroku app in the URL' : undefined
  },
}

function platformProblems({ remote, path }: DeclaredEnvironment): readonly PlacedProblem[] {
  const text = remote && APP_PROBLEM[platformOf(remote)](remote)
  return text === undefined ? [] : [{ path: [...path, 'remote', 'app'], text }]
}

/** Finds lists with too few people for the required sign-offs. A user group counts as enough, since it may contain anyone. */
function peopleProblems({ rules, path }: DeclaredEnvironment): readonly PlacedProblem[] {
  if (rules === undefined || rules === 'none') return []
  const place = [...path, 'sign_off']
  const { approvals, approvers, qa_by, rollback } = rules
  const qa = rules.qa === 'each change' ? 1 : rules.qa
  if (qa === 0 && approvals === 0) {
    return [{ path: place, text: 'requires nobody: set sign_off to none, or require qa or approvals' }]
  }
  const tooFew = (list: readonly string[] | undefined, key: string, required: number, what: string) => {
    const most = maxPeople(list)
    return most >= required
      ? []
      : [{ path: [...place, key], text: `names ${peopleCount(most)} and no group, but ${what} needs ${required}` }]
  }
  return [
    ...(rollback.qa > qa ? tooFew(qa_by, 'qa_by', rollback.qa, 'rollback.qa') : tooFew(qa_by, 'qa_by', qa, 'qa')),
    ...(rollback.approvals > approvals
      ? tooFew(approvers, 'approvers', rollback.approvals, 'rollback.approvals')
      : tooFew(approvers, 'approvers', approvals, 'approvals')),
  ]
}

function warningsOf({ isPinned, promotes, rules, path }: DeclaredEnvironment): readonly PlacedProblem[] {
  const warnings: PlacedProblem[] = []
  if (isPinned && promotes === undefined) {
    warnings.push({ path: [...path, 'pull_request'], text: 'has no effect without promotes' })
  }
  if (rules === undefined || rules === 'none') return warnings
  if (rules.approvals === 0) {
    warnings.push({ path: [...path, 'sign_off'], text: 'requires no approval, so one person can release alone' })
  }
  if (rules.rollback.qa === 0 && rules.rollback.approvals === 0) {
    const text = 'requires nobody, so one person can roll back alone'
    warnings.push({ path: [...path, 'sign_off', 'rollback'], text })
  }
  if (rules.approvals > 0 && maxPeople(rules.approvers) === rules.approvals) {
    const text = 'names only as many people as must approve, so none of them can request a release'
    warnings.push({ path: [...path, 'sign_off', 'approvers'], text })
  }
  return warnings
}

/** The most people that a list can mean. A missing list means every full member. */
function maxPeople(list: readonly string[] | undefined): number {
  return list === undefined || list.some((entry) => entry.startsWith('@')) ? Number.POSITIVE_INFINITY : list.length
}

function peopleCount(people: number): string {
  return people === 1 ? '1 person' : `${people} people`
}
