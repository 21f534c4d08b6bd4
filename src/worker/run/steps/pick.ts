import type { PushAnswer } from '../../../release/ports/git.ts'
import { pickWanted } from '../../plan/picks.ts'
import { pollUntil, withRetry } from '../../retry.ts'
import { originError } from '../../world.ts'
import {
  type Performed,
  type Probe,
  type Step,
  type StepContext,
  type Stopped,
  short,
  stopped,
  wasCutOff,
} from './step.ts'

interface Wanted {
  readonly branch: string
  /** Where the plan saw origin's branch. */
  readonly from: string
  /** The last of the picked commits: the branch goes there. */
  readonly commit: string
}

function wanted({ plan }: StepContext): Wanted {
  const { target, result } = plan.bound
  if (result.how !== 'commit' || target.commit === null || plan.hotfix === undefined) {
    throw new Error('this plan has nothing to pick')
  }
  return { branch: target.branch, from: target.commit, commit: result.commit }
}

function picked(run: StepContext): Performed['result'] {
  const { branch, commit } = wanted(run)
  const count = run.plan.hotfix?.picks.length ?? 1
  const what = count === 1 ? '' : `${count} commits, up to `
  return { said: `Picked ${what}${short(commit)} onto ${branch} at origin`, commit }
}

/** Pushes the picked commits, made at plan time, to origin's branch, only if it is where the plan saw it. */
export const pick: Step = {
  name: 'pick',

  async probe(run): Promise<Probe> {
    const { ports, app } = run
    const { branch, from, commit } = wanted(run)
    const fetched = await withRetry(() => ports.git.fetch(app, app.gitUrl, [branch], run.signal), ports)
    if (!fetched.ok) return stopped(originError(app, fetched).refused, 'as before')
    const head = fetched.value[branch]
    // Others may have put commits on top of it already.
    const isThere =
      head !== null &&
      head !== undefined &&
      head !== from &&
      (await ports.git.has(app, commit)) &&
      (await ports.git.isAncestor(app, commit, head))
    return isThere ? { is: 'there', result: picked(run) } : { is: 'absent' }
  },

  async awaitEffect(run) {
    await waitUntilPicked(run)
    const seen = await pick.probe(run)
    return seen.is === 'absent' ? notSeen(run) : seen
  },

  async perform(run) {
    const { ports, app, signal } = run
    const { branch, from, commit } = wanted(run)
    const lost = await recreatePicks(run)
    if (lost !== undefined) return lost
    const answer = await ports.git.push(app, app.gitUrl, { commit, branch, expected: from }, { signal })
    const { output } = answer
    switch (answer.push) {
      case 'moved':
      case 'already':
        return { is: 'done', effect: 'some', result: picked(run) }
      case 'not allowed':
        return stopped(originError(app, { failure: 'refused', detail: '' }).refused, 'as before', { output })
      case 'rejected':
        return afterRejection(run, answer)
      case 'unknown':
        return afterCut(run, output)
    }
  },
}

/** A worker on another host, or one whose mirror is gone, makes the same commits again: all that goes into them is planned. */
async function recreatePicks(run: StepContext): Promise<Stopped | undefined> {
  const { ports, app, plan, release } = run
  const { branch, from, commit } = wanted(run)
  const { hotfix } = plan
  if (hotfix === undefined || (await ports.git.has(app, commit))) return undefined
  await withRetry(() => ports.git.fetchAll(app, app.gitUrl, run.signal), ports)
  const commits = hotfix.picks.map((each) => each.from)
  for (const asked of commits) {
    if (await ports.git.has(app, asked)) continue
    return stopped({ gate: 'unknown_commit', asked, why: 'on no branch', candidates: [] }, 'as before')
  }
  const request = pickWanted(app, release.number, { branch, commit: from }, commits, new Date(hotfix.at))
  const made = await ports.git.pick(app, request)
  const last = made.pick === 'made' ? made.commits.at(-1)?.made : undefined
  if (last === commit) return undefined
  return stopped({ gate: 'unexpected_diff', detail: 'the picked commits could not be made again' }, 'as before')
}

/** This push was refused. One that was cut off before it may have arrived, or still arrive: then that is the outcome. */
async function afterRejection(
  run: StepContext,
  { why, output }: Extract<PushAnswer, { push: 'rejected' }>,
): Promise<Performed | Stopped> {
  const { ports, app } = run
  const { branch, from } = wanted(run)
  if (wasCutOff(run)) await waitUntilPicked(run)
  const seen = await pick.probe(run)
  if (seen.is === 'there') return { is: 'done', effect: 'some', result: seen.result }
  if (seen.is === 'stopped') return { ...seen, effect: 'unknown', output }
  if (why === 'hook') {
    const line = tellingLine(output)
    const because = {
      gate: 'pick_refused',
      branch,
      ...(line !== undefined && { line }),
      output: output.slice(-20),
    } as const
    return stopped(because, 'none', { output })
  }
  const now = await withRetry(() => ports.git.heads(app.gitUrl, [branch]), ports)
  const to = now.ok ? (now.value[branch] ?? 'absent') : 'moved during the push'
  return stopped({ gate: 'plan_outdated', moved: [{ what: branch, from, to }] }, 'none', { output })
}

/** The line of the answer that says why: the first that is the server's own and no summary of git's. */
function tellingLine(output: readonly string[]): string | undefined {
  const said = output.map((line) => line.replace(/^\s*remote:\s*/, '').trim())
  return said.find((line) => line !== '' && !/^(error:|To |!|\[remote rejected\]|Pushing to )/.test(line))
}

/** After a push without an answer: looked at until it is seen, or called unknown. */
async function afterCut(run: StepContext, output: readonly string[]): Promise<Performed | Stopped> {
  await run.tell(`pick-cut:${run.release.attempt}`, 'The push to origin was cut off. Looking whether it arrived.')
  if (await waitUntilPicked(run)) return { is: 'done', effect: 'some', result: picked(run) }
  return notSeen(run, output)
}

function notSeen(run: StepContext, output: readonly string[] = []): Stopped {
  const { branch, commit } = wanted(run)
  return stopped({ gate: 'pick_unknown', branch, commit }, 'unknown', { output })
}

async function waitUntilPicked(run: StepContext): Promise<boolean> {
  const { ports, signal } = run
  const seen = await pollUntil(async () => ((await pick.probe(run)).is === 'there' ? true : undefined), {
    forMs: ports.times.settlePush.git,
    everyMs: ports.times.poll,
    signal,
    clock: ports.clock,
  })
  return seen === true
}
