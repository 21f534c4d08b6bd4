import { realpath } from 'node:fs/promises'
import { isAbsolute } from 'node:path'
import { createLineReader } from '../../../lib/lines.ts'
import { runInGroup } from '../../../lib/process-group.ts'

export interface PythonPaths {
  /** Its own folder, and that of the Python that a virtual environment was made from. */
  readonly prefixes: readonly string[]
  /** Where it finds modules. */
  readonly modules: readonly string[]
}

const PROGRAM = `import sys
print('prefixes', *{getattr(sys, name, sys.prefix) for name in ('prefix', 'base_prefix', 'exec_prefix', 'base_exec_prefix')}, sep='\\0')
print('modules', *sys.path, sep='\\0')`

const LIMIT_MS = 10_000

/**
 * Where a Python has its own files, found by starting it without the app. The same Python is asked once, and again if it
 * is replaced. Undefined if it can't be started.
 */
export function createPythonPaths(): (python: readonly [string, ...string[]]) => Promise<PythonPaths | undefined> {
  const known = new Map<string, Promise<PythonPaths | undefined>>()
  return async (python) => {
    const key = JSON.stringify([python, await realpath(python[0]).catch(() => '')])
    const asked = known.get(key) ?? ask(python)
    known.set(key, asked)
    const paths = await asked
    if (paths === undefined) known.delete(key)
    return paths
  }
}

async function ask(python: readonly [string, ...string[]]): Promise<PythonPaths | undefined> {
  const found = new Map<string, readonly string[]>()
  const stdout = createLineReader(
    (line) => {
      const [name = '', ...paths] = line.split('\0')
      found.set(name, paths.filter(isAbsolute))
    },
    { longest: 1_000_000, breaks: '\n' },
  )
  const ended = await runInGroup({
    command: [...python, '-B', '-c', PROGRAM],
    directory: '/',
    environment: { LANG: 'C.UTF-8', HOME: '/nonexistent' },
    stdout,
    stderr: { add() {}, end() {} },
    timeoutMs: LIMIT_MS,
    graceMs: 1_000,
    orphanMs: 0,
  })
  const [prefixes, modules] = [found.get('prefixes'), found.get('modules')]
  const isAnswered = ended.started && ended.exitCode === 0 && prefixes !== undefined && modules !== undefined
  return isAnswered ? { prefixes, modules } : undefined
}
