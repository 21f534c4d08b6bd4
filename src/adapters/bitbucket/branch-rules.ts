/** A branch's restrictions and merge strategies: who may push and merge, and how. */
import { defined } from '../../lib/defined.ts'
import type { Answer } from '../../release/ports/answers.ts'
import type { BranchRules, Permission } from '../../release/ports/forge.ts'
import { type Client, type Failed, type Found, toServiceError } from './client.ts'
import {
  type BranchingModel,
  type BranchRestriction,
  branchingModel,
  branchMethods,
  branchRestriction,
  methodsOf,
  user,
} from './shapes.ts'

/** The right to read branch restrictions, as the scope of an access token is named. */
const READING_RIGHT = 'repository:admin'

type Place = { readonly workspace: string; readonly repo_slug: string }

/** The restrictions that match a branch, or the right that our credential lacks to read them. */
export type Restrictions = { readonly rules: readonly BranchRestriction[] } | { readonly unreadable: string }

/** Reads who may push to a branch and merge into it, and how. A credential that may not read the rules is no error. */
export async function readBranchRules(client: Client, at: Place, branch: string): Promise<Answer<BranchRules>> {
  const [restrictions, methods] = await Promise.all([
    readRestrictions(client, at, branch),
    client.read(
      (api) => api.request('GET /repositories/{workspace}/{repo_slug}/refs/branches/{name}', { ...at, name: branch }),
      branchMethods,
    ),
  ])
  if (!restrictions.ok) return toServiceError(restrictions)
  if (!methods.ok && isError(methods)) return toServiceError(methods)
  const found = restrictions.value
  const named = methods.ok ? { methods: methodsOf(methods.value) } : {}
  if ('unreadable' in found) {
    const allowed = { is: 'allowed' } as const
    return { ok: true, value: { push: allowed, merge: allowed, ...defined(named), unreadable: found.unreadable } }
  }
  const names = found.rules.some(({ kind, users }) => isAboutPeople(kind) && (users?.length ?? 0) > 0)
  const self = names ? await ownId(client) : undefined
  const push = permission(found.rules, 'push', self)
  const merge = permission(found.rules, 'restrict_merges', self)
  const asks = found.rules.filter(isMergeCheck).map(({ kind, value }) => `${kind}${value == null ? '' : ` (${value})`}`)
  return { ok: true, value: { push, merge, ...defined(named), ...(asks.length > 0 && { asks }) } }
}

/** Reads the restrictions that match a branch by its name, a pattern or the branching model. */
export async function readRestrictions(
  client: Client,
  at: Place,
  branch: string,
): Promise<Found<Restrictions> | Failed> {
  const rules: BranchRestriction[] = []
  const read = await client.look(
    (api) => api.branchrestrictions.list({ ...at, pagelen: 100 }),
    (page) => {
      for (const value of page.values) {
        const rule = branchRestriction.safeParse(value)
        if (rule.success) rules.push(rule.data)
      }
      return undefined
    },
  )
  if (!read.ok) return isError(read) ? read : { ok: true, value: { unreadable: read.lacks ?? READING_RIGHT } }
  const usesModel = rules.some(({ branch_match_kind: by }) => by === 'branching_model')
  const model = usesModel ? await readModel(client, at) : undefined
  return { ok: true, value: { rules: rules.filter((rule) => appliesTo(rule, branch, model)) } }
}

/** No answer and a refused credential are errors; any other refusal means that we may not read it. */
function isError(failed: Failed): boolean {
  return failed.failure === 'unreachable' || failed.status === 401
}

async function readModel(client: Client, at: Place): Promise<BranchingModel | undefined> {
  const read = await client.read(
    (api) => api.request('GET /repositories/{workspace}/{repo_slug}/effective-branching-model', at),
    branchingModel,
  )
  return read.ok ? read.value : undefined
}

/** The UUID of our credential's user; undefined if Bitbucket does not say. */
async function ownId(client: Client): Promise<string | undefined> {
  const read = await client.read((api) => api.request('GET /user', {}), user)
  return read.ok ? read.value.uuid : undefined
}

export const isMergeCheck = ({ kind }: BranchRestriction) => kind.startsWith('require_')

const isAboutPeople = (kind: string) => kind === 'push' || kind === 'restrict_merges'

/**
 * Whether we may do what rules of this kind restrict. Where several rules match, Bitbucket's documents don't say which one
 * wins, so we are forbidden only if all forbid it.
 */
export function permission(
  rules: readonly BranchRestriction[],
  kind: 'push' | 'restrict_merges',
  self: string | undefined,
): Permission {
  const does = kind === 'push' ? 'push' : 'merge'
  const verdicts = rules
    .filter((rule) => rule.kind === kind)
    .map((rule): Permission => {
      const { users, groups } = rule
      const name = `${kind} on ${rule.pattern || `${rule.branch_type} branches`}`
      const noGroups = (groups ?? []).length === 0
      if (noGroups && (users ?? []).length === 0) return { is: 'forbidden', rule: `${name}: nobody may ${does}` }
      if (self !== undefined && users?.some(({ uuid }) => uuid === self)) return { is: 'allowed' }
      return { is: 'unknown', rule: `${name}: only some may ${does}` }
    })
  const [first] = verdicts
  if (first === undefined || verdicts.every(({ is }) => is === 'allowed')) return { is: 'allowed' }
  if (verdicts.every(({ is }) => is === 'forbidden')) return first
  const named = verdicts.flatMap((verdict) => ('rule' in verdict ? [verdict.rule] : []))
  return { is: 'unknown', rule: named.join('; ') }
}

function appliesTo(rule: BranchRestriction, branch: string, model: BranchingModel | undefined): boolean {
  if (rule.branch_match_kind !== 'branching_model') return matchesPattern(rule.pattern ?? '', branch)
  const { branch_type: type } = rule
  if (type === 'production' || type === 'development') {
    const named = model?.[type]
    return (named?.branch?.name ?? named?.name) === branch
  }
  return model?.branch_types?.some(({ kind, prefix }) => kind === type && branch.startsWith(prefix)) === true
}

/** Bitbucket's patterns: `*` stands for anything within a path segment, `**` for anything. */
function matchesPattern(pattern: string, branch: string): boolean {
  const source = pattern
    .split(/(\*+)/)
    .map((part) =>
      part === '*' ? '[^/]*' : part.startsWith('*') ? '.*' : part.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, '\\$&'),
    )
    .join('')
  return new RegExp(`^${source}$`).test(branch)
}
