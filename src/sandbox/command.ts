import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { PostgresServer } from './databases.ts'
import { startPage } from './page-server.ts'
import { freePort, refuseIfTaken } from './place.ts'
import { playStory } from './play.ts'
import { type Sandbox, type SandboxOptions, startSandbox } from './sandbox.ts'
import type { RoleName } from './service.ts'

export type SandboxCommand = {
  port: number
  reset: boolean
  play: boolean
  dataDir: string
  /** Makes sure that a Postgres runs under this directory. */
  startPostgres: (dataDir: string) => Promise<PostgresServer>
  /** The program's own file: it is started again for each role. */
  program: string
  say: (line: string) => void
}

/**
 * `signoff sandbox`: prints one URL and runs until it is told to stop; with `play`, tells one story in a sandbox of its own and
 * ends. Gives the exit code.
 */
export async function runSandbox(command: SandboxCommand): Promise<number> {
  return command.play ? play(command) : serve(command)
}

const optionsIn = (command: SandboxCommand, directory: string, port: number): SandboxOptions => ({
  directory,
  port,
  startPostgres: command.startPostgres,
  command: (role: RoleName) => ({
    program: process.execPath,
    args: [command.program, 'sandbox', '--role', role],
  }),
})

async function serve(command: SandboxCommand): Promise<number> {
  const { say } = command
  const directory = join(resolve(command.dataDir), 'sandbox')
  if (command.port !== 0 && (await freePort(command.port)) !== command.port) {
    say(`Port ${command.port} is taken. Is a sandbox running already? Else choose another one with --port.`)
    return 1
  }
  const toldToStop = hearStop(say)
  const stopped = once(toldToStop, 'abort')
  if (command.reset) await forget(command, directory)
  const begun = performance.now()
  const sandbox = await start(command, optionsIn(command, directory, command.port), toldToStop)
  if (sandbox === undefined) return 0
  const page = await startPage(sandbox, command.port)
  for (const remark of sandbox.remarks) say(remark)
  say(`Ready after ${((performance.now() - begun) / 1000).toFixed(1)} s. Open this in a browser:`)
  say('')
  say(`  ${page.url}`)
  say('')
  say(`Kept in ${directory}: --reset starts over. Ctrl-C stops it all.`)
  await stopped
  await page.close()
  await sandbox.close()
  return 0
}

/** Ends what an earlier sandbox may have left running, and forgets all of it. Throws when a living one has it. */
async function forget(command: SandboxCommand, directory: string): Promise<void> {
  if (!existsSync(directory)) return
  await refuseIfTaken(directory)
  const server = await command.startPostgres(directory)
  await server.stop()
  await rm(directory, { recursive: true, force: true })
}

async function play(command: SandboxCommand): Promise<number> {
  const toldToStop = hearStop(command.say)
  const stopped = once(toldToStop, 'abort').then(() => false)
  const directory = await mkdtemp(join(tmpdir(), 'signoff-play-'))
  try {
    const sandbox = await start(command, optionsIn(command, directory, 0), toldToStop)
    if (sandbox === undefined) return 1
    try {
      return (await Promise.race([playStory(sandbox, command.say), stopped])) ? 0 : 1
    } finally {
      await sandbox.close()
    }
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

/** Hears Ctrl-C, a closed terminal and SIGTERM, and says so. Told again it goes on stopping: a hurry would leave something running. */
function hearStop(say: SandboxCommand['say']): AbortSignal {
  const toldToStop = new AbortController()
  toldToStop.signal.addEventListener('abort', () => say('Stopping…'))
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => toldToStop.abort())
  return toldToStop.signal
}

/** Nothing, and nothing left running, when it is told to stop meanwhile. */
async function start(
  command: SandboxCommand,
  options: SandboxOptions,
  toldToStop: AbortSignal,
): Promise<Sandbox | undefined> {
  command.say('Starting Slack, Bitbucket, Heroku and a database on this machine, then the bot and the worker…')
  const sandbox = await startSandbox(options).catch((error: unknown) => {
    // Ctrl-C goes to the bot and the worker too, which do not become ready then.
    if (toldToStop.aborted) return undefined
    throw error
  })
  if (!toldToStop.aborted) return sandbox
  await sandbox?.close()
  return undefined
}
