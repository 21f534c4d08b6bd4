/**
 * The command `signoff doctor`: builds the adapters that a role uses and hands them to the checks. The checks themselves
 * are in `operations/doctor/`. Changes nothing.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { findAlembic } from '../adapters/alembic/program.ts'
import { requireSessions } from '../adapters/store/sessions.ts'
import { reach } from '../adapters/webhooks/reach.ts'
import type { Configuration } from '../config/configuration.ts'
import { defined } from '../lib/defined.ts'
import { writtenPlaces } from '../operations/disk.ts'
import { doctorChecks } from '../operations/doctor/checks/all.ts'
import { createMigrationStatusReader } from '../operations/doctor/checks/migrations.ts'
import { createSlackProbe, scopesOf } from '../operations/doctor/checks/slack.ts'
import { runDoctor } from '../operations/doctor/doctor.ts'
import { createScrubber } from '../operations/scrub.ts'
import { createSlackClients } from '../slack/clients.ts'
import { createDirectory } from '../slack/directory.ts'
import { createTokenWatch, refusalInWords } from '../slack/token-watch.ts'
import { findStore, openStoreToRead } from './store-to-read.ts'
import { endpointId } from './webhooks.ts'
import { createWorkerAdapters } from './wiring.ts'

/** Returns one line per check, and exit code 1 when a check fails. Programs are searched in `path`. */
export async function runDoctorCommand(
  configuration: Configuration,
  path: string,
): Promise<{ lines: readonly string[]; exitCode: 0 | 1 }> {
  const scrub = createScrubber(configuration.secrets)
  const { apps } = configuration.releases
  // The embedded store runs only while the service runs, so a missing one is no error.
  const isStoreStopped = (await findStore(configuration).catch(() => true)) === undefined
  const store = openStoreToRead(configuration)
  store.catch(() => undefined)
  const adapters = configuration.worker && createWorkerAdapters(configuration, configuration.worker, { scrub })
  const usual = join(configuration.dataDir, 'doctor')
  const folder = (await adapters?.isolate.checkoutsFolder(usual)) ?? usual
  try {
    return await runDoctor({
      scrub,
      checks: doctorChecks({
        apps,
        places: writtenPlaces(configuration),
        store: {
          now: async () => (await store).store.now(),
          workers: async () => (await store).store.workers(),
          homeOpened: async () => (await store).homes().lastOpened(),
          sessions: async () => {
            const pool = await findStore(configuration)
            if (pool !== undefined) await requireSessions(pool)
          },
        },
        isStoreStopped,
        ...defined({
          group: configuration.group,
          bot: configuration.bot && {
            ...(await botParts(configuration.bot)),
            webhooks: configuration.webhooks.map((webhook) => ({
              name: webhook.name,
              reach: (signal: AbortSignal) => reach(webhook.url, signal),
              backlog: async () =>
                (await (await store).webhooks.backlogs()).find(({ endpoint }) => endpoint === endpointId(webhook)),
            })),
          },
          worker: adapters && {
            ...adapters,
            readMigrationStatus: createMigrationStatusReader({
              ...adapters,
              // Where workers have their checkouts, a folder's name is the pid of who made it.
              directory: folder === usual ? usual : join(folder, String(process.pid)),
            }),
            programProblem: async (program: string) => {
              const found = await findAlembic(program, path)
              return 'problem' in found ? found.problem : undefined
            },
          },
        }),
      }),
    })
  } finally {
    await adapters?.git.close()
    await store.then(
      (opened) => opened.close(),
      () => undefined,
    )
  }
}

async function botParts(settings: NonNullable<Configuration['bot']>) {
  const slack = createSlackProbe(settings)
  const identity = await slack.identity()
  const token = createTokenWatch({ log: { error: () => undefined, info: () => undefined } })
  const { background } = createSlackClients({ ...settings, called: token.heard })
  const manifest = await readFile(new URL('../../manifest.yml', import.meta.url), 'utf8')
  const { teamId = '', bot } = identity.ok ? identity.value : {}
  return {
    slack,
    scopes: scopesOf(manifest),
    directory: createDirectory(background, teamId),
    refusal() {
      const refused = token.refusal()
      return refused && refusalInWords(refused)
    },
    ...defined({ botName: bot }),
  }
}
