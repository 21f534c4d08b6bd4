/** The job `aftermath`: looks at what a release deployed, after it has succeeded. It changes nothing outside. */
import { defined } from '../../lib/defined.ts'
import { pollUntil } from '../../lib/retry.ts'
import type { Claim, Job } from '../../release/ports/jobs.ts'
import type { Aftermath, ReleaseWarning } from '../../release/ports/platform.ts'
import { type Release, type SeenAfterwards, step } from '../../release/release.ts'
import type { RemoteSettings } from '../../release/settings.ts'
import { aftermathSeen } from '../../release/transitions/index.ts'
import { placeOf } from '../place.ts'
import { platformOf, type WorkerPorts } from '../ports.ts'

/**
 * For up to two minutes after the end, waits until what was deployed has started and its health check answers, then reports
 * once what people should know. After a restart the next worker waits for the rest of that time. Reports nothing once the
 * environment has another release.
 */
export async function lookAfterwards(
  ports: WorkerPorts,
  claim: Claim,
  { release: number }: Extract<Job, { kind: 'aftermath' }>,
): Promise<void> {
  const { store, times } = ports
  const release = await store.release(number)
  const place = release && placeOf(ports, release)
  if (release?.state !== 'succeeded' || place === undefined || release.endedAt === undefined) return
  if (step(release, 'report')?.result?.afterwards !== undefined) return
  const passedMs = (await store.now()).getTime() - release.endedAt.getTime()
  const forMs = Math.max(0, times.afterwards - passedMs)
  const { remote } = place.environment
  const [ran, health] = await Promise.all([
    seenAtPlatform(ports, claim, remote, release, forMs),
    seenHealth(ports, claim, remote, forMs),
  ])
  claim.signal.throwIfAborted()
  const warnings = [...(ran?.warnings ?? []), ...(health?.warning === undefined ? [] : [health.warning])]
  const seen: SeenAfterwards = { warnings, ...defined({ notes: notesOf(ran?.note, health?.note) }) }
  if (warnings.length === 0 && seen.notes === undefined) return
  await store.transaction(
    async (tx) => {
      const now = await tx.lockRelease(number)
      if (now) await aftermathSeen(tx, now, seen)
    },
    { as: claim },
  )
}

function notesOf(...notes: readonly (string | undefined)[]): readonly string[] | undefined {
  const given = notes.filter((note) => note !== undefined)
  return given.length === 0 ? undefined : given
}

interface Seen {
  readonly warnings: readonly ReleaseWarning[]
  readonly note?: string
}

/** Undefined: the platform tells nothing, or another release has come since. */
async function seenAtPlatform(
  { clock, times, store, ...ports }: WorkerPorts,
  { signal }: Claim,
  remote: RemoteSettings,
  release: Release,
  forMs: number,
): Promise<Seen | undefined> {
  const platform = platformOf(ports, remote)
  const { aftermath } = platform
  const platformRelease = step(release, 'confirm')?.result?.platformRelease
  if (aftermath === undefined || platformRelease === undefined) return undefined
  let last: Aftermath | undefined
  let isForbidden = false
  await pollUntil(
    async () => {
      const answer = await aftermath(remote, platformRelease)
      if (answer.ok) last = answer.value
      // Such as a key that may not read dynos: it won't be told later, nor after the next release.
      else isForbidden = answer.failure === 'refused'
      return last?.isSettled || isForbidden ? true : undefined
    },
    { forMs, everyMs: times.poll, signal, clock },
  )
  const { app, environment } = release
  const [newest] = await store.releases({ app, environment, limit: 1, states: ['running', 'succeeded'] })
  if (newest !== undefined && newest.number > release.number) return undefined
  if (isForbidden) return undefined
  if (last === undefined) return { warnings: [], note: `${platform.words.name} did not tell how it runs` }
  return { warnings: last.warnings }
}

async function seenHealth(
  { health: check, clock, times }: WorkerPorts,
  { signal }: Claim,
  { health: url }: RemoteSettings,
  forMs: number,
): Promise<{ readonly warning?: ReleaseWarning; readonly note?: string } | undefined> {
  if (url === undefined) return undefined
  // A query may contain a secret.
  const { origin, host, pathname } = new URL(url)
  let detail = 'no answer'
  const healthy = await pollUntil(
    async () => {
      const answer = await check.ask(url, signal)
      if (answer.isHealthy) return answer
      detail = answer.detail
      return undefined
    },
    { forMs, everyMs: times.poll, signal, clock },
  )
  if (healthy !== undefined) return { note: `its health check at ${host}${pathname} answered ${healthy.status}` }
  const warning = { what: `its health check fails: ${detail}`, look: `curl -i ${origin}${pathname}` }
  return { warning }
}
