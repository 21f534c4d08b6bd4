/** `signoff doctor`: builds what a role would use, and looks whether a release could go. Changes nothing. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { findAlembic } from '../adapters/alembic/program.ts'
import type { Configuration } from '../config/configuration.ts'
import { defined } from '../lib/defined.ts'
import { doctorChecks } from '../operations/doctor/checks/all.ts'
import { createSlackProbe, scopesOf } from '../operations/doctor/checks/slack.ts'
import { createMigrationsLook } from '../operations/doctor/checks/world.ts'
import { runDoctor } from '../operations/doctor/doctor.ts'
import { createScrubber } from '../operations/scrub.ts'
import { createSlackClients } from '../slack/clients.ts'
import { createDirectory } from '../slack/directory.ts'
import { createWorldAdapters, findStore, openStoreToRead } from './wiring.ts'

/** Gives a line a check and the exit code: 1 when a release would not work. `path`: where programs are looked for. */
export async function examine(
  configuration: Configuration,
  path: string,
): Promise<{ lines: readonly string[]; exitCode: 0 | 1 }> {
  const scrub = createScrubber(configuration.secrets)
  const { apps } = configuration.releases
  // The embedded store runs with the service alone: before the first start there is none, and nothing is wrong.
  const notStarted = (await findStore(configuration).catch(() => true)) === undefined
  const store = openStoreToRead(configuration)
  store.catch(() => undefined)
  const world = configuration.worker && createWorldAdapters(configuration, configuration.worker, { scrub })
  try {
    return await runDoctor({
      scrub,
      checks: doctorChecks({
        apps,
        store: {
          now: async () => (await store).store.now(),
          workers: async () => (await store).store.workers(),
        },
        notStarted,
        ...defined({
          bot: configuration.bot && (await botParts(configuration.bot)),
          worker: world && {
            ...world,
            migrations: createMigrationsLook({ ...world, directory: join(configuration.dataDir, 'doctor') }),
            programProblem: async (program: string) => {
              const found = await findAlembic(program, path)
              return 'problem' in found ? found.problem : undefined
            },
          },
        }),
      }),
    })
  } finally {
    await world?.git.close()
    await store.then(
      (opened) => opened.close(),
      () => undefined,
    )
  }
}

async function botParts(settings: NonNullable<Configuration['bot']>) {
  const slack = createSlackProbe(settings)
  const identity = await slack.identity()
  const { background } = createSlackClients(settings)
  const manifest = await readFile(new URL('../../manifest.yml', import.meta.url), 'utf8')
  const team = identity.ok ? identity.value.team : ''
  return { slack, scopes: scopesOf(manifest), directory: createDirectory(background, team) }
}
