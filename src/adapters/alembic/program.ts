import { constants } from 'node:fs'
import { access, open, stat } from 'node:fs/promises'
import { basename, delimiter, dirname, isAbsolute, join, resolve } from 'node:path'
import type { MigrationTool } from '../../release/stored-names.ts'

/** The alembic program, and how to start its Python. */
export interface AlembicProgram {
  readonly path: string
  /** The interpreter and its options. */
  readonly python: readonly [string, ...string[]]
}

/** The program that people start `tool` by, given the alembic program of the settings; see `findAlembic`. */
export async function findProgram(
  tool: MigrationTool,
  program: string,
  path: string,
): Promise<AlembicProgram | { problem: string }> {
  if (tool === 'alembic' || basename(program) === 'flask') return findPython(tool, program, path)
  const alembic = await findAlembic(program, path)
  if ('problem' in alembic) return alembic
  // Both are in the same virtual environment. Another flask on PATH may belong to another Python.
  return findPython(tool, join(dirname(alembic.path), 'flask'), path)
}

/**
 * Finds the alembic program (a bare name on `path`, or a path) and reads its Python from its first lines, so that a virtual
 * environment's alembic runs with that environment's modules. Returns a problem as a sentence if it can't.
 */
export function findAlembic(program: string, path: string): Promise<AlembicProgram | { problem: string }> {
  return findPython('alembic', program, path)
}

async function findPython(
  tool: MigrationTool,
  program: string,
  path: string,
): Promise<AlembicProgram | { problem: string }> {
  const found = program.includes('/') ? await executable(resolve(program)) : await onPath(program, path)
  if (found === undefined) return { problem: `${tool} is not installed: there is no program ${program}` }
  const python = await pythonOf(found, path)
  return python === undefined ? { problem: `${program} is not a Python program` } : { path: found, python }
}

async function pythonOf(program: string, path: string): Promise<[string, ...string[]] | undefined> {
  const [first = '', second = ''] = (await beginning(program)).split('\n')
  const words = first.startsWith('#!') ? first.slice(2).trim().split(/\s+/) : []
  const [command = '', ...options] = words
  if (isPython(command)) return [command, ...options]
  if (basename(command) === 'env') {
    const [name = '', ...rest] = options[0] === '-S' ? options.slice(1) : options
    const found = isPython(name) ? await onPath(name, path) : undefined
    return found === undefined ? undefined : [found, ...rest]
  }
  // For a path too long for a first line, installers write a shell script that re-executes itself with Python.
  const again = /^'''exec' "?([^"]+?)"? "\$0" "\$@"/.exec(second)?.[1]
  return basename(command) === 'sh' && again !== undefined && isPython(again) && isAbsolute(again) ? [again] : undefined
}

const isPython = (program: string) => /^(python|pypy)[0-9.]*$/.test(basename(program))

async function beginning(file: string): Promise<string> {
  const handle = await open(file)
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(4096), 0, 4096, 0)
    return buffer.toString('utf8', 0, bytesRead)
  } finally {
    await handle.close()
  }
}

async function onPath(name: string, path: string): Promise<string | undefined> {
  for (const folder of path.split(delimiter)) {
    const found = isAbsolute(folder) ? await executable(join(folder, name)) : undefined
    if (found !== undefined) return found
  }
  return undefined
}

async function executable(file: string): Promise<string | undefined> {
  try {
    await access(file, constants.X_OK)
    return (await stat(file)).isFile() ? file : undefined
  } catch {
    return undefined
  }
}
