#!/usr/bin/env node
/** The command line: parses the arguments, reads the configuration and calls the command. It has no logic of its own. */
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import type { EvidenceFormat } from './cli/audit.ts'
import type { InitOptions } from './cli/init/command.ts'
import { withInitOptions } from './cli/init/options.ts'
import type { Pace } from './cli/start.ts'
import { programVersion } from './cli/version.ts'
import type { Role } from './config/variables.ts'
import { momentOf } from './operations/audit/period.ts'
import type { PopulationFilter } from './operations/audit/population.ts'
import type { PopulationFormatName } from './operations/audit/population-formats.ts'
import { parseHead } from './operations/audit/record.ts'

const EXIT_OK = 0
const EXIT_FAILURE = 1
const EXIT_USAGE = 2
/** The sandbox's stand-ins listen on the three ports after the page's. */
const MAX_PAGE_PORT = 65_532

/** A process that has not stopped by then exits anyway; the next start resumes its work, as after a crash. */
const STOP_TIMEOUT_MS = 29_000

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

/** The reader closed the pipe, as `head` does. */
const exitOnClosedPipe = () => process.exit(EXIT_FAILURE)
process.stdout.on('error', exitOnClosedPipe)

function printErrors(lines: readonly string[]): void {
  for (const line of lines) process.stderr.write(`${line}\n`)
}

function fail(exitCode: number, ...lines: readonly string[]): void {
  printErrors(lines)
  process.exitCode = exitCode
}

interface RoleOptions {
  readonly role: Role
  readonly group?: string
}

/** Reads and checks the whole configuration. Prints every problem and returns undefined when there is one. */
async function loadConfiguration({ role, group }: RoleOptions) {
  if (role === 'bot' && group !== undefined)
    return fail(EXIT_USAGE, '--group is for workers: a bot serves every environment.')
  const { readConfiguration } = await import('./config/configuration.ts')
  const read = readConfiguration({ env: process.env, cwd: process.cwd(), role, ...(group !== undefined && { group }) })
  if (read.ok) {
    printErrors(read.warnings.map((warning) => `warning: ${warning}`))
    return read.configuration
  }
  printErrors(["Signoff can't start. Fix these settings:", ...read.problems.map((problem) => `  ${problem}`)])
  process.exitCode = EXIT_USAGE
  return undefined
}

async function start(options: RoleOptions, pace?: Pace): Promise<void> {
  const configuration = await loadConfiguration(options)
  if (configuration === undefined) return
  const { startSignoff } = await import('./cli/start.ts')
  const { createScrubber } = await import('./operations/scrub.ts')
  const scrub = createScrubber(configuration.secrets)
  let running: { stop(): Promise<void>; readonly superseded: AbortSignal } | undefined
  let isStopping = false
  const stop = () => {
    if (!isStopping) setTimeout(() => process.exit(EXIT_FAILURE), STOP_TIMEOUT_MS).unref()
    isStopping = true
    running?.stop().then(
      () => process.exit(EXIT_OK),
      () => process.exit(EXIT_FAILURE),
    )
  }
  // Registered before anything starts, so that a signal during the start also stops everything in order.
  // `on` and not `once`: a second signal, as npm sends one after the terminal's, must not kill the process.
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
  // A parent process with an IPC channel is told when this one is ready; this one stops when the parent exits.
  process.once('disconnect', stop)
  try {
    running = await startSignoff(configuration, pace)
    if (isStopping || running.superseded.aborted) return stop()
    running.superseded.addEventListener('abort', stop)
    process.send?.('ready')
  } catch (error) {
    printErrors([`Signoff can't start: ${scrub(error instanceof Error ? error.message : 'unknown error')}`])
    const { PooledStore } = await import('./adapters/store/opening-failed.ts')
    process.exit(error instanceof PooledStore ? EXIT_USAGE : EXIT_FAILURE)
  }
}

async function doctor(options: RoleOptions): Promise<void> {
  const configuration = await loadConfiguration(options)
  if (configuration === undefined) return
  const { runDoctorCommand } = await import('./cli/doctor.ts')
  const { lines, exitCode } = await runDoctorCommand(configuration, process.env.PATH ?? '')
  for (const line of lines) print(line)
  // A check that timed out may still keep the process alive.
  process.exit(exitCode)
}

interface SandboxOptions {
  readonly port: number
  readonly reset?: boolean
  readonly play?: boolean
  readonly deploys?: 'on request' | 'automatically' | 'after checks'
  readonly qa?: 'the release' | 'each change'
  readonly role?: Role
}

