/** Makes the releases of heads that are due, for environments that are deployed automatically. */
import { anyDeploysAutomatically, SIGNOFF } from './automatic.ts'
import { currentConfiguration, isSameConfiguration } from './configuration.ts'
import { deployedNow } from './deployed.ts'
import type { Directory } from './ports/directory.ts'
import type { Store } from './ports/store.ts'
import type { ServiceWords } from './ports/words.ts'
import type { Gate } from './refusals.ts'
import { type App, type Environment, findApp, findEnvironment } from './settings.ts'
import { heldBack } from './start-conditions.ts'
import { requested } from './transitions/index.ts'
import { findMissingWorker } from './workers.ts'

interface Ports {
  readonly store: Store
  readonly directory: Pick<Directory, 'channel'>
  /** What the bot's releases.yml declares. */
  readonly apps: readonly App[]
  readonly services: Pick<ServiceWords, 'platforms'>
  readonly log: {
    info(fields: object, message: string): void
    error(fields: object, message: string): void
  }
}

type Waits = { readonly waitsFor: Gate }

/**
 * Returns a function that makes the release of each head that is due and whose environment is free; a head that can't be
 * released yet stays due. Safe to repeat and to run in several bots: each head gets one release. An error at one
 * environment doesn't stop the others.
 */
export function createHeadDeployer(ports: Ports): () => Promise<void> {
  const { store, apps, log } = ports
  /** What each environment's head waits for, as it was logged last. */
  const logged = new Map<string, string>()

  async function deploy(): Promise<void> {
    if (!anyDeploysAutomatically(apps)) return
    for (const head of await store.heads()) {
      const app = findApp(apps, head.app)
      const environment = app && findEnvironment(app, head.environment)
      if (head.state !== 'due' || environment?.deploys === undefined) continue
      const place = { app: head.app, environment: head.environment }
      try {
        report({ ...place, commit: head.commit }, await deployHead(ports, environment, head.commit))
      } catch (err) {
        log.error({ ...place, err }, 'the release of a new head could not be made; the next round tries again')
      }
    }
  }

  /** One line for each head and reason: it is asked twice a minute. */
  function report(of: { app: string; environment: string; commit: string }, outcome: Waits | undefined): void {
    const key = `${of.app}/${of.environment}`
    const waits = outcome === undefined ? undefined : `${of.commit} ${outcome.waitsFor}`
    if (waits === undefined || outcome === undefined) return void logged.delete(key)
    if (logged.get(key) === waits) return
    logged.set(key, waits)
    log.info({ ...of, gate: outcome.waitsFor }, 'a new head waits to be deployed automatically')
  }

  let running: Promise<void> | undefined
  return () => {
    running ??= deploy().finally(() => {
      running = undefined
    })
    return running
  }
}

/** Makes the release of this commit, or returns what it waits for. Nothing is made for a commit that runs already. */
async function deployHead(
  { store, directory, services }: Ports,
  environment: Environment,
  commit: string,
): Promise<Waits | undefined> {
  const { app, name } = environment
  // A worker plans it, and Slack takes its card: without either it would end as refused.
  if (await findMissingWorker(store, environment)) return { waitsFor: 'no_worker' }
  // Asked at every news of the store. Slack, whose calls are limited for all together, is asked only where nothing else is in the way.
  const inTheWay = await whatIsInTheWay(store, environment)
  if (inTheWay !== undefined) return { waitsFor: inTheWay }
  if ('unreachable' in (await directory.channel(environment.channel))) return { waitsFor: 'channel_unreachable' }
  const configuration = await currentConfiguration(store, environment)
  return store.transaction(async (tx): Promise<Waits | undefined> => {
    await tx.lockEnvironment(app, name)
    const head = await tx.head(app, name)
    if (head?.state !== 'due' || head.commit !== commit) return undefined
    if (!isSameConfiguration(head.configuration, environment)) return { waitsFor: 'configuration_differs' }
    // Under the lock nobody requests another release, so what is proven to run stays so.
    if (await store.current(app, name)) return { waitsFor: 'environment_busy' }
    const runs = await deployedNow(store, environment, services.platforms[environment.remote.platform])
    if (runs?.is === 'proven' && runs.commit === commit) {
      await tx.putHead({ ...head, state: 'done' })
      return undefined
    }
    const outcome = await requested(tx, {
      release: {
        app,
        environment: name,
        kind: 'deploy',
        requester: { id: SIGNOFF.id, name: SIGNOFF.name },
        configuration,
        requestKey: requestKey(environment, head),
      },
      environment,
      person: SIGNOFF,
      ends: [],
      waitsForWorker: false,
      head: commit,
    })
    if ('refused' in outcome) return { waitsFor: outcome.refused.gate }
    if ('busy' in outcome) return { waitsFor: 'environment_busy' }
    const { number } = 'made' in outcome ? outcome.made : outcome.seen
    await tx.putHead({ ...head, state: 'done', release: number })
    return undefined
  })
}

/** What the store alone tells of why nothing can start there now. The release is asked again under the environment's lock. */
async function whatIsInTheWay(store: Store, environment: Environment): Promise<Gate | undefined> {
  if (await store.current(environment.app, environment.name)) return 'environment_busy'
  const asked = { moment: 'request', kind: 'deploy', requester: SIGNOFF, isEmergency: false } as const
  return (await store.transaction((tx) => heldBack(tx, { ...asked, environment })))?.gate
}

/** One release for each commit; another only where the one before it was held back before it began. */
function requestKey({ app, name }: Environment, { commit, heldBack }: { commit: string; heldBack?: number }): string {
  return `head ${app}/${name} ${commit}${heldBack === undefined ? '' : ` after #${heldBack}`}`
}
