import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { PostgresServer } from './databases.ts'
import { startPage } from './page-server.ts'
import { freePort, refuseIfTaken } from './place.ts'
import { playStory } from './play.ts'
import type { Variations } from './releases-file.ts'
import { type Sandbox, type SandboxOptions, startSandbox } from './sandbox.ts'
import type { RoleName } from './service.ts'

export type SandboxCommand = Variations & {
  port: number
  reset: boolean
  play: boolean
  dataDir: string
  /** Starts a Postgres in this directory, or returns the running one. */
  startPostgres: (dataDir: string) => Promise<PostgresServer>
  /** The program's own file, which also runs each role. */
  program: string
  say: (line: string) => void
}

/**
 * `signoff sandbox`: prints one URL and runs until a stop signal. With `play`, plays one story in its own sandbox and ends.
 * Returns the exit code.
 */
export async function runSandbox(command: SandboxCommand): Promise<number> {
  return command.play ? play(command) : serve(command)
}

const optionsIn = (command: SandboxCommand, directory: string, port: number): SandboxOptions => ({
  directory,
  port,
  startPostgres: command.startPostgres,
  deploys: command.deploys,
  qa: command.qa,
  command: (role: RoleName) => ({
    program: process.execPath,
    args: [command.program, 'sandbox', '--role', role],
  }),
})

async function serve(command: SandboxCommand): Promise<number> {
  const { say } = command
  const directory = join(resolve(command.dataDir), 'sandbox')
  if (command.port !== 0 && (await freePort(command.port)) !== command.port) {
    say(`Port ${command.port} is in use. Stop the sandbox that is running, or choose another port with --port.`)
    return 1
  }
  const stopSignal = listenForStop(say)
  const stopped = once(stopSignal, 'abort')
  if (command.reset) await reset(command, directory)
  const startedAt = performance.now()
  const sandbox = await start(command, optionsIn(command, directory, command.port), stopSignal)
  if (sandbox === undefined) return 0
  try {
    const page = await startPage(sandbox, command.port)
    for (const remark of sandbox.remarks) say(remark)
    say(`Ready after ${((performance.now() - startedAt) / 1000).toFixed(1)} s. Open this in a browser:`)
    say('')
    say(`  ${page.url}`)
    say('')
    say(`State is kept in ${directory}; --reset starts over. Press Ctrl-C to stop.`)
    await stopped
    await page.close()
  } finally {
    await sandbox.close()
  }
  return 0
}

/** Stops the database that an earlier sandbox may have left running and deletes all state. Throws if a sandbox is running. */
async function reset(command: SandboxCommand, directory: string): Promise<void> {
  if (!existsSync(directory)) return
  await refuseIfTaken(directory)
  const server = await command.startPostgres(directory)
  await server.stop()
  await rm(directory, { recursive: true, force: true })
}

async function play(command: SandboxCommand): Promise<number> {
  const stopSignal = listenForStop(command.say)
  const stopped = once(stopSignal, 'abort').then(() => false)
  const directory = await mkdtemp(join(tmpdir(), 'signoff-play-'))
  try {
    const sandbox = await start(command, optionsIn(command, directory, 0), stopSignal)
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

/** Aborts on Ctrl-C, a closed terminal or SIGTERM. Repeated signals change nothing, since a forced stop would leave processes. */
function listenForStop(say: SandboxCommand['say']): AbortSignal {
  const stopSignal = new AbortController()
  stopSignal.signal.addEventListener('abort', () => say('Stopping…'))
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stopSignal.abort())
  return stopSignal.signal
}

/** Starts the sandbox. Returns undefined, with everything stopped, if a stop signal arrives meanwhile. */
async function start(
  command: SandboxCommand,
  options: SandboxOptions,
  stopSignal: AbortSignal,
): Promise<Sandbox | undefined> {
  command.say('Starting Slack, Bitbucket, Heroku and a database on this machine, then the bot and the worker…')
  const sandbox = await startSandbox(options).catch((error: unknown) => {
    // Ctrl-C also reaches the bot and the worker, which then never become ready.
    if (stopSignal.aborted) return undefined
    throw error
  })
  if (!stopSignal.aborted) return sandbox
  await sandbox?.close()
  return undefined
}
