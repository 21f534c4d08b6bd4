/**
 * Compares the bot's and the worker's configuration of an environment by digests. Form 1 is the first version's digest,
 * form 2 begins with `2:`. A release is compared in the form that it was created with, so an upgrade voids no sign-off
 * and two versions can run side by side.
 */
import type { Store, WorkerSeen } from './ports/store.ts'
import type { Environment } from './settings.ts'
import { WORKER_GONE_MS } from './workers.ts'

const FORM_2 = '2:'

/** The environment's digest in the form of `seen`, which another version may have made. */
export function digestInFormOf(seen: string, { digests }: Pick<Environment, 'digests'>): string {
  return seen.startsWith(FORM_2) ? digests.form2 : digests.form1
}

/** Whether a digest of either form matches the environment's entry. False when it is absent. */
export function isSameConfiguration(seen: string | undefined, environment: Pick<Environment, 'digests'>): boolean {
  return seen !== undefined && seen === digestInFormOf(seen, environment)
}

/**
 * The digest for a new release or preview: form 2, or form 1 while a worker of the first version is alive, which would
 * refuse any other. `workers` are the live ones. Form 1 is never used for an entry that it doesn't cover in full.
 */
export function configurationFor(environment: Environment, workers: readonly WorkerSeen[]): string {
  const { app, name, digests } = environment
  const given = workers.map(({ configurations }) => configurations[`${app}/${name}`])
  const needsForm1 = given.some((digest) => digest !== undefined && !digest.startsWith(FORM_2))
  return needsForm1 && digests.isForm1Complete ? digests.form1 : digests.form2
}

/** `configurationFor` the workers that the store has heard from recently. */
export async function currentConfiguration(
  store: Pick<Store, 'now' | 'workers'>,
  environment: Environment,
): Promise<string> {
  const workers = await store.workers()
  const now = (await store.now()).getTime()
  const alive = workers.filter(({ at }) => now - at.getTime() <= WORKER_GONE_MS)
  return configurationFor(environment, alive)
}
