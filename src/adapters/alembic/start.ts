import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { defined } from '../../lib/defined.ts'
import type { Backend } from '../../release/ports/migrator.ts'
import { type Ended, type Mode, runAlone, type StartIsolation } from './process.ts'
import type { AlembicProgram } from './program.ts'

const RUN = fileURLToPath(new URL('./programs/signoff_run.py', import.meta.url))

/** What the app's code is asked; see programs/signoff_run.py. */
export interface Request {
  /** Of the program, as a person would give them. */
  readonly arguments: readonly string[]
  /** Relative to where the program runs. */
  readonly config: string
  /** In milliseconds; 0 is none. */
  readonly limits: { readonly lock: number; readonly statement: number }
  /** The backends of earlier upgrades, as pid and start. */
  readonly backends: readonly (readonly [number, string])[]
}

/** How long there is for the look, and for the upgrade after `go`. */
interface TimeLimits {
  readonly lookMs: number
  readonly upgradeMs: number
}

export interface Started {
  readonly ended: Ended
  /** JSON of the look's answer; undefined: there was none. */
  readonly looked: string | undefined
  /** The look got no answer in time; `connecting`: from a database, so far as is known. */
  readonly lookTimedOut?: 'connecting' | 'running'
  /** How the look's process ended, if it gave no answer. */
  readonly died?: string
  readonly upgradeBegan: boolean
  readonly upgradeTimedOut: boolean
  /** The revision that ran last. */
  readonly revision: string | undefined
  /** The revisions that committed in their middle. */
  readonly committed: readonly string[]
}

const backend = z.object({ pid: z.number(), startedAt: z.string() })
const message = z.union([
  z.object({ looked: z.unknown() }),
  z.object({ died: z.string() }),
  z.object({ upgrading: z.literal(true) }),
  z.object({ at: z.enum(['connecting', 'connected']) }),
  z.object({ backend }),
  z.object({ revision: z.string() }),
  z.object({ committed: z.string() }),
])

/**
 * Starts the app's code once: it looks, and upgrades if `confirm` says so of the look's answer. Without `go` it ends by
 * itself, also if this process dies. Throws what `confirm` throws, with nothing upgraded.
 */
export async function start(
  program: AlembicProgram,
  request: Request,
  options: {
    readonly cwd: string
    readonly env: Readonly<Record<string, string>>
    readonly mode: Mode
    readonly isolation?: StartIsolation | undefined
    readonly limits: TimeLimits
    readonly signal?: AbortSignal | undefined
    /** A line that is printed while looking. */
    readonly onAside: (line: string) => void
    /** A line of the upgrade's output. */
    readonly onLine?: (line: string) => void
    readonly onBackend?: (backend: Backend) => void
    readonly confirm?: (looked: string) => Promise<boolean>
  },
): Promise<Started> {
  const { limits, confirm } = options
  const over = new AbortController()
  let send: (text: string) => void = () => undefined
  let end: () => void = () => undefined
  let looked: string | undefined
  let died: string | undefined
  let at: 'connecting' | 'connected' | undefined
  let timedOut: 'look' | 'upgrade' | undefined
  let upgradeBegan = false
  let revision: string | undefined
  const committed: string[] = []
  let confirming: Promise<void> | undefined

  const endAfter = (ms: number, which: 'look' | 'upgrade') =>
    setTimeout(() => {
      timedOut = which
      over.abort()
    }, ms)
  let limit = endAfter(limits.lookMs, 'look')

  async function ask(answer: string): Promise<void> {
    if (confirm === undefined || options.signal?.aborted) return end()
    try {
      const confirmed = await confirm(answer)
      if (!confirmed || options.signal?.aborted) return end()
    } catch (error) {
      end()
      throw error
    }
    limit = endAfter(limits.upgradeMs, 'upgrade')
    send('go\n')
  }

  function onMessage(line: string): void {
    const read = message.safeParse(jsonOf(line))
    if (!read.success) return
    const told = read.data
    if ('died' in told) died = told.died
    else if ('at' in told) at = told.at
    else if ('backend' in told) options.onBackend?.(told.backend)
    else if ('revision' in told) revision = told.revision
    else if ('committed' in told) committed.push(told.committed)
    else if ('upgrading' in told) upgradeBegan = true
    else if (looked === undefined) {
      clearTimeout(limit)
      looked = JSON.stringify(told.looked)
      confirming = ask(looked)
      // Awaited below, once the program has ended.
      confirming.catch(() => undefined)
    }
  }

  const ended = await runAlone([...program.python, RUN, program.path], {
    cwd: options.cwd,
    env: options.env,
    mode: options.mode,
    isolation: options.isolation,
    // The look's and the upgrade's own limits end it before.
    timeoutMs: 2 ** 31 - 1,
    signal: AbortSignal.any([over.signal, ...(options.signal === undefined ? [] : [options.signal])]),
    onLine: (line) => options.onLine?.(line),
    conversation: {
      open(channel) {
        ;({ send, end } = channel)
        send(`${JSON.stringify(request)}\n`)
      },
      onMessage,
      onAside: options.onAside,
    },
  }).finally(() => clearTimeout(limit))
  await confirming
  clearTimeout(limit)
  return {
    ended,
    looked,
    upgradeBegan,
    upgradeTimedOut: timedOut === 'upgrade',
    revision,
    committed,
    ...(timedOut === 'look' && { lookTimedOut: at === 'connecting' ? ('connecting' as const) : ('running' as const) }),
    ...defined({ died }),
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
