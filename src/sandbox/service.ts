import { type ChildProcess, spawn } from 'node:child_process'
import { createWriteStream } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'

export type RoleName = 'bot' | 'worker'
export type RoleState = 'starting' | 'running' | 'killed' | 'stopped'

/** How a role of the service is started: a program that says `ready` over IPC, and stops when IPC breaks or on SIGTERM. */
export type RoleCommand = { program: string; args: readonly string[] }

export type Service = ReturnType<typeof createService>

// What watches over a service on a real host takes a moment too, and a person has to see that it is gone.
const RESTART_AFTER_MS = 3_000
const READY_WITHIN_MS = 30_000

/**
 * The real bot and the real worker, as two processes which have only their own role's settings. One that ends unasked is
 * started again after three seconds, as a supervisor would.
 */
export function createService(options: {
  command: (role: RoleName) => RoleCommand
  environment: (role: RoleName) => Record<string, string>
  /** Gets a log for each role. */
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
    let words = ''
    child.stdout?.pipe(log, { end: false })
    child.stderr?.on('data', (chunk: Buffer) => {
      words = (words + chunk.toString()).slice(-2000)
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
    if (!isReady) throw new Error(`the ${role} did not start:\n${words.trim()}`)
    enter(role, 'running')
  }

  return {
    async start(): Promise<void> {
      await Promise.all([start('worker'), start('bot')])
    },
    states: () => ({ bot: roles.bot.state, worker: roles.worker.state }),
    /** SIGKILL: no step is finished, no lock is given back. It starts again by itself. */
    kill(role: RoleName): void {
      roles[role].child?.kill('SIGKILL')
    },
    /** Waits until both have finished what is in flight. */
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
