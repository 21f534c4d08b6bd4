/** Heroku's apps: a push that is taken makes a release, which succeeds or fails a while later. */
import { confirmationOf } from '../../../src/adapters/heroku/confirmation.ts'
import { herokuLimits, herokuWords } from '../../../src/adapters/heroku/words.ts'
import type { Platform, PlatformRelease } from '../../../src/release/ports/platform.ts'
import { appAt, type RemoteSettings } from '../../../src/release/settings.ts'
import type { TruthLog } from './truth.ts'
import type { VirtualTime } from './virtual-time.ts'

const ASK_MS = 300
const RELEASE_PHASE_MS = 8_000

type Stored = Omit<{ -readonly [K in keyof PlatformRelease]: PlatformRelease[K] }, 'current'> & { readonly by: string }

export interface SimulatedPlatform extends Platform {
  /** A push to the app's repository was taken. */
  pushed(app: string, commit: string): void
  /** Somebody has rolled back, or released, by hand. */
  byHand(app: string, commit: string): void
  /** The next release phase fails. */
  failNextPhase(): void
  /** Tells this of what runs after every release from now on; before, it tells nothing. */
  warn(what: string): void
  /** The commit that the app runs. */
  runs(app: string): string | undefined
  all(app: string): readonly Readonly<Stored>[]
}

/** Shorter than in service, so that a simulated hour costs little. */
const LIMITS = { ...herokuLimits, pushArrivesWithinMs: 5 * 60_000, confirmedWithinMs: 10 * 60_000 }

export function createPlatform({ time, truth }: { time: VirtualTime; truth: TruthLog }): SimulatedPlatform {
  const apps = new Map<string, Stored[]>()
  let phasesToFail = 0

  function of(app: string): Stored[] {
    const known = apps.get(app) ?? []
    apps.set(app, known)
    return known
  }

  const currentOf = (app: string) => of(app).findLast(({ status }) => status === 'succeeded')

  function seen(app: string, release: Stored): PlatformRelease {
    const { by: _by, ...rest } = release
    return { ...rest, current: release === currentOf(app) }
  }

  function release(app: string, commit: string, by: 'push' | 'slug' | 'hand'): Stored {
    const before = of(app)
    const version = before.length + 1
    const made: Stored = {
      id: `${app}-${version}`,
      version,
      commit,
      artifact: `slug-${commit}`,
      by,
      status: by === 'hand' ? 'succeeded' : 'pending',
    }
    // After a failure, a change by hand or a release of another commit, the same commit may be released once more.
    const isOccasion = (each: Stored) => each.status === 'failed' || each.by === 'hand' || each.commit !== commit
    const occasions = before.filter(isOccasion).length
    before.push(made)
    if (by === 'hand') return made
    truth.happened({ kind: 'platform release', key: `${app} ${commit} ${occasions}`, where: app, commit, detail: by })
    const fails = phasesToFail > 0
    if (fails) phasesToFail -= 1
    void time.sleep(RELEASE_PHASE_MS).then(() => {
      made.status = fails ? 'failed' : 'succeeded'
    })
    return made
  }

  async function releases({ app = '' }: RemoteSettings, limit: number) {
    await time.sleep(ASK_MS)
    const newest = of(app).toReversed().slice(0, limit)
    return { ok: true, value: newest.map((each) => seen(app, each)) } as const
  }

  const platform: SimulatedPlatform = {
    words: herokuWords,
    limits: LIMITS,
    pushed: (app, commit) => void release(app, commit, 'push'),
    byHand: (app, commit) => void release(app, commit, 'hand'),
    failNextPhase() {
      phasesToFail += 1
    },
    warn(what) {
      platform.aftermath = async () => ({ ok: true, value: { isSettled: true, warnings: [{ what }] } })
    },
    runs: (app) => currentOf(app)?.commit,
    all: of,
    releases,
    async confirm(remote, commit) {
      const { value } = await releases(remote, 10)
      return { ok: true, value: confirmationOf(appAt(remote), value, commit) }
    },
    async releaseAgain({ app = '' }, slug) {
      await time.sleep(ASK_MS)
      const made = release(app, slug.replace(/^slug-/, ''), 'slug')
      await time.sleep(ASK_MS)
      return { ok: true, value: seen(app, made) }
    },
  }
  return platform
}
