/** The job `aftermath`: looks at what a release deployed, after it has succeeded. It changes nothing outside. */
import { defined } from '../../lib/defined.ts'
import type { Claim, Job } from '../../release/ports/jobs.ts'
import type { Transaction } from '../../release/ports/store.ts'
import { type Release, type SeenAfterwards, step } from '../../release/release.ts'
import type { RemoteSettings } from '../../release/settings.ts'
import { aftermathSeen } from '../../release/transitions/index.ts'
import { placeOf } from '../place.ts'
import { platformOf, type WorkerPorts } from '../ports.ts'
import { refreshProofsBy } from '../proof.ts'

const MOST_BETWEEN_LOOKS_MS = 20_000

type Aftermath = Extract<Job, { kind: 'aftermath' }>

/**
 * Looks once. Until what was deployed has started and its health check answers, or two minutes after the end have passed,
 * enqueues the next look; then reports once what people should know. Between looks it occupies no worker, and a restart
 * loses none. Reports nothing once the environment has another release.
 */
export async function lookAfterwards(ports: WorkerPorts, claim: Claim, job: Aftermath): Promise<void> {
  const { store } = ports
  const { release: number, look = 0 } = job
  const release = await store.release(number)
  const place = release && placeOf(ports, release)
  if (release?.state !== 'succeeded' || place === undefined || release.endedAt === undefined) return
  if (step(release, 'report')?.result?.afterwards !== undefined || (await isReplaced(ports, release))) return
  if (look === 0) await refreshProofsBy(ports, release)
  const { remote } = place.environment
  const [ran, health] = await Promise.all([seenAtPlatform(ports, remote, release), seenHealth(ports, claim, remote)])
  claim.signal.throwIfAborted()
  const leftMs = ports.times.afterwards - ((await store.now()).getTime() - release.endedAt.getTime())
  if (leftMs > 0 && !(ran.isFinal && health.isFinal)) {
    const afterMs = Math.min(ports.times.poll * (look + 1), MOST_BETWEEN_LOOKS_MS, leftMs)
    const next: Aftermath = { kind: 'aftermath', release: number, look: look + 1 }
    await commit((tx) => tx.enqueue(next, { afterMs }))
    return
  }
  const notes = [...(ran.notes ?? []), ...(health.notes ?? [])]
  const seen: SeenAfterwards = {
    warnings: [...ran.warnings, ...health.warnings],
    ...defined({ notes: notes.length === 0 ? undefined : notes }),
  }
  if (seen.warnings.length === 0 && seen.notes === undefined) return
  await commit(async (tx) => {
    const now = await tx.lockRelease(number)
    if (now) await aftermathSeen(tx, now, seen)
  })

  function commit(work: (tx: Transaction) => Promise<unknown>) {
    return store.transaction(work, { as: claim })
  }
}

async function isReplaced({ store }: WorkerPorts, { app, environment, number }: Release): Promise<boolean> {
  const [newest] = await store.releases({ app, environment, limit: 1, states: ['running', 'succeeded'] })
  return newest !== undefined && newest.number > number
}

/** `isFinal`: a later look won't see anything else. */
interface Seen extends SeenAfterwards {
  readonly isFinal: boolean
}

const NOTHING: Seen = { isFinal: true, warnings: [] }

async function seenAtPlatform(ports: WorkerPorts, remote: RemoteSettings, release: Release): Promise<Seen> {
  const { aftermath, words } = platformOf(ports, remote)
  const platformRelease = step(release, 'confirm')?.result?.platformRelease
  if (aftermath === undefined || platformRelease === undefined) return NOTHING
  const answer = await aftermath(remote, platformRelease)
  if (answer.ok) return { isFinal: answer.value.isSettled, warnings: answer.value.warnings }
  // Such as a key that may not read dynos: it won't be told later, nor after the next release.
  if (answer.failure === 'refused') return NOTHING
  return { isFinal: false, warnings: [], notes: [`${words.name} did not tell how it runs`] }
}

async function seenHealth(ports: WorkerPorts, { signal }: Claim, { health: url }: RemoteSettings): Promise<Seen> {
  if (url === undefined) return NOTHING
  // A query may contain a secret.
  const { origin, host, pathname } = new URL(url)
  const answer = await ports.health.ask(url, signal)
  if (answer.isHealthy) {
    return { isFinal: true, warnings: [], notes: [`its health check at ${host}${pathname} answered ${answer.status}`] }
  }
  const warning = { what: `its health check fails: ${answer.detail}`, look: `curl -i ${origin}${pathname}` }
  return { isFinal: false, warnings: [warning] }
}
