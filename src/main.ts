#!/usr/bin/env node
/** The command line. Reads the configuration, builds the parts and starts them; no logic of its own. */
import { readFile } from 'node:fs/promises'
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import type { Pace } from './cli/start.ts'
import type { Role } from './config/variables.ts'
import { readHead } from './operations/audit/record.ts'

const GOOD = 0
const NOT_GOOD = 1
const WRONG_USE = 2
/** The stand-ins listen on the three ports after it. */
const LAST_PAGE_PORT = 65_532

/** What hangs then is left as a crash leaves it, from which everything is taken up again. */
const STOPPED_WITHIN_MS = 29_000

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

/** Who reads may have read enough, as `head` has. */
const endUnread = () => process.exit(NOT_GOOD)
process.stdout.on('error', endUnread)

function complain(lines: readonly string[]): void {
  for (const line of lines) process.stderr.write(`${line}\n`)
}

/** Reads and checks everything; prints every problem at once, and gives undefined when there is one. */
async function readOrComplain(role: Role) {
  const { readConfiguration } = await import('./config/configuration.ts')
  const read = readConfiguration({ env: process.env, cwd: process.cwd(), role })
  if (read.ok) {
    complain(read.warnings.map((warning) => `warning: ${warning}`))
    return read.configuration
  }
  complain(['Signoff can not start. Mend these settings:', ...read.problems.map((problem) => `  ${problem}`)])
  process.exitCode = WRONG_USE
  return undefined
}

async function start({ role }: { role: Role }, pace?: Pace): Promise<void> {
  const configuration = await readOrComplain(role)
  if (configuration === undefined) return
  const { startSignoff } = await import('./cli/start.ts')
  const { createScrubber } = await import('./operations/scrub.ts')
  const scrub = createScrubber(configuration.secrets)
  let running: { stop(): Promise<void>; readonly superseded: AbortSignal } | undefined
  let isToldToStop = false
  const stop = () => {
    if (!isToldToStop) setTimeout(() => process.exit(NOT_GOOD), STOPPED_WITHIN_MS).unref()
    isToldToStop = true
    running?.stop().then(
      () => process.exit(GOOD),
      () => process.exit(NOT_GOOD),
    )
  }
  // Before anything starts: what is told to stop while it starts still ends in order, and leaves nothing running.
  // `on`: what is told twice, as by a terminal and by npm, must not be cut off by the second time.
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
  // Who has started it with a channel hears that it is ready, and takes it along when it ends.
  process.once('disconnect', stop)
  try {
    running = await startSignoff(configuration, pace)
    if (isToldToStop || running.superseded.aborted) return stop()
    running.superseded.addEventListener('abort', stop)
    process.send?.('ready')
  } catch (error) {
    complain([`Signoff could not start: ${scrub(error instanceof Error ? error.message : 'unknown cause')}`])
    process.exit(NOT_GOOD)
  }
}

async function doctor({ role }: { role: Role }): Promise<void> {
  const configuration = await readOrComplain(role)
  if (configuration === undefined) return
  const { examine } = await import('./cli/doctor.ts')
  const { lines, exitCode } = await examine(configuration, process.env.PATH ?? '')
  for (const line of lines) say(line)
  // A check that came too late may still hold the process.
  process.exit(exitCode)
}

interface SandboxWords {
  readonly port: number
  readonly reset?: boolean
  readonly play?: boolean
  readonly role?: Role
}

async function sandbox({ port, reset = false, play = false, role }: SandboxWords): Promise<void> {
  if (role !== undefined) {
    const { SANDBOX_PACE } = await import('./sandbox/pace.ts')
    return start({ role }, SANDBOX_PACE)
  }
  // A terminal that is closed takes the output along; what runs is stopped in order all the same.
  process.stdout.off('error', endUnread)
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined)
  const { runSandbox } = await import('./sandbox/command.ts')
  const { startEmbeddedPostgres } = await import('./adapters/embedded-postgres/embedded-postgres.ts')
  const startPostgres = (dataDir: string) => startEmbeddedPostgres({ dataDir, maxConnections: 80 })
  const dataDir = process.env.DATA_DIR ?? './data'
  const program = import.meta.filename
  const code = await runSandbox({ port, reset, play, dataDir, program, startPostgres, say }).catch((error) => {
    complain([`The sandbox could not start: ${error instanceof Error ? error.message : 'unknown cause'}`])
    return NOT_GOOD
  })
  process.exitCode = code
  // A story that was interrupted may still wait for something; what was said is written first.
  process.stdout.write('', () => process.exit(code))
}

async function printManifest({ url }: { url?: string }): Promise<void> {
  const yaml = await readFile(new URL('../manifest.yml', import.meta.url), 'utf8')
  if (url === undefined) return say(yaml.trimEnd())
  const { httpManifest } = await import('./slack/manifest.ts')
  try {
    say(httpManifest(yaml, url).trimEnd())
  } catch (error) {
    complain([error instanceof Error ? error.message : 'The URL can not be used.'])
    process.exitCode = WRONG_USE
  }
}

async function printSchema(): Promise<void> {
  const { releasesJsonSchema } = await import('./config/releases-schema.ts')
  say(JSON.stringify(releasesJsonSchema(), null, 2))
}

