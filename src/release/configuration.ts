/**
 * Compares the bot's and the worker's entries of an environment, by their digests. A digest has a form: form 1 is the
 * first edition's, form 2 begins with `2:`. A release is compared in the form that it was made with, so that an upgrade
 * voids no sign-off, and bots and workers of two versions can work side by side while one replaces the other.
 */
import { WORKER_GONE_MS } from './deadlines.ts'
import type { Store, WorkerSeen } from './ports/store.ts'
import type { Environment } from './settings.ts'

const FORM_2 = '2:'

/** The environment's digest in the form of `seen`, which may come from an older or newer version. */
export function digestInFormOf(seen: string, { digests }: Pick<Environment, 'digests'>): string {
  return seen.startsWith(FORM_2) ? digests.form2 : digests.form1
}

/** Whether a digest, in whatever form, stands for this environment's entry. False for one that is absent. */
export function isSameConfiguration(seen: string | undefined, environment: Pick<Environment, 'digests'>): boolean {
  return seen !== undefined && seen === digestInFormOf(seen, environment)
}

/**
 * The digest that a new release or preview carries: form 2, or form 1 while a worker of the first edition is there, which
 * would refuse any other. `workers`: those that are alive. Form 1 is never used for an entry that it says only a part of.
 */
export function configurationFor(environment: Environment, workers: readonly WorkerSeen[]): string {
  const { app, name, digests } = environment
  const given = workers.map(({ configurations }) => configurations[`${app}/${name}`])
  const needsForm1 = given.some((digest) => digest !== undefined && !digest.startsWith(FORM_2))
  return needsForm1 && digests.isForm1Complete ? digests.form1 : digests.form2
}

/** As `configurationFor`, for the workers that the store has heard from lately. */
export async function currentConfiguration(
  store: Pick<Store, 'now' | 'workers'>,
  environment: Environment,
): Promise<string> {
  const workers = await store.workers()
  const now = (await store.now()).getTime()
  const alive = workers.filter(({ at }) => now - at.getTime() <= WORKER_GONE_MS)
  return configurationFor(environment, alive)
}
