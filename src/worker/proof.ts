/** Whether a release's commit is proven on the environment that it is promoted from: what git knows of it. */
import { canonicalJson } from '../lib/canonical-json.ts'
import { defined } from '../lib/defined.ts'
import { producedCommit } from '../release/bound.ts'
import { deployedNow } from '../release/deployed.ts'
import type { Proof, Proving } from '../release/plan.ts'
import { countsAsProof, proofOf } from '../release/proof.ts'
import { type Release, step } from '../release/release.ts'
import { type App, type Environment, promotedFrom } from '../release/settings.ts'
import type { ReleaseKind } from '../release/terms.ts'
import { declaredPlace } from './place.ts'
import type { WorkerPorts } from './ports.ts'

/** How many of the newest releases are looked through: what they don't contain is hardly proven by older ones. */
const MOST_SEARCHED = 50
/** Several, so that one which is marked as bad leaves others. */
const MOST_KEPT = 3

/**
 * What proves this commit, or what runs instead. Undefined where nothing is shown of it: for a hot-fix, without an environment
 * to be promoted from, and with `order: off`. Reads the store and the mirror; fetches only a commit that the mirror lacks.
 */
export async function findProof(
  ports: WorkerPorts,
  { app, environment, kind }: { readonly app: App; readonly environment: Environment; readonly kind: ReleaseKind },
  commit: string,
): Promise<Proof | undefined> {
  const promoted = promotedFrom(app, environment)
  if (promoted === undefined || kind !== 'deploy' || (environment.order ?? 'off') === 'off') return undefined
  const by = await provingReleases(ports, app, promoted, commit)
  const runs = by.length > 0 ? undefined : await whatRuns(ports, app, promoted, commit)
  return { on: promoted.name, commit, by, ...defined({ runs }) }
}

async function provingReleases(
  ports: WorkerPorts,
  app: App,
  promoted: Environment,
  commit: string,
): Promise<readonly Proving[]> {
  const filter = { app: app.name, environment: promoted.name, states: ['succeeded'], limit: MOST_SEARCHED } as const
  const by: Proving[] = []
  const isIn = new Map<string, boolean>()
  for (const release of (await ports.store.releases(filter)).filter(countsAsProof)) {
    const proved = step(release, 'confirm')?.result?.commit ?? producedCommit(release)
    if (proved === undefined) continue
    const contains = isIn.get(proved) ?? (await containsCommit(ports, app, promoted, proved, commit))
    isIn.set(proved, contains)
    if (contains) by.push({ number: release.number, commit: proved })
    if (by.length === MOST_KEPT) break
  }
  return by
}

async function containsCommit(
  ports: WorkerPorts,
  app: App,
  { branch }: Environment,
  whole: string,
  part: string,
): Promise<boolean> {
  if (whole === part) return true
  // Another worker may have deployed it, after this mirror was fetched last.
  if (!(await ports.git.has(app, whole))) await ports.git.fetch(app, app.gitUrl, [branch])
  const areThere = (await ports.git.has(app, whole)) && (await ports.git.has(app, part))
  return areThere && ports.git.isAncestor(app, part, whole)
}

async function whatRuns(
  ports: WorkerPorts,
  app: App,
  promoted: Environment,
  commit: string,
): Promise<Proof['runs'] | undefined> {
  const live = await deployedNow(ports.store, promoted, ports.words.platforms[promoted.remote.platform])
  if (live === undefined || live.is === 'not known') return undefined
  if (live.commit === null) return { commit: null }
  if (!(await ports.git.has(app, live.commit))) return { commit: live.commit }
  const { count } = await ports.git.commits(app, { from: [commit], notFrom: [live.commit], limit: 1 })
  return { commit: live.commit, behind: count }
}

function waits({ state }: Release): boolean {
  return state === 'awaiting sign-off' || state === 'scheduled'
}

/** Looks again, and redraws the card of a release that awaits sign-off or its time if what proves its commit has changed. */
export async function refreshProof(ports: WorkerPorts, release: Release): Promise<void> {
  const place = declaredPlace(ports, release)
  if (place === undefined || release.plan === undefined || !waits(release)) return
  const proof = await findProof(ports, { ...place, kind: release.kind }, release.plan.bound.source.commit)
  if (proof === undefined || canonicalJson(proof) === canonicalJson(proofOf(release) ?? null)) return
  await ports.store.transaction(async (tx) => {
    const now = await tx.lockRelease(release.number)
    if (now === undefined || !waits(now)) return
    await tx.changeRelease(now.number, { proof })
    if (now.card !== undefined) await tx.send({ kind: 'card', release: now.number })
  })
}

/** The same for the releases that wait for what this one has just proven. */
export async function refreshProofsBy(ports: WorkerPorts, proving: Release): Promise<void> {
  const app = ports.apps.find(({ name }) => name === proving.app)
  const promoting = (app?.environments ?? []).filter(({ promotes }) => promotes === proving.environment)
  for (const { name } of promoting) {
    const waiting = await ports.store.current(proving.app, name)
    if (waiting === undefined) continue
    await refreshProof(ports, waiting).catch((err: unknown) =>
      ports.log.error({ release: waiting.number, err }, 'looking for proof failed; the next round tries again'),
    )
  }
}
