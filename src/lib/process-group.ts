import { readdir, readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'

/** Asks a process group to end, kills what is left after `graceMs`, and resolves when nothing of it runs. */
export async function endGroup(group: number, graceMs: number): Promise<void> {
  signalGroup(group, 'SIGTERM')
  if (await groupEnds(group, graceMs)) return
  signalGroup(group, 'SIGKILL')
  await groupEnds(group, 2000)
}

/** Whether anything of a process group still runs; what has ended and waits to be reaped does not. */
export async function groupLives(group: number): Promise<boolean> {
  if (!signalGroup(group, 0)) return false
  // A container whose first process reaps nobody keeps the ended helpers of git for ever, and they take signals.
  const states = process.platform === 'linux' ? await statesOf(group) : ['unknown']
  return states.some((state) => state !== 'Z' && state !== 'X')
}

/** False: there is no such group. */
export function signalGroup(group: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(-group, signal)
  } catch {
    return false
  }
}

async function groupEnds(group: number, withinMs: number): Promise<boolean> {
  for (const until = Date.now() + withinMs; Date.now() < until; await sleep(20)) {
    if (!(await groupLives(group))) return true
  }
  return !(await groupLives(group))
}

async function statesOf(group: number): Promise<string[]> {
  const states: string[] = []
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue
    const stat = await readFile(`/proc/${entry}/stat`, 'utf8').catch(() => '')
    // After the name in parentheses, which may hold anything: state, parent, process group (proc(5)).
    const [state = '', , of] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    if (of === String(group)) states.push(state)
  }
  return states
}
