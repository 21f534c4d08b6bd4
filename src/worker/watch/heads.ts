/** Looks each minute at the branches of environments that are deployed automatically, and notes new heads in the store. */
import { forEachAtOnce } from '../../lib/at-once.ts'
import {
  type BuildsState,
  buildsState,
  deploysAutomatically,
  type Head,
  headAfterBuilds,
  headAfterLook,
  isOwed,
  type Look,
} from '../../release/automatic.ts'
import type { CheckStatus } from '../../release/plan.ts'
import type { WorkerSeen } from '../../release/ports/store.ts'
import type { App, Environment } from '../../release/settings.ts'
import { isAlive } from '../../release/workers.ts'
import { isOurs, ourEnvironments } from '../place.ts'
import { makePlan } from '../plan/planner.ts'
import type { WorkerPorts } from '../ports.ts'

/** Repositories that are asked at once: hundreds, one after another, would take longer than the minute between two looks. */
const ASKED_AT_ONCE = 8

export interface HeadWatch {
  /** Looks once at every branch: one question for each repository, some at once. Writes nothing where nothing is new. */
  look(): Promise<void>
  /** This worker no longer looks: after a restart its first look only remembers. */
  leave(): Promise<void>
}

interface Place {
  readonly app: App
  readonly environment: Environment
}

/** What this process remembers of an environment between two looks. */
interface Memory {
  hasLooked: boolean
  /** The head at the first look, while it can't be told yet whether another worker has looked all the time. */
  atStart?: string
}

const keyOf = ({ environment: { app, name } }: Place) => `${app}/${name}`