/** Where the store is, or every problem of it; the store's errors are told without secrets. */
async function withStorePlace(work: (place: { storeUrl?: string; dataDir: string }) => Promise<void>): Promise<void> {
  const { readStorePlace } = await import('./config/variables.ts')
  const { createScrubber } = await import('./operations/scrub.ts')
  const { problems, secrets, ...place } = readStorePlace(process.env, process.cwd())
  if (problems.length > 0) {
    complain(problems)
    process.exitCode = WRONG_USE
    return
  }
  try {
    await work(place)
  } catch (error) {
    complain([createScrubber(secrets)(error instanceof Error ? error.message : 'The store can not be read.')])
    // Nothing was looked at: for whoever watches the record that is another thing than a record that is not good.
    const { NoStore } = await import('./cli/wiring.ts')
    process.exitCode = error instanceof NoStore ? WRONG_USE : NOT_GOOD
  }
}

function heads(text: string, before: readonly string[] = []): string[] {
  const head = readHead(text)
  if (head === undefined)
    throw new InvalidArgumentError('It is 12 to 64 hex digits, as a thread’s last line shows them.')
  return [...before, head]
}

function auditVerify({ head = [] }: { head?: string[] }): Promise<void> {
  return withStorePlace(async (place) => {
    const { verifyAudit } = await import('./cli/audit.ts')
    const { lines, exitCode } = await verifyAudit(place, head)
    for (const line of lines) say(line)
    process.exitCode = exitCode
  })
}

async function auditExport({ release, format }: { release?: number; format: string }): Promise<void> {
  if (release === undefined && format !== 'json') {
    complain([`--format ${format} is for one release: say which with --release.`])
    process.exitCode = WRONG_USE
    return
  }
  return withStorePlace(async (place) => {
    const { exportAudit, exportEvents } = await import('./cli/audit.ts')
    if (release === undefined) return exportEvents(place, say)
    const found = await exportAudit(place, release)
    if (found === undefined) {
      complain([`There is no release #${release}.`])
      process.exitCode = NOT_GOOD
      return
    }
    say(format === 'markdown' ? found.markdown : JSON.stringify(found.evidence, null, 2))
  })
}

/** What an unexpected error says, without anything that looks like a secret. */
async function withoutSecrets(error: unknown): Promise<string> {
  const { createScrubber } = await import('./operations/scrub.ts')
  const { readStorePlace } = await import('./config/variables.ts')
  const scrub = createScrubber(readStorePlace(process.env, process.cwd()).secrets)
  return `Signoff stopped: ${scrub(error instanceof Error ? error.message : 'an unknown cause')}`
}

function wholeNumber(text: string): number {
  if (!/^[1-9][0-9]{0,8}$/.test(text)) throw new InvalidArgumentError('It is a number, such as 12.')
  return Number(text)
}

function pagePort(text: string): number {
  const port = /^[0-9]{1,5}$/.test(text) ? Number(text) : Number.NaN
  if (port <= LAST_PAGE_PORT) return port
  throw new InvalidArgumentError(`It is a number up to ${LAST_PAGE_PORT}, such as 4100; 0 takes any that are free.`)
}

function role(text: string): Role {
  if (text === 'all' || text === 'bot' || text === 'worker') return text
  throw new InvalidArgumentError('It is all, bot or worker.')
}

const program = new Command('signoff').description('Carries out a team’s release document from Slack.').exitOverride()
program
  .command('start')
  .description('start the service')
  .addOption(new Option('--role <role>', 'all, bot or worker').default('all').argParser(role))
  .action(start)
program
  .command('sandbox')
  .description('a workspace on your own machine')
  .addOption(new Option('--port <port>', 'where the page is').default(4100).argParser(pagePort))
  .option('--reset', 'start over')
  .option('--play', 'tell a story without a browser and end')
  .addOption(new Option('--role <role>', 'one role of its service').argParser(role).hideHelp())
  .action((words) => sandbox(words))
program
  .command('doctor')
  .description('check everything that a release needs')
  .addOption(new Option('--role <role>', 'all, bot or worker').default('all').argParser(role))
  .action(doctor)
const audit = program.command('audit').description('check or export the record')
audit
  .command('verify')
  .description('find any event that was changed, taken out, added or cut off')
  .option('--head <hash...>', 'a head that stands in a thread: its event must still be there', heads)
  .action(auditVerify)
audit
  .command('export')
  .description('every event, a JSON line each; with --release everything about that one')
  .option('--release <number>', 'its number', wholeNumber)
  .addOption(new Option('--format <format>', 'json or markdown').choices(['json', 'markdown']).default('json'))
  .action(auditExport)
program
  .command('manifest')
  .description('print the Slack app’s manifest')
  .option('--url <url>', 'for HTTP mode: the https address that Slack reaches')
  .action(printManifest)
program
  .command('config')
  .description('about releases.yml')
  .command('schema')
  .description('print its JSON Schema')
  .action(printSchema)

try {
  await program.parseAsync()
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? GOOD : WRONG_USE
  } else {
    complain([await withoutSecrets(error)])
    process.exitCode = NOT_GOOD
  }
}
