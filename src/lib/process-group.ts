import { readdir, readFile } from 'node:fs/promises'
import { Socket } from 'node:net'
import { execa } from 'execa'
import { CLOCK } from './clock.ts'
import { defined } from './defined.ts'
import type { TextReader } from './lines.ts'
import { pollUntil } from './retry.ts'

export interface GroupCall {
  readonly command: readonly [program: string, ...args: string[]]
  readonly directory: string
  /** The program's whole environment. */
  readonly environment: Readonly<Record<string, string>>
  /** Standard input; undefined: none. */
  readonly input?: string | undefined
  /** `latin1`: each character of `input` and of stdout is one byte. Default `utf8`. */
  readonly encoding?: 'utf8' | 'latin1'
  readonly stdout: TextReader
  readonly stderr: TextReader
  readonly timeoutMs: number
  /** The time between SIGTERM and SIGKILL. */
  readonly graceMs: number
  /** How long the program's own child processes may outlive it. */
  readonly orphanMs: number
  readonly signal?: AbortSignal | undefined
  readonly channel?: SideChannel | undefined
}

/** What a program and its caller tell each other beside its output: a socket as the program's descriptor 3. */
export interface SideChannel {
  /** Called once at the start. After the program's end nothing is sent any more. */
  readonly open: (to: { send(text: string): void; end(): void }) => void
  readonly received: TextReader
  /** What the program writes to its descriptor 4. */
  readonly aside: TextReader
}

export type GroupEnded =
  /** `error`: the system's code, such as ENOENT; undefined if `signal` had aborted before the start. */
  | { readonly started: false; readonly error?: string }
  /** `exitCode`: undefined if a signal ended it. `stopped`: why we stopped it, if we did. */
  | { readonly started: true; readonly exitCode: number | undefined; readonly stopped?: 'aborted' | 'timed out' }

/** The running groups, which are killed when this process exits. */
const running = new Set<number>()
const killAll = () => {
  for (const group of running) signalGroup(group, 'SIGKILL')
}

/**
 * Runs a program in its own process group and streams its output to the readers. At `timeoutMs`, on abort, and `orphanMs`
 * after the program has ended, the whole group gets SIGTERM, and SIGKILL `graceMs` later. Nothing of the group is left
 * running once this settles or this process exits. Throws only what a reader throws.
 */
export async function runInGroup(call: GroupCall): Promise<GroupEnded> {
  const { signal } = call
  if (signal?.aborted) return { started: false }
  const [program, ...args] = call.command
  const child = execa(program, args, {
    cwd: call.directory,
    env: call.environment,
    extendEnv: false,
    detached: true,
    reject: false,
    buffer: false,
    ...(call.channel !== undefined && { stdio: ['ignore', 'pipe', 'pipe', 'pipe', 'pipe'] as const }),
    ...(call.channel === undefined && call.input === undefined && { stdin: 'ignore' as const }),
    ...(call.input !== undefined && { input: Buffer.from(call.input, call.encoding) }),
  })
  const group = child.pid
  if (group === undefined) return { started: false, error: (await child).code ?? 'unknown' }

  let stopped: 'aborted' | 'timed out' | undefined
  let ending: Promise<void> | undefined
  const end = () => {
    ending ??= endGroup(group, call.graceMs)
  }
  const stopBecause = (why: 'aborted' | 'timed out') => () => {
    stopped ??= why
    end()
  }
  const abort = stopBecause('aborted')
  const limit = setTimeout(stopBecause('timed out'), call.timeoutMs)
  signal?.addEventListener('abort', abort, { once: true })
  // The program's child processes keep its output open, and could still have an effect, such as a push.
  let orphans: NodeJS.Timeout | undefined
  child.nodeChildProcess.once('exit', () => {
    orphans = setTimeout(end, call.orphanMs)
  })
  if (running.size === 0) process.once('exit', killAll)
  running.add(group)
  try {
    const [{ exitCode }] = await Promise.all([
      child,
      read(child.stdout, call.stdout, call.encoding),
      read(child.stderr, call.stderr),
      ...(call.channel === undefined ? [] : talk(child.nodeChildProcess.stdio, call.channel)),
    ])
    return { started: true, exitCode, ...defined({ stopped }) }
  } finally {
    clearTimeout(limit)
    clearTimeout(orphans)
    signal?.removeEventListener('abort', abort)
    if (await isGroupAlive(group)) end()
    await ending
    running.delete(group)
    if (running.size === 0) process.off('exit', killAll)
  }
}

function talk(stdio: readonly unknown[], channel: SideChannel): Promise<void>[] {
  const [, , , socket, aside] = stdio
  if (!(socket instanceof Socket && aside instanceof Socket)) throw new Error('the program has no side channel')
  // Writing to a program that has just ended fails; that it ended is seen elsewhere.
  socket.on('error', () => undefined)
  channel.open({
    send: (text) => void (socket.writable && socket.write(text)),
    end: () => void socket.end(),
  })
  return [read(socket, channel.received), read(aside, channel.aside)]
}

async function read(
  stream: NodeJS.ReadableStream,
  reader: TextReader,
  encoding: BufferEncoding = 'utf8',
): Promise<void> {
  stream.setEncoding(encoding)
  for await (const text of stream) reader.add(String(text))
  reader.end()
}

/** Terminates a process group, kills what is left after `graceMs`, and resolves when nothing of it runs. */
async function endGroup(group: number, graceMs: number): Promise<void> {
  signalGroup(group, 'SIGTERM')
  if (await waitForGroupEnd(group, graceMs)) return
  signalGroup(group, 'SIGKILL')
  await waitForGroupEnd(group, 2000)
}

/** Whether a process of the group still runs. Zombies don't count. */
async function isGroupAlive(group: number): Promise<boolean> {
  if (!signalGroup(group, 0)) return false
  // A container whose first process doesn't reap keeps git's ended helpers as zombies, which still accept signals.
  const states = process.platform === 'linux' ? await processStatesOf(group) : ['unknown']
  return states.some((state) => state !== 'Z' && state !== 'X')
}

/** Sends a signal; returns false if there is no such group. */
function signalGroup(group: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(-group, signal)
  } catch {
    return false
  }
}

async function waitForGroupEnd(group: number, withinMs: number): Promise<boolean> {
  const isGone = async () => ((await isGroupAlive(group)) ? undefined : true)
  return (await pollUntil(isGone, { forMs: withinMs, everyMs: 20, clock: CLOCK })) ?? false
}

async function processStatesOf(group: number): Promise<string[]> {
  const states: string[] = []
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue
    const stat = await readFile(`/proc/${entry}/stat`, 'utf8').catch(() => '')
    // After the name in parentheses, which may contain anything: state, parent, process group (proc(5)).
    const [state = '', , of] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    if (of === String(group)) states.push(state)
  }
  return states
}
