import { withRetry } from '../../retry.ts'
import { originError, remoteError } from '../../service-errors.ts'
import { type Step, short, stopped } from './step.ts'

/** Fetches origin's branch and the environment's remote into the worker's mirror: the document's `git fetch --all`. */
export const sync: Step = {
  name: 'sync',
  probe: async () => ({ is: 'absent' }),

  async perform({ ports, app, environment, plan, signal }) {
    const { remote } = environment
    const [origin, held] = await Promise.all([
      withRetry(() => ports.git.fetch(app, app.gitUrl, [plan.bound.target.branch], signal), ports),
      withRetry(() => ports.git.fetch(app, remote.url, [remote.branch], signal), ports),
    ])
    if (!origin.ok) return stopped(originError(ports, app, origin).refused, 'none')
    if (!held.ok) return stopped(remoteError(ports, environment, held).refused, 'none')
    return { is: 'done', effect: 'none', result: { said: `Fetched origin and ${remote.name}` } }
  },
}

/** Compares the remote with the commit to deploy, and stops unless the difference is exactly the plan's commits and tree. */
export const verify: Step = {
  name: 'verify',
  probe: async () => ({ is: 'absent' }),

  async perform(run) {
    const { plan, environment, commit } = run
    if (commit === undefined) return unexpected('there is no commit to deploy')
    const { ports, app } = run
    const { result, remote, commits } = plan.bound
    const facts = await ports.git.commit(app, commit)
    if (facts.tree !== result.tree) return unexpected(`${short(commit)} has a different tree from the plan`)
    if (result.how === 'merge' && facts.parents.join() !== result.parents.join()) {
      return unexpected(`${short(commit)} has different parents from the plan`)
    }
    const held = await withRetry(() => ports.git.heads(environment.remote.url, [environment.remote.branch]), ports)
    if (!held.ok) return stopped(remoteError(ports, environment, held).refused, 'none')
    const holds = held.value[environment.remote.branch] ?? null
    if (holds !== remote.holds && holds !== commit) {
      return unexpected(`${environment.remote.name} holds ${holds === null ? 'nothing' : short(holds)}`)
    }
    if (remote.holds !== null) {
      const range = { from: [commit], notFrom: [remote.holds] }
      const going = await ports.git.commits(app, { ...range, limit: commits.length + 1 })
      const found = new Set(
        going.commits.map(({ sha }) => sha).filter((sha) => result.how !== 'merge' || sha !== commit),
      )
      const missing =
        plan.commitCount === commits.length &&
        (found.size !== commits.length || !commits.every((sha) => found.has(sha)))
      if (missing) return unexpected('the commits to deploy are not those of the plan')
    }
    const said =
      remote.holds === commit
        ? `Verified: ${environment.remote.name} already holds ${short(commit)}`
        : `Verified: ${short(commit)} matches the plan (${count(plan.commitCount, 'commit')}, ${count(plan.files.count, 'file')} changed)`
    return { is: 'done', effect: 'none', result: { said, commit } }
  },
}

function unexpected(detail: string) {
  return stopped({ gate: 'unexpected_diff', detail }, 'none')
}

function count(n: number, what: string): string {
  return `${n}\u00a0${what}${n === 1 ? '' : 's'}`
}
