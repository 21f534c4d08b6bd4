import { pollUntil } from '../../../lib/retry.ts'
import type { MergeAnswer, PullRequest } from '../../../release/ports/forge.ts'
import type { Stopped } from '../../../release/transitions/index.ts'
import { withRetry } from '../../retry.ts'
import { forgeError, originError } from '../../service-errors.ts'
import { type Probe, type Step, type StepContext, short, stopped, wasCutOff } from './step.ts'

/** How many newer commits on the branch are searched for the merge. */
const MAX_COMMITS_ON_TOP = 100

function pullRequestOf({ plan }: StepContext): number {
  if (plan.pullRequest === undefined) throw new Error('a merge needs a pull request')
  return plan.pullRequest.id
}

/** Fetches origin's branch and compares the merge with what was signed: exactly the parents and the tree, or the commit, of the plan. */
async function verifyMerge(run: StepContext, { mergeCommit }: PullRequest): Promise<Probe> {
  const { ports, app, plan } = run
  const { target, result } = plan.bound
  if (result.how === 'commit') throw new Error('this plan has no merge')
  const pullRequest = pullRequestOf(run)
  const fetched = await withRetry(() => ports.git.fetch(app, app.gitUrl, [target.branch]), ports)
  if (!fetched.ok) return stopped(originError(ports, app, fetched).refused, 'unknown')
  const head = fetched.value[target.branch]
  if (!head || head === target.commit) return stopped({ gate: 'merge_unknown', pullRequest }, 'unknown')

  const isKnown = target.commit !== null && (await ports.git.has(app, target.commit))
  const notFrom = isKnown && target.commit !== null ? [target.commit] : []
  const since = await ports.git.commits(app, { from: [head], notFrom, limit: MAX_COMMITS_ON_TOP })
  const named = mergeCommit && since.commits.find(({ sha }) => sha.startsWith(mergeCommit))?.sha
  const made = named || head
  if (result.how === 'fast-forward') {
    if (made === result.commit)
      return {
        is: 'there',
        result: { said: `Merged PR #${pullRequest} by fast-forward to ${short(made)}`, commit: made },
      }
    const found = { expected: `${target.branch} at ${short(result.commit)}`, found: short(made) }
    return stopped({ gate: 'merge_unexpected', ...found }, 'some')
  }
  const merged = await ports.git.commit(app, made)
  if (merged.tree === result.tree && merged.parents.join() === result.parents.join()) {
    return { is: 'there', result: { said: `Merged PR #${pullRequest} as ${short(made)}`, commit: made } }
  }
  const expected = `parents ${result.parents.map(short).join(' and ')}, tree ${short(result.tree)}`
  const found = `${short(made)} with parents ${merged.parents.map(short).join(' and ')}, tree ${short(merged.tree)}`
  return stopped({ gate: 'merge_unexpected', expected, found }, 'some')
}

/** Merges the pull request as planned, and verifies that exactly the signed merge or commit is on the branch. */
export const merge: Step = {
  name: 'merge',

  async probe(run) {
    const { ports, app } = run
    const id = pullRequestOf(run)
    const now = await withRetry(() => ports.forge.pullRequest(app, id), ports)
    if (!now.ok) return stopped(forgeError(ports, now).refused, 'as before')
    if (now.value.state === 'merged') return verifyMerge(run, now.value)
    if (now.value.state === 'declined') {
      return stopped({ gate: 'merge_refused', detail: `PR #${id} was declined` }, 'none')
    }
    return { is: 'absent' }
  },

  async awaitEffect(run) {
    const seen = await waitUntilMerged(run)
    return seen.is === 'absent' ? notSeen(pullRequestOf(run)) : seen
  },

  async perform(run) {
    const { ports, app, plan, release } = run
    const id = pullRequestOf(run)
    const answer = await ports.forge.merge(
      app,
      id,
      {
        message: `Merge pull request #${id}: ${release.kind === 'hotfix' ? 'hot-fix' : 'release'} #${release.number} to ${plan.bound.environment}`,
        method: plan.bound.result.how === 'fast-forward' ? 'fast-forward' : 'merge commit',
      },
      run.signal,
    )
    const isRefused = answer.merge === 'refused' || answer.merge === 'moved'
    // After an earlier try or a person has merged it, this request is refused: so probe again before stopping.
    const seen = isRefused && !wasCutOff(run) ? await merge.probe(run) : await waitUntilMerged(run)
    if (seen.is === 'there') return { is: 'done', effect: 'some', result: seen.result }
    if (seen.is === 'absent') return notMerged(id, answer.merge === 'refused' ? await withRules(run, answer) : answer)
    return { ...seen, effect: seen.effect === 'as before' ? 'unknown' : seen.effect }
  },
}

/** The refusal, marked as one by the forge's rules also if only the rules themselves tell that something is missing. */
async function withRules(run: StepContext, answer: Refused): Promise<Refused> {
  if (answer.byRules !== undefined) return answer
  const { ports, app } = run
  const asked = await withRetry(() => ports.forge.mergeRequirements(app, pullRequestOf(run)), ports)
  const isMissing = asked.ok && asked.value.missing.some(({ advisory, unsure }) => !advisory && !unsure)
  return isMissing ? { ...answer, byRules: true } : answer
}

type Refused = Extract<MergeAnswer, { merge: 'refused' }>

function notMerged(pullRequest: number, answer: MergeAnswer): Stopped {
  if (answer.merge === 'refused') {
    const { detail, byRules } = answer
    return stopped({ gate: 'merge_refused', detail, ...(byRules === true && { byRules, pullRequest }) }, 'none')
  }
  if (answer.merge === 'moved') {
    const moved = [{ what: 'a branch of the pull request', from: 'where it was signed', to: 'moved while merging' }]
    return stopped({ gate: 'plan_outdated', moved }, 'none')
  }
  return notSeen(pullRequest)
}

function notSeen(pullRequest: number): Stopped {
  return stopped({ gate: 'merge_unknown', pullRequest }, 'unknown')
}

/** Polls until the outcome is known or a merge can no longer arrive. Returns the last probe: merged, not merged or unknown. */
async function waitUntilMerged(run: StepContext): Promise<Probe> {
  const { ports, signal } = run
  let last: Probe = { is: 'absent' }
  const seen = await pollUntil(
    async () => {
      last = await merge.probe(run)
      const isKnown =
        last.is === 'there' || (last.is === 'stopped' && (last.effect === 'some' || last.effect === 'none'))
      return isKnown ? last : undefined
    },
    { forMs: ports.forge.limits.mergeArrivesWithinMs, everyMs: ports.times.poll, signal, clock: ports.clock },
  )
  return seen ?? last
}
