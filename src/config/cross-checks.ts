/** What must hold between the parts of `releases.yml`: names that are referred to, places used twice, enough people. */
import { nearestFirst } from '../lib/edit-distance.ts'
import type { PlatformName } from '../release/stored-names.ts'
import { herokuAppOf, isHerokuGitUrl, sameGitUrl } from './addresses.ts'
import { isRecord, type PlacedProblem } from './explain.ts'
import type { RemoteEntry } from './schema/environment.ts'
import type { SignOffEntry } from './schema/sign-off.ts'
import type { Path } from './yaml-source.ts'

/** An environment's parts, each absent when it does not read well by itself: what can be checked is checked. */
export interface DeclaredEnvironment {
  readonly app: string
  readonly name: string
  readonly path: Path
  readonly branch?: string
  readonly promotes?: string
  readonly isPinned: boolean
  /** Without a request. */
  readonly deploysItself: boolean
  readonly hasOrder: boolean
  readonly remote?: RemoteEntry
  /** The entries of a list as they are written; absent where there is one entry or none. */
  readonly migrationList?: readonly unknown[]
  readonly rules?: SignOffEntry
}

export interface Declared {
  /** All names as written. */
  readonly apps: readonly { readonly name: string; readonly environments: readonly string[] }[]
  readonly environments: readonly DeclaredEnvironment[]
}

export function explainTogether(declared: Declared): {
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
    const place = JSON.stringify([sameGitUrl(url), branch])
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
  const { deploysItself, promotes, rules, path } = environment
  if (!deploysItself) return []
  const place = [...path, 'deploys']
  return [
    ...(promotes === undefined ? [] : [{ path: place, text: 'must be on request in an environment with promotes' }]),
    ...(rules === undefined || rules === 'none'
      ? []
      : [{ path: place, text: 'must be on request in an environment with a sign_off' }]),
  ]
}

/** People tell the databases of a list apart by their names. */
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

/** What a remote is deployed by, where it is not said. */
export function platformOf(remote: RemoteEntry): PlatformName {
  return remote.platform ?? (isHerokuGitUrl(remote.url) ? 'heroku' : 'git')
}

/** What each platform calls what is deployed, where it names apps. */
export const APP_OF: Readonly<Record<PlatformName, (remote: RemoteEntry) => string | undefined>> = {
  git: () => undefined,
  heroku: ({ app, url }) => app ?? herokuAppOf(url),
}

/** What is wrong with `app`, by the platform. */
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

/** Lists that could never give the sign-offs that are asked for. A user group may hold anyone, so it is enough. */
function peopleProblems({ rules, path }: DeclaredEnvironment): readonly PlacedProblem[] {
  if (rules === undefined || rules === 'none') return []
  const place = [...path, 'sign_off']
  const { approvals, approvers, qa_by, rollback } = rules
  const qa = rules.qa === 'each change' ? 1 : rules.qa
  if (qa === 0 && approvals === 0) {
    return [{ path: place, text: 'requires nobody: set sign_off to none, or require qa or approvals' }]
  }
  const tooFew = (list: readonly string[] | undefined, key: string, required: number, what: string) => {
    const most = mostPeople(list)
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
  if (rules.approvals > 0 && mostPeople(rules.approvers) === rules.approvals) {
    const text = 'names only as many people as must approve, so none of them can request a release'
    warnings.push({ path: [...path, 'sign_off', 'approvers'], text })
  }
  return warnings
}

/** How many people a list can stand for; left out, it stands for every full member. */
function mostPeople(list: readonly string[] | undefined): number {
  return list === undefined || list.some((entry) => entry.startsWith('@')) ? Number.POSITIVE_INFINITY : list.length
}

function peopleCount(people: number): string {
  return people === 1 ? '1 person' : `${people} people`
}
