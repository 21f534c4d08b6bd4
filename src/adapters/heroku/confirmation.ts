import { type Confirmation, isOf, type PlatformRelease } from '../../release/ports/platform.ts'

/** Whether an app runs a commit, by its last releases: an accepted push does not prove a deploy. */
export function confirmationOf(app: string, releases: readonly PlatformRelease[], commit: string): Confirmation {
  const short = commit.slice(0, 7)
  const current = releases.find((release) => release.current)
  if (current !== undefined && isOf(current, commit) && current.status === 'succeeded') {
    const version = `v${current.version}`
    return { is: 'running', summary: `Confirmed: ${app} runs ${short} as ${version}`, platformRelease: version }
  }
  const ours = releases.find((release) => isOf(release, commit))
  if (ours === undefined) return { is: 'not yet', detail: `it has no release of ${short} yet` }
  const version = `v${ours.version}`
  if (ours.status === 'failed' || ours.status === 'expired') return { is: 'failed', platformRelease: version }
  if (current !== undefined && current.version > ours.version) {
    const detail = `${version} is not its current release: v${current.version} came after it`
    return { is: 'not running', detail }
  }
  const isPending = ours.status === 'pending'
  return { is: 'not yet', detail: `${version} is ${isPending ? 'still being released' : 'not its current release'}` }
}
