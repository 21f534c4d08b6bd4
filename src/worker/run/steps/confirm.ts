import { pollUntil, withRetry } from '../../retry.ts'
import { isOf, platformReleases } from '../../world.ts'
import { type Performed, type Step, type StepContext, type Stopped, short, stopped } from './step.ts'

/** Proves that the platform runs the commit. A push that was taken is not yet a deploy. */
export const confirm: Step = {
  name: 'confirm',
  probe: async () => ({ is: 'absent' }),
  perform: (run) => (run.environment.remote.platform === 'heroku' ? confirmHeroku(run) : confirmRef(run)),
}

async function confirmRef({ ports, environment, commit = '' }: StepContext): Promise<Performed | Stopped> {
  const { remote } = environment
  const held = await withRetry(() => ports.git.heads(remote.url, [remote.branch]), ports)
  if (!held.ok) return stopped({ gate: 'not_confirmed', app: remote.name, detail: held.detail }, 'unknown')
  if (held.value[remote.branch] !== commit) {
    return stopped({ gate: 'not_confirmed', app: remote.name, detail: `it does not hold ${short(commit)}` }, 'unknown')
  }
  return { is: 'done', effect: 'none', result: { said: `Confirmed: ${remote.name} is at ${short(commit)}`, commit } }
}

async function confirmHeroku(run: StepContext): Promise<Performed | Stopped> {
  const { ports, environment, signal, commit = '' } = run
  const app = environment.remote.herokuApp ?? environment.remote.name
  let lastWord = 'it has not answered'
  const ended = await pollUntil(
    async (): Promise<Performed | Stopped | undefined> => {
      const releases = await platformReleases(ports, environment)
      if (!releases.ok) {
        lastWord = releases.detail
        return undefined
      }
      const current = releases.value.find((release) => release.current)
      if (current !== undefined && isOf(current, commit) && current.status === 'succeeded') {
        const version = `v${current.version}`
        const said = `Confirmed: ${app} runs ${short(commit)} as ${version}`
        return { is: 'done', effect: 'none', result: { said, commit, platformRelease: version } }
      }
      const ours = releases.value.find((release) => isOf(release, commit))
      if (ours === undefined) {
        lastWord = `it has no release of ${short(commit)} yet`
        return undefined
      }
      const version = `v${ours.version}`
      if (ours.status === 'failed' || ours.status === 'expired') {
        return stopped({ gate: 'release_phase_failed', app, platformRelease: version, commit }, 'none')
      }
      if (current !== undefined && current.version > ours.version) {
        const detail = `${version} is not its current release: v${current.version} came after it`
        return stopped({ gate: 'not_confirmed', app, detail }, 'unknown')
      }
      lastWord =
        ours.status === 'pending' ? `${version} is still being released` : `${version} is not its current release`
      return undefined
    },
    { forMs: ports.times.confirm, everyMs: ports.times.poll, signal, clock: ports.clock },
  )
  return ended ?? stopped({ gate: 'not_confirmed', app, detail: lastWord }, 'unknown')
}