async function sandbox({ port, reset = false, play = false, deploys, qa, role }: SandboxOptions): Promise<void> {
  if (role !== undefined) {
    const { SANDBOX_PACE } = await import('./sandbox/pace.ts')
    return start({ role }, SANDBOX_PACE)
  }
  // When the terminal closes, output fails; the sandbox must still stop its processes in order.
  process.stdout.off('error', exitOnClosedPipe)
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined)
  const { runSandbox } = await import('./sandbox/command.ts')
  const { startEmbeddedPostgres } = await import('./adapters/embedded-postgres/embedded-postgres.ts')
  const startPostgres = (dataDir: string) => startEmbeddedPostgres({ dataDir, maxConnections: 80 })
  const dataDir = process.env.DATA_DIR ?? './data'
  const program = import.meta.filename
  const asked = { port, reset, play, deploys, qa }
  const code = await runSandbox({ ...asked, dataDir, program, startPostgres, say: print }).catch((error) => {
    printErrors([`The sandbox can't start: ${error instanceof Error ? error.message : 'unknown error'}`])
    return EXIT_FAILURE
  })
  process.exitCode = code
  // An interrupted story may still keep the process alive. Exit once the output is written.
  process.stdout.write('', () => process.exit(code))
}

async function printManifest({ url }: { url?: string }): Promise<void> {
  const yaml = await readFile(new URL('../manifest.yml', import.meta.url), 'utf8')
  if (url === undefined) return print(yaml.trimEnd())
  const { httpManifest } = await import('./slack/manifest.ts')
  try {
    print(httpManifest(yaml, url).trimEnd())
  } catch (error) {
    printErrors([error instanceof Error ? error.message : "Can't use this URL."])
    process.exitCode = EXIT_USAGE
  }
}

async function init(options: InitOptions): Promise<void> {
  const { initCommand } = await import('./cli/init/command.ts')
  const manifest = await readFile(new URL('../manifest.yml', import.meta.url), 'utf8')
  const { env, stdin, stdout } = process
  const place = { env, cwd: process.cwd(), input: stdin, output: stdout, manifest, print }
  // A check that timed out may still keep the process alive.
  process.exit(await initCommand(options, place))
}

async function printSchema(): Promise<void> {
  const { releasesJsonSchema } = await import('./config/releases-schema.ts')
  print(JSON.stringify(releasesJsonSchema(), null, 2))
}

async function checkConfig(): Promise<void> {
  const { checkConfiguration, releasesUnderWay } = await import('./cli/config-check.ts')
  const { readStoreLocation, releasesFileIn } = await import('./config/variables.ts')
  const { createScrubber } = await import('./operations/scrub.ts')
  const { problems, secrets, ...location } = readStoreLocation(process.env, process.cwd())
  const underWay = async () =>
    problems.length > 0 ? { notCompared: `${problems.join('. ')}.` } : releasesUnderWay(location)
  const { lines, exitCode } = await checkConfiguration(releasesFileIn(process.env, process.cwd()), underWay)
  const scrub = createScrubber(secrets)
  for (const line of lines) print(scrub(line))
  process.exitCode = exitCode
}

/** Runs `work` on the configured store. Prints every problem of its settings, and its errors without secrets. */
async function withStoreLocation(
  work: (location: { storeUrl?: string; dataDir: string }, scrub: (text: string) => string) => Promise<void>,
): Promise<void> {
  const { readStoreLocation } = await import('./config/variables.ts')
  const { createScrubber } = await import('./operations/scrub.ts')
  const { problems, secrets, ...location } = readStoreLocation(process.env, process.cwd())
  if (problems.length > 0) return fail(EXIT_USAGE, ...problems)
  const scrub = createScrubber(secrets)
  try {
    await work(location, createScrubber(secrets, { cuts: false }))
  } catch (error) {
    printErrors([scrub(error instanceof Error ? error.message : "Can't read the store.")])
    // No store was found, so nothing was verified: monitoring must tell that apart from a record that fails.
    const { StoreNotFound } = await import('./cli/store-to-read.ts')
    process.exitCode = error instanceof StoreNotFound ? EXIT_USAGE : EXIT_FAILURE
  }
}

function parseHeads(text: string, before: readonly string[] = []): string[] {
  const head = parseHead(text)
  if (head === undefined) throw new InvalidArgumentError('Use 12 to 64 hex digits, as in the last line of a thread.')
  return [...before, head]
}

function auditVerify({ head = [] }: { head?: string[] }): Promise<void> {
  return withStoreLocation(async (location) => {
    const { verifyAudit } = await import('./cli/audit.ts')
    const { lines, exitCode } = await verifyAudit(location, head)
    for (const line of lines) print(line)
    process.exitCode = exitCode
  })
}

async function auditExport({ release, format }: { release?: number; format: EvidenceFormat }): Promise<void> {
  if (release === undefined && format !== 'json') {
    return fail(EXIT_USAGE, `--format ${format} needs one release: add --release <number>.`)
  }
  return withStoreLocation(async (location, scrub) => {
    const { exportAudit, exportEvents } = await import('./cli/audit.ts')
    if (release === undefined) return exportEvents(location, print)
    const found = await exportAudit(location, release, format, scrub)
    if (found === undefined) return fail(EXIT_FAILURE, `There is no release #${release}.`)
    print(found.trimEnd())
  })
}

/** Writes to the standard output, and resolves when more can be written without keeping it in memory. */
async function printText(text: string): Promise<void> {
  if (text !== '' && !process.stdout.write(text)) await once(process.stdout, 'drain')
}

