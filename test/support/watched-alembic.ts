import { execFile } from 'node:child_process'
import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const PYTHON = '/usr/bin/python3'
const MAIN = "import sys\nfrom alembic.config import main\n\nif __name__ == '__main__':\n    sys.exit(main())\n"

export interface WatchedAlembic {
  /** For `migrations.alembic`. */
  readonly path: string
  /** How often its Python was started so far. */
  starts(): Promise<number>
  remove(): Promise<void>
}

/** The alembic of this machine, by a Python that notes each of its starts. */
export async function watchedAlembic(): Promise<WatchedAlembic> {
  const directory = await mkdtemp(join(tmpdir(), 'signoff-watched-'))
  const [notes, python, path] = ['starts', 'python3', 'alembic'].map((name) => join(directory, name)) as [
    string,
    string,
    string,
  ]
  await writeFile(notes, '')
  await writeFile(python, `#!/bin/sh\necho started >> ${notes}\nexec ${PYTHON} "$@"\n`)
  await writeFile(path, `#!${python}\n${MAIN}`)
  await Promise.all([chmod(python, 0o755), chmod(path, 0o755)])
  return {
    path,
    starts: async () => (await readFile(notes, 'utf8')).split('\n').filter(Boolean).length,
    remove: () => rm(directory, { recursive: true, force: true }),
  }
}

/** A virtual environment with an alembic of its own and one module that this machine's Python does not know. */
export async function virtualEnvironment(module: { name: string; text: string }): Promise<{
  /** For `migrations.alembic`. */
  path: string
  remove(): Promise<void>
}> {
  const directory = await mkdtemp(join(tmpdir(), 'signoff-venv-'))
  await promisify(execFile)(PYTHON, ['-m', 'venv', '--system-site-packages', '--without-pip', directory])
  // A worker that is root starts it as another user.
  await chmod(directory, 0o755)
  const [version = ''] = await readdir(join(directory, 'lib'))
  await writeFile(join(directory, 'lib', version, 'site-packages', `${module.name}.py`), module.text)
  const path = join(directory, 'bin/alembic')
  await writeFile(path, `#!${join(directory, 'bin/python3')}\n${MAIN}`)
  await chmod(path, 0o755)
  return { path, remove: () => rm(directory, { recursive: true, force: true }) }
}