/** `worker`: this worker's id, as `workerSeen` records it. */
export function createHeadWatch(ports: WorkerPorts, worker: string): HeadWatch {
  const { store, git, log, clock } = ports
  const places = ports.apps.flatMap((app) =>
    app.environments
      .filter((each) => deploysAutomatically(each) && isOurs(ports, each))
      .map((environment) => ({ app, environment })),
  )
  const memories = new Map<string, Memory>()
  /** What could not be read, so that it is logged once and not each minute. */
  const unread = new Set<string>()
  let startedAt: Date | undefined

  /** One line when something can't be read, and one when it can again. */
  function noteUnread(key: string, fields: object, detail: string | undefined): void {
    if (detail === undefined) {
      if (unread.delete(key)) log.info(fields, 'what automatic deploys look at can be read again')
      return
    }
    if (unread.has(key)) return
    unread.add(key)
    log.warn(
      { ...fields, detail },
      'automatic deploys wait: what they look at could not be read; each minute tries again',
    )
  }

  let hasForgotten = false

  /** What was owed under `deploys: automatically` is not owed any more once the entry says on request. */
  async function forgetOnRequest(noted: readonly Head[]): Promise<void> {
    const onRequest = ourEnvironments(ports).filter((each) => !deploysAutomatically(each))
    for (const { app, name } of onRequest) {
      if (!noted.some((head) => head.app === app && head.environment === name && isOwed(head))) continue
      await store.transaction(async (tx) => {
        await tx.lockEnvironment(app, name)
        const head = await tx.head(app, name)
        if (head !== undefined && isOwed(head)) await tx.putHead({ ...head, state: 'given up' })
      })
    }
    hasForgotten = true
  }

  async function look(): Promise<void> {
    if (places.length === 0 && hasForgotten) return
    const noted = await store.heads()
    if (!hasForgotten) await forgetOnRequest(noted)
    if (places.length === 0) return
    const now = await storeClock()
    startedAt ??= now()
    await forEachAtOnce(
      Map.groupBy(places, ({ app }) => app.gitUrl),
      ASKED_AT_ONCE,
      ([url, here]) => lookAtRepository(url, here, noted, now),
    )
  }

  /** The store's time, asked once for a look and not for each environment. */
  async function storeClock(): Promise<() => Date> {
    const asked = clock.now()
    const at = (await store.now()).getTime()
    return () => new Date(at + clock.now() - asked)
  }

  async function lookAtRepository(
    url: string,
    here: readonly Place[],
    noted: readonly Head[],
    now: () => Date,
  ): Promise<void> {
    const branches = [...new Set(here.map(({ environment }) => environment.branch))]
    const [first] = here
    const seen = await git.heads(url, branches)
    noteUnread(url, { app: first?.app.name }, seen.ok ? undefined : seen.detail)
    ports.headsLooked?.(seen.ok ? 'ok' : 'failed')
    if (!seen.ok) return
    for (const place of here) {
      const { app, name, branch } = place.environment
      const commit = seen.value[branch]
      const missing = commit ? undefined : `the repository has no branch ${branch}`
      noteUnread(`${keyOf(place)} branch`, { app, environment: name }, missing)
      if (!commit) continue
      const before = noted.find((head) => head.app === app && head.environment === name)
      await lookAt(place, before, commit, now).catch((err: unknown) =>
        log.error({ app, environment: name, err }, 'a new head could not be noted; the next look tries again'),
      )
    }
  }

  async function lookAt(place: Place, before: Head | undefined, commit: string, now: () => Date): Promise<void> {
    const { environment } = place
    const memory = memories.get(keyOf(place)) ?? { hasLooked: false }
    memories.set(keyOf(place), memory)
    const decide = async (head: Head | undefined, at: Date) =>
      headAfterLook(head, await lookOf(environment, head, commit, memory, at))
    let head = before
    const after = await decide(before, now())
    if (after === 'later') memory.atStart ??= commit
    else {
      memory.hasLooked = true
      if (after !== 'same') head = await noteHead(place, after, decide)
      delete memory.atStart
    }
    if (head?.state === 'builds' && head.commit === commit) await lookAtBuilds(place, head)
  }

  async function lookOf(
    environment: Environment,
    noted: Head | undefined,
    commit: string,
    { hasLooked, atStart }: Memory,
    now: Date,
  ): Promise<Look> {
    const isKnown = noted?.configuration === environment.digests.form2 && noted.watchers.includes(worker)
    return {
      app: environment.app,
      environment: environment.name,
      configuration: environment.digests.form2,
      commit,
      worker,
      ...(atStart !== undefined && { atStart }),
      isFirst: !hasLooked,
      alive: isKnown ? [] : aliveOf(await store.workers(), now),
      afterChecks: environment.deploys === 'after checks',
      now,
    }
  }

  /** Those that look at the same branches. */
  function aliveOf(workers: readonly WorkerSeen[], now: Date): Look['alive'] {
    return workers
      .filter((each) => each.group === ports.group && isAlive(each, now))
      .map(({ id, at }) => ({ id, sinceStart: startedAt !== undefined && at > startedAt }))
  }

  /** Decides again under the environment's lock, since another worker may have noted the head meanwhile. */
  async function noteHead(
    place: Place,
    wanted: Head,
    decide: (head: Head | undefined, now: Date) => Promise<Head | 'same' | 'later'>,
  ): Promise<Head | undefined> {
    const { app, name } = place.environment
    const isDeployed = wanted.state === 'due' && (await isNothingToRelease(place, wanted.commit))
    return store.transaction(async (tx) => {
      await tx.lockEnvironment(app, name)
      const head = await tx.head(app, name)
      const after = await decide(head, tx.now)
      if (after === 'same' || after === 'later') return head
      const kept = isDeployed && after.state === 'due' ? { ...after, state: 'done' as const } : after
      await tx.putHead(kept)
      return kept
    })
  }

  async function lookAtBuilds(place: Place, head: Head): Promise<void> {
    const { app, environment } = place
    const asked = await ports.forge.checks(app, head.commit)
    const fields = { app: app.name, environment: environment.name, commit: head.commit }
    noteUnread(`${keyOf(place)} builds`, fields, asked.ok ? undefined : asked.detail)
    if (!asked.ok) return
    const state: BuildsState = buildsState(asked.value)
    if (headAfterBuilds(head, state, await store.now()) === 'same') return
    const isDeployed = state === 'passed' && (await isNothingToRelease(place, head.commit))
    await store.transaction(async (tx) => {
      await tx.lockEnvironment(environment.app, environment.name)
      const now = await tx.head(environment.app, environment.name)
      if (now?.commit !== head.commit) return
      const after = headAfterBuilds(now, state, tx.now)
      if (after === 'same') return
      await tx.putHead(isDeployed && after.state === 'due' ? { ...after, state: 'done' } : after)
      if (after.told === undefined || after.told === now.told) return
      const { told: because } = after
      tx.addEvent({
        type: 'head_not_deployed',
        actor: 'worker',
        data: { app: environment.app, environment: environment.name, commit: head.commit, because },
      })
      await tx.send({
        kind: 'channel',
        key: `head ${keyOf(place)} ${head.commit}`,
        message: {
          is: 'not deployed',
          app: environment.app,
          environment: environment.name,
          branch: environment.branch,
          commit: head.commit,
          because,
          checks: notPassed(asked.value),
          webUrl: ports.forge.words.pages.repository(app.repository),
        },
      })
    })
  }

  /** Whether the platform runs this commit already, and no migration is pending. A preview tells, which changes nothing. */
  async function isNothingToRelease({ app, environment }: Place, commit: string): Promise<boolean> {
    const { remote } = environment
    const held = await git.heads(remote.url, [remote.branch])
    if (!held.ok || held.value[remote.branch] !== commit) return false
    const outcome = await makePlan(ports, {
      ...{ app, environment, kind: 'deploy', configuration: environment.digests.form2 },
      signal: new AbortController().signal,
    })
    return 'refused' in outcome && outcome.refused.gate === 'nothing_to_release' && outcome.refused.commit === commit
  }

  async function leave(): Promise<void> {
    for (const { environment } of places) {
      const { app, name } = environment
      await store.transaction(async (tx) => {
        await tx.lockEnvironment(app, name)
        const head = await tx.head(app, name)
        if (!head?.watchers.includes(worker)) return
        await tx.putHead({ ...head, watchers: head.watchers.filter((id) => id !== worker) })
      })
    }
  }

  return { look, leave }
}

function notPassed(checks: readonly CheckStatus[]): readonly CheckStatus[] {
  return checks.filter(({ state }) => state !== 'passed').slice(0, 5)
}