async function releases({ format, ...filter }: PopulationFilter & { format: PopulationFormatName }): Promise<void> {
  return withStoreLocation(async (location) => {
    const { printReleases } = await import('./cli/releases.ts')
    const { statement, exitCode } = await printReleases(location, filter, format, printText)
    printErrors(statement)
    process.exitCode = exitCode
  })
}

/** The line for an unexpected error, without anything that looks like a secret. */
async function unexpectedError(error: unknown): Promise<string> {
  const { createScrubber } = await import('./operations/scrub.ts')
  const { readStoreLocation } = await import('./config/variables.ts')
  const scrub = createScrubber(readStoreLocation(process.env, process.cwd()).secrets)
  return `Signoff stopped: ${scrub(error instanceof Error ? error.message : 'unknown error')}`
}

function parseReleaseNumber(text: string): number {
  if (!/^[1-9][0-9]{0,8}$/.test(text)) throw new InvalidArgumentError('Use a release number, such as 12.')
  return Number(text)
}

function parseMoment(edge: 'since' | 'until') {
  return (text: string): Date => {
    const moment = momentOf(text, edge)
    if (moment === undefined) throw new InvalidArgumentError('Use a day, such as 2026-01-31, or 2026-01-31T08:00Z.')
    return moment
  }
}

function parsePagePort(text: string): number {
  const port = /^[0-9]{1,5}$/.test(text) ? Number(text) : Number.NaN
  if (port <= MAX_PAGE_PORT) return port
  throw new InvalidArgumentError(`Use a port up to ${MAX_PAGE_PORT}, such as 4100, or 0 for free ports.`)
}

function parseRole(text: string): Role {
  if (text === 'all' || text === 'bot' || text === 'worker') return text
  throw new InvalidArgumentError('Use all, bot or worker.')
}

const program = new Command('signoff')
  .description('Runs a team’s release process from Slack.')
  .version(programVersion(), '--version', 'print the version')
  .exitOverride()
withInitOptions(program.command('init')).action(init)
program
  .command('start')
  .description('start the service')
  .addOption(new Option('--role <role>', 'all, bot or worker').default('all').argParser(parseRole))
  .option('--group <name>', 'the worker releases only the environments of this group in releases.yml')
  .action(start)
program
  .command('sandbox')
  .description('try Signoff on this machine, with a stand-in for Slack and every service')
  .addOption(new Option('--port <port>', 'port of the page').default(4100).argParser(parsePagePort))
  .option('--reset', 'delete the data of the last sandbox and start again')
  .option('--play', 'play a story in the terminal and exit')
  .addOption(
    new Option('--deploys <when>', 'when integration is deployed').choices([
      'on request',
      'automatically',
      'after checks',
    ]),
  )
  .addOption(new Option('--qa <what>', 'what QA is asked about for production').choices(['the release', 'each change']))
  .addOption(new Option('--role <role>', 'run one role of its service').argParser(parseRole).hideHelp())
  .action((options) => sandbox(options))
program
  .command('doctor')
  .description('check everything that a release needs')
  .addOption(new Option('--role <role>', 'all, bot or worker').default('all').argParser(parseRole))
  .option('--group <name>', 'the worker releases only the environments of this group in releases.yml')
  .action(doctor)
program
  .command('releases')
  .description('list the releases of a period, and say whether any number is missing')
  .option('--since <day>', 'requested on this UTC day or later, or since a moment', parseMoment('since'))
  .option('--until <day>', 'requested on this UTC day or earlier, or before a moment', parseMoment('until'))
  .option('--app <app>', 'only this app')
  .option('--environment <environment>', 'only this environment')
  .addOption(new Option('--format <format>', 'table, csv or json').choices(['table', 'csv', 'json']).default('table'))
  .action(releases)
const audit = program.command('audit').description('check or export the record')
audit
  .command('verify')
  .description('check that no event was changed, removed, inserted or cut off')
  .option('--head <hash...>', 'a head shown in a thread: its event must still be in the record', parseHeads)
  .action(auditVerify)
audit
  .command('export')
  .description('print every event as a line of JSON, or with --release the evidence of one release')
  .option('--release <number>', 'number of the release', parseReleaseNumber)
  .addOption(
    new Option('--format <format>', 'json, markdown or html').choices(['json', 'markdown', 'html']).default('json'),
  )
  .action(auditExport)
program
  .command('manifest')
  .description('print the Slack app’s manifest')
  .option('--url <url>', 'for HTTP mode: the https address at which Slack reaches Signoff')
  .action(printManifest)
const config = program.command('config').description('tools for releases.yml')
config.command('schema').description('print its JSON Schema').action(printSchema)
config
  .command('check')
  .description('list its problems, the rules that it sets, and the releases under way that it would stop')
  .action(checkConfig)

try {
  await program.parseAsync()
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? EXIT_OK : EXIT_USAGE
  } else {
    printErrors([await unexpectedError(error)])
    process.exitCode = EXIT_FAILURE
  }
}
