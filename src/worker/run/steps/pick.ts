import { defined } from '../../../lib/defined.ts'
import type { Performed, Stopped } from '../../../release/transitions/index.ts'
import { pickRequest } from '../../plan/picks.ts'
import { withRetry } from '../../retry.ts'
import { originError } from '../../service-errors.ts'
import { type ConditionalPush, notSeen, pushConditionally, waitUntilArrived } from '../conditional-push.ts'
import { type Probe, type Step, type StepContext, short, stopped } from './step.ts'

interface Wanted {
  readonly branch: string
  /** The commit of origin's branch in the plan. */
  readonly from: string
  /** The last of the picked commits: the branch's new head. */
  readonly commit: string
}

function wanted({ plan }: StepContext): Wanted {
  const { target, result } = plan.bound
  if (result.how !== 'commit' || target.commit === null || plan.hotfix === undefined) {
    throw new Error('the plan has no commits to pick')
  }
  return { branch: target.branch, from: target.commit, commit: result.commit }
}

function picked(run: StepContext): Performed['result'] {
  const { branch, commit } = wanted(run)
  const count = run.plan.hotfix?.picks.length ?? 1
  const what = count === 1 ? '' : `${count} commits, up to `
  return { said: `Picked ${what}${short(commit)} onto ${branch} on origin`, commit }
}

/** Pushes the picked commits, which planning made, to origin's branch, only if it has not moved since the plan. */
export const pick: Step = {
  name: 'pick',

  async probe(run): Promise<Probe> {
    const { ports, app } = run
    const { branch, from, commit } = wanted(run)
    const fetched = await withRetry(() => ports.git.fetch(app, app.gitUrl, [branch], run.signal), ports)
    if (!fetched.ok) return stopped(originError(ports, app, fetched).refused, 'as before')
    const head = fetched.value[branch]
    // Other commits may be on top of it already.
    const isThere =
      head !== null &&
      head !== undefined &&
      head !== from &&
      (await ports.git.has(app, commit)) &&
      (await ports.git.isAncestor(app, commit, head))
    return isThere ? { is: 'there', result: picked(run) } : { is: 'absent' }
  },

  async awaitEffect(run) {
    await waitUntilArrived(run, pushOf(run))
    const seen = await pick.probe(run)
    return seen.is === 'absent' ? notSeen(pushOf(run)) : seen
  },

  async perform(run) {
    return (await recreatePicks(run)) ?? pushConditionally(run, pushOf(run))
  },
}

function pushOf(run: StepContext): ConditionalPush<Exclude<Probe, Stopped>> {
  const { ports, app, release } = run
  const { branch, from, commit } = wanted(run)
  return {
    url: app.gitUrl,
    branch,
    commit,
    expected: from,
    arrivesWithinMs: ports.forge.limits.pushArrivesWithinMs,
    look: () => pick.probe(run),
    hasArrived: ({ is }) => is === 'there',
    result: picked(run),
    cutOff: {
      key: `pick-cut:${release.attempt}`,
      what: 'The push to origin was interrupted. Checking whether it arrived.',
    },
    notAllowed: originError(ports, app, { failure: 'refused', detail: '' }).refused,
    notSent: (error) => originError(ports, app, error).refused,
    async rejected({ why, output }) {
      if (why === 'hook') {
        const line = causeLine(output)
        const facts = defined({ branch, line, output: output.slice(-20) })
        return stopped({ gate: 'pick_refused', ...facts }, 'none', { output })
      }
      const now = await withRetry(() => ports.git.heads(app.gitUrl, [branch]), ports)
      const to = now.ok ? (now.value[branch] ?? 'absent') : 'moved during the push'
      return stopped({ gate: 'plan_outdated', moved: [{ what: branch, from, to }] }, 'none', { output })
    },
    unknown: { gate: 'pick_unknown', branch, commit },
  }
}

/** Makes the same commits again where this host's mirror lacks them: the plan has everything that goes into them. */
async function recreatePicks(run: StepContext): Promise<Stopped | undefined> {
  const { ports, app, plan, release } = run
  const { branch, from, commit } = wanted(run)
  const { hotfix } = plan
  if (hotfix === undefined || (await ports.git.has(app, commit))) return undefined
  await withRetry(() => ports.git.fetchAll(app, app.gitUrl, run.signal), ports)
  const commits = hotfix.picks.map((each) => each.from)
  for (const asked of commits) {
    if (await ports.git.has(app, asked)) continue
    await withRetry(() => ports.git.fetchNamed(app, app.gitUrl, asked, run.signal), ports)
    if (await ports.git.has(app, asked)) continue
    return stopped({ gate: 'unknown_commit', asked, why: 'on no branch', candidates: [] }, 'as before')
  }
  const request = pickRequest(app, release.number, { branch, commit: from }, commits, new Date(hotfix.at))
  const made = await ports.git.pick(app, request)
  const last = made.pick === 'made' ? made.commits.at(-1)?.made : undefined
  if (last === commit) return undefined
  return stopped({ gate: 'unexpected_diff', detail: 'picking again gave other commits than the plan' }, 'as before')
}

/** The line with the cause: the first from the server that is not a summary by git. */
function causeLine(output: readonly string[]): string | undefined {
  const lines = output.map((line) => line.replace(/^\s*remote:\s*/, '').trim())
  return lines.find((line) => line !== '' && !/^(error:|To |!|\[remote rejected\]|Pushing to )/.test(line))
}
