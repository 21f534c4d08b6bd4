import { type ChildProcess, spawn } from 'node:child_process'
import { createWriteStream } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'

export type RoleName = 'bot' | 'worker'
export type RoleState = 'starting' | 'running' | 'killed' | 'stopped'

/** The command that starts a role: it sends `ready` over IPC, and stops on SIGTERM or when IPC breaks. */
export type RoleCommand = { program: string; args: readonly string[] }

export type Service = ReturnType<typeof createService>

// A supervisor on a real host takes a moment too, and people need time to see that the process is gone.
const RESTART_AFTER_MS = 3_000
const READY_WITHIN_MS = 30_000

/**
 * Runs the real bot and worker as two processes, each with only its own role's settings. Restarts a process that ends
 * unexpectedly after three seconds, as a supervisor would.
 */
export function createService(options: {
  command: (role: RoleName) => RoleCommand
  environment: (role: RoleName) => Record<string, string>
  /** The directory for one log file per role. */
  logs: string
  onChange: () => void
}) {
  const roles: Record<RoleName, { child: ChildProcess | undefined; state: RoleState }> = {
    bot: { child: undefined, state: 'stopped' },
    worker: { child: undefined, state: 'stopped' },
  }
  const stopping = new AbortController()

  function enter(role: RoleName, state: RoleState): void {
    roles[role].state = state
    options.onChange()
  }

  async function start(role: RoleName): Promise<void> {
    await mkdir(options.logs, { recursive: true })
    const { program, args } = options.command(role)
    const child = spawn(program, args, { env: options.environment(role), stdio: ['ignore', 'pipe', 'pipe', 'ipc'] })
    roles[role].child = child
    enter(role, 'starting')
    const log = createWriteStream(join(options.logs, `${role}.log`), { flags: 'a' })
    let errorOutput = ''
    child.stdout?.pipe(log, { end: false })
    child.stderr?.on('data', (chunk: Buffer) => {
      errorOutput = (errorOutput + chunk.toString()).slice(-2000)
      log.write(chunk)
    })
    const gone = new Promise<void>((resolve) => {
      child.once('error', () => resolve())
      child.once('close', () => resolve())
    })
    void gone.then(async () => {
      log.end()
      if (stopping.signal.aborted) return enter(role, 'stopped')
      enter(role, 'killed')
      await wait(RESTART_AFTER_MS, undefined, { signal: stopping.signal }).catch(() => undefined)
      if (!stopping.signal.aborted) await start(role).catch(() => undefined)
    })
    const ready = new Promise<void>((resolve) => child.once('message', () => resolve()))
    const late = AbortSignal.timeout(READY_WITHIN_MS)
    const isReady = await Promise.race([
      ready.then(() => true),
      gone.then(() => false),
      new Promise<boolean>((resolve) => late.addEventListener('abort', () => resolve(false))),
    ])
    if (!isReady) throw new Error(`the ${role} did not start:\n${errorOutput.trim()}`)
    enter(role, 'running')
  }

  return {
    async start(): Promise<void> {
      await Promise.all([start('worker'), start('bot')])
    },
    states: () => ({ bot: roles.bot.state, worker: roles.worker.state }),
    /** Sends SIGKILL: no step finishes, no lock is released. The process restarts automatically. */
    kill(role: RoleName): void {
      roles[role].child?.kill('SIGKILL')
    },
    /** Stops both and waits until running work has finished. */
    async stop(): Promise<void> {
      stopping.abort()
      const children = Object.values(roles).flatMap(({ child }) => child ?? [])
      await Promise.all(
        children.map(async (child) => {
          if (child.exitCode !== null || child.signalCode !== null) return
          const gone = new Promise((resolve) => child.once('close', resolve))
          child.kill('SIGTERM')
          const hurry = setTimeout(() => child.kill('SIGKILL'), 35_000)
          await gone
          clearTimeout(hurry)
        }),
      )
    },
  }
}
