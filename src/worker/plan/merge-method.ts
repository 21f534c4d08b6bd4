/** By which method the forge may merge the source into the environment's branch, so that the result can be previewed. */
import type { BoundFacts } from '../../release/plan.ts'
import type { MergeMethods } from '../../release/ports/forge.ts'
import type { App, Environment } from '../../release/settings.ts'
import type { WorkerPorts } from '../ports.ts'
import { withRetry } from '../retry.ts'
import { forgeError, type Refused } from '../service-errors.ts'

type Result = BoundFacts['result']

interface Request {
  readonly app: App
  readonly environment: Environment
  /** How the forge may merge, as its pull request says; absent: its branch is asked. */
  readonly methods?: MergeMethods | undefined
}

interface Branches {
  readonly source: { readonly branch: string; readonly commit: string }
  readonly target: { readonly branch: string; readonly commit: string }
}

/** The result by a method of merging that the forge allows. Refuses if the branch's rules allow no merge of ours. */
export async function allowedMerge(
  ports: WorkerPorts,
  { app, environment: { branch }, methods }: Request,
  seen: Branches,
  result: Result,
): Promise<{ result: Result } | Refused> {
  if (result.how === 'commit') return { result }
  const rules = await withRetry(() => ports.forge.branchRules(app, branch), ports)
  if (!rules.ok) return forgeError(ports, rules)
  const { merge } = rules.value
  if (merge.is === 'forbidden') return { refused: { gate: 'merge_not_allowed', branch, rule: merge.rule } }
  return mergeBy(ports, app, seen, methods ?? rules.value.methods, result)
}

/** A merge commit if the forge allows it, else a fast-forward if that is possible. Refuses all other methods. */
export async function mergeBy(
  ports: WorkerPorts,
  app: App,
  { source, target }: Branches,
  methods: MergeMethods | undefined,
  merge: Result,
): Promise<{ result: Result } | Refused> {
  if (methods === undefined || methods.mergeCommit) return { result: merge }
  const rule = `merging into ${target.branch}: ${methods.names.join(', ')}`
  const refused = { gate: 'merge_not_allowed', branch: target.branch, rule, methods: methods.names } as const
  if (!methods.fastForward) return { refused }
  if (!(await ports.git.isAncestor(app, target.commit, source.commit))) {
    return { refused: { ...refused, lacks: source.branch } }
  }
  const { sha, tree } = await ports.git.commit(app, source.commit)
  return { result: { how: 'fast-forward', commit: sha, tree } }
}
