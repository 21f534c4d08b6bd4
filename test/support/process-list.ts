/** What a process list of the host shows of a program and of all that it starts: everyone on a host can read it. */
import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'

/** A program that lives for less is seen by chance. */
const LOOK_EVERY_MS = 10

export interface ProcessList {
  /** Watches this process, what it starts, and what those start; also after the one that started it has ended. */
  add(pid: number | undefined): void
  /** Every command line so far. */
  readonly lines: ReadonlySet<string>
  stop(): Promise<void>
}

/**
 * Reads again and again which command lines the added processes and their descendants have. Others are not read: tests that
 * run beside this one may show a password of the shared Postgres to anyone.
 */
export function watchProcessList(): ProcessList {
  const pids = new Set<number>()
  const lines = new Set<string>()
  let isWatching = true
  const watching = (async () => {
    while (isWatching) {
      for (const pid of pids) {
        const line = commandLine(pid)
        if (line === undefined) pids.delete(pid)
        else lines.add(line)
        // A set that grows meanwhile is read to its end: children of children are read in the same round.
        for (const child of childrenOf(pid)) pids.add(child)
      }
      await delay(LOOK_EVERY_MS)
    }
  })()
  return {
    add: (pid) => void (pid !== undefined && pids.add(pid)),
    lines,
    async stop() {
      isWatching = false
      await watching
    },
  }
}

function commandLine(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
  } catch {
    return undefined
  }
}

function childrenOf(pid: number): readonly number[] {
  try {
    const ofEach = readdirSync(`/proc/${pid}/task`).map((thread) => {
      // A thread may end in between.
      try {
        return readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8')
      } catch {
        return ''
      }
    })
    return ofEach.join(' ').split(' ').filter(Boolean).map(Number)
  } catch {
    return []
  }
}
