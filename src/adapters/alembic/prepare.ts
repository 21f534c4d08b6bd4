import { realpath, stat } from 'node:fs/promises'
import { join, posix } from 'node:path'
import type { MigrationSettings } from '../../release/settings.ts'
import type { Isolation } from '../../release/terms.ts'
import { type DatabaseAddress, databaseIdentity, readDatabaseUrl } from './database-url.ts'
import { type EnvFile, readEnvFile, withoutSecretsOf } from './env-file.ts'
import type { StartIsolation } from './process.ts'
import { type AlembicProgram, findProgram } from './program.ts'
import type { Request } from './start.ts'

/** What a start of the app's code needs to know, worked out from an entry's settings. */
export interface Prepared {
  readonly settings: MigrationSettings
  readonly file: EnvFile | undefined
  readonly program: AlembicProgram
  /** Of the program, as a person would give them where it runs. */
  readonly request: Pick<Request, 'arguments' | 'config' | 'limits'>
  readonly env: Readonly<Record<string, string>>
  /** Removes the env file's secrets from a line, and ours. */
  readonly clean: (line: string) => string
  /** By DATABASE_URL. */
  readonly address: DatabaseAddress | undefined
  readonly identity: string | undefined
}

/** `cwd`: where the program runs, in a checkout. */
export type Placed = Prepared & {
  readonly cwd: string
  /** Absent: nobody has said how to isolate. */
  readonly isolation?: StartIsolation
  readonly kind?: Isolation
}

/** Reads the env file and finds the program; a problem is a sentence. `config`: from where it runs; `path`: its PATH. */
export async function prepare(
  settings: MigrationSettings,
  { config, path, scrub }: { config: string; path: string; scrub: (line: string) => string },
): Promise<Prepared | { problem: string }> {
  const program = await findProgram(settings.tool, settings.program, path)
  if ('problem' in program) return program
  const file = settings.envFile === undefined ? undefined : await readEnvFile(settings.envFile, { PATH: path })
  if (file !== undefined && 'problem' in file) return file
  const variables = file?.variables ?? {}
  const hide = withoutSecretsOf(variables)
  const address = readDatabaseUrl(variables.DATABASE_URL)
  const limits = {
    lock: milliseconds(settings.lockTimeout),
    statement: milliseconds(settings.statementTimeout),
  }
  const inOptions = `-c lock_timeout=${limits.lock} -c statement_timeout=${limits.statement}`
  return {
    settings,
    file,
    program,
    request: {
      config,
      limits,
      arguments:
        settings.tool === 'flask'
          ? ['db', 'upgrade', '--directory', posix.dirname(config)]
          : ['-c', config, 'upgrade', 'head'],
    },
    clean: (line) => scrub(hide(line)),
    address,
    env: {
      PATH: path,
      // English messages of libpq and Python, in UTF-8.
      LANG: 'C.UTF-8',
      ...variables,
      PYTHONDONTWRITEBYTECODE: '1',
      PGAPPNAME: 'signoff',
      // For connections that the app's code opens without SQLAlchemy. Those get the limits by SQL too.
      PGOPTIONS: [variables.PGOPTIONS, inOptions].filter(Boolean).join(' '),
    },
    identity: address === undefined ? undefined : databaseIdentity(address),
  }
}

/** Where the program runs in a checkout; a problem where the commit has no such folder, or has it elsewhere by a link. */
export async function folderIn(
  checkout: string,
  { directory }: MigrationSettings,
): Promise<{ cwd: string } | { problem: string }> {
  const root = await realpath(checkout)
  const cwd = await realpath(join(root, directory)).catch(() => undefined)
  if (cwd === undefined || !(await stat(cwd)).isDirectory()) {
    return { problem: `there is no folder ${directory} in this commit` }
  }
  const isInside = cwd === root || cwd.startsWith(`${root}/`)
  return isInside ? { cwd: join(checkout, directory) } : { problem: `${directory} leads out of this commit` }
}

/** The configuration from where the program runs or, if it is not there, from the root of the checkout. */
export async function configIn(cwd: string, { directory, config }: MigrationSettings): Promise<string> {
  const isThere = await stat(join(cwd, config)).then(
    () => true,
    () => false,
  )
  return isThere ? config : posix.relative(directory, config)
}

const UNITS = { us: 0.001, ms: 1, s: 1000, min: 60_000, h: 3_600_000, d: 86_400_000 } as const

/** A time limit as Postgres reads it, such as 10s: milliseconds without a unit, and 0 is none. */
export function milliseconds(text: string): number {
  const [, number = '', unit = 'ms'] = /^(\d+)(us|ms|s|min|h|d)?$/.exec(text.replaceAll(/\s/g, '')) ?? []
  if (number === '') throw new Error(`not a Postgres time limit: ${text}`)
  return Math.ceil(Number(number) * UNITS[unit as keyof typeof UNITS])
}
