/** Programs that the bench starts: Signoff itself, the yardsticks and the generators of load. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { closedAtTheEnd } from './closing.ts'

export interface Program {
  readonly pid: number
  /** From its start until it said that it is ready. */
  readonly readyAfterMs: number
  output(): string
  /** Sends it a message, and gives what it answers. */
  ask<Answer>(message: object): Promise<Answer>
  /** Asks it to end; one that does not within 20 s is ended. Safe to repeat. */
  stop(): Promise<void>
}

const GIVEN_UP_AFTER_MS = 60_000
const STOPS_WITHIN_MS = 20_000

const pathOf = (name: string) => fileURLToPath(new URL(name, import.meta.url))
export const MAIN = pathOf('../../../bin/signoff.js')
export const QUICK_MAIN = pathOf('../../support/quick-main.ts')

/** Starts a program with Node, and waits until its output has `ready`. Nothing of our environment but PATH is handed on. */
export async function startProgram(
  args: readonly string[],
  options: {
    readonly ready: string
    readonly cwd?: string
    readonly env?: Readonly<Record<string, string>>
    /** Whether it answers to `ask`. */
    readonly answers?: boolean
  },
): Promise<Program> {
  const began = performance.now()
  const child = spawn(process.execPath, args, {
    cwd: options.cwd,
    env: { PATH: process.env.PATH, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe', ...(options.answers ? (['ipc'] as const) : [])],
  })
  const ended = once(child, 'exit')
  ended.catch(() => undefined)
  const stop = closedAtTheEnd(() => end(child, ended))
  let printed = ''
  const ready = Promise.withResolvers<void>()
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      printed = (printed + text).slice(-1_000_000)
      if (printed.includes(options.ready)) ready.resolve()
    })
  }
  const fail = (why: string) => ready.reject(new Error(`${args.join(' ')} ${why}:\n${printed.slice(-4_000)}`))
  child.once('exit', (code) => fail(`ended with ${code}`))
  child.once('error', ({ message }) => fail(`can't be started (${message})`))
  const late = setTimeout(() => fail('is not ready'), GIVEN_UP_AFTER_MS)
  try {
    await ready.promise
  } catch (error) {
    await stop()
    throw error
  } finally {
    clearTimeout(late)
  }
  const readyAfterMs = performance.now() - began
  return {
    pid: child.pid ?? 0,
    readyAfterMs,
    output: () => printed,
    async ask<Answer>(message: object) {
      const answer = once(child, 'message') as Promise<[Answer]>
      child.send(message)
      const gone = ended.then(() => Promise.reject(new Error(`${args.join(' ')} ended:\n${printed.slice(-4_000)}`)))
      gone.catch(() => undefined)
      const [given] = await Promise.race([answer, gone])
      return given
    },
    stop,
  }
}

async function end(child: ChildProcess, ended: Promise<unknown>): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return
  child.kill('SIGTERM')
  const hurry = setTimeout(() => child.kill('SIGKILL'), STOPS_WITHIN_MS)
  await ended
  clearTimeout(hurry)
}

/** Resident memory, in MB of 2^20 bytes. */
export async function memoryOf(pid: number): Promise<number> {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1_024
}

/** How often its threads went to sleep so far, each of which is a wake-up before, and its processor time in seconds. */
export async function activityOf(pid: number): Promise<{ wakeUps: number; processorSeconds: number }> {
  let wakeUps = 0
  for (const thread of await readdir(`/proc/${pid}/task`)) {
    const status = await readFile(`/proc/${pid}/task/${thread}/status`, 'utf8').catch(() => '')
    wakeUps += Number(/^voluntary_ctxt_switches:\s+(\d+)/m.exec(status)?.[1] ?? 0)
  }
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return { wakeUps, processorSeconds: (Number(fields[11]) + Number(fields[12])) / TICKS_A_SECOND }
}

/** On every Linux of today. */
const TICKS_A_SECOND = 100
