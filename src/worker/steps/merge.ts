import { lookUntil, patiently } from '../patience.ts'
import { bitbucketTrouble, originTrouble } from '../world.ts'
import { type Performed, type Probe, type Step, type StepRun, type Stopped, short, stopped } from './step.ts'

function pullRequestOf({ plan }: StepRun): number {
  if (plan.pullRequest === undefined) throw new Error('a merge needs a pull request')
  return plan.pullRequest.id
}

/** Fetches origin's branch and holds it against what was signed: exactly the parents and the tree of the plan. */
async function provenMerge(run: StepRun): Promise<Probe> {
  const { ports, app, plan } = run
  const { target, result } = plan.bound
  if (result.how !== 'merge') throw new Error('this plan has no merge')
  const fetched = await patiently(() => ports.git.fetch(app, app.gitUrl, [target.branch]), ports.times.pause)
  if (!fetched.ok) return stopped(originTrouble(app, fetched).refused, 'unknown')
  const head = fetched.value[target.branch]
  if (!head || head === target.commit) return { is: 'absent' }
  const merged = await ports.git.commit(app, head)
  const asSigned = merged.tree === result.tree && merged.parents.join() === result.parents.join()
  const pullRequest = pullRequestOf(run)
  if (asSigned) {
    return { is: 'there', result: { said: `Merged PR #${pullRequest} as ${short(head)}`, commit: head } }
  }
  const expected = `parents ${result.parents.map(short).join(' and ')}, tree ${short(result.tree)}`
  const found = `${short(head)} with parents ${merged.parents.map(short).join(' and ')}, tree ${short(merged.tree)}`
  return stopped({ gate: 'merge_unexpected', expected, found }, 'some')
}

/** Merges the pull request, as a merge commit, and proves that exactly the signed merge is on the branch. */
export const merge: Step = {
  name: 'merge',

  async probe(run) {
    const { ports, app } = run
    const id = pullRequestOf(run)
    const now = await patiently(() => ports.bitbucket.pullRequest(app, id), ports.times.pause)
    if (!now.ok) return stopped(bitbucketTrouble(now).refused, run.release.attempt > 1 ? 'unknown' : 'none')
    if (now.value.state === 'merged') {
      const proven = await provenMerge(run)
      return proven.is === 'absent' ? stopped({ gate: 'merge_unknown', pullRequest: id }, 'unknown') : proven
    }
    if (now.value.state === 'declined') {
      return stopped({ gate: 'merge_refused', detail: `PR #${id} was declined` }, 'none')
    }
    return { is: 'absent' }
  },

  async perform(run) {
    const { ports, app, plan, release } = run
    const id = pullRequestOf(run)
    const answer = await ports.bitbucket.merge(
      app,
      id,
      `Merge pull request #${id}: release #${release.number} to ${plan.bound.environment}`,
      run.signal,
    )
    if (answer.merge === 'refused') return stopped({ gate: 'merge_refused', detail: answer.detail }, 'none')
    if (answer.merge === 'moved') {
      const moved = [{ what: 'a branch of the pull request', from: 'where it was signed', to: 'moved while merging' }]
      return stopped({ gate: 'plan_outdated', moved }, 'none')
    }
    return settle(run)
  },
}

/** After an answer or none: looks at the branch until the merge is seen. Merged or not known, never guessed. */
async function settle(run: StepRun): Promise<Performed | Stopped> {
  const { ports, signal } = run
  const seen = await lookUntil(
    async () => {
      const proven = await provenMerge(run)
      return proven.is === 'absent' ? undefined : proven
    },
    { forMs: ports.times.settleMerge, everyMs: ports.times.poll, signal },
  )
  if (seen?.is === 'there') return { is: 'done', effect: 'some', result: seen.result }
  return seen ?? stopped({ gate: 'merge_unknown', pullRequest: pullRequestOf(run) }, 'unknown')
}
