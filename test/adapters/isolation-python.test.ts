/** That the app's own Python works isolated, wherever it is, and what is left where there is no bubblewrap. */
import { execFileSync, spawn } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { createIsolate } from '../../src/adapters/alembic/isolation/isolation.ts'
import { hostIsolation, makePlace, type Place, SECRET, start } from '../support/isolated.ts'

const host = await hostIsolation()
const isRoot = process.getuid?.() === 0
const removed: (() => Promise<void>)[] = []
const place = async (...args: Parameters<typeof makePlace>) => {
  const made = await makePlace(...args)
  removed.push(made.remove)
  return made
}
afterAll(async () => {
  for (const remove of removed) await remove()
})

/** A virtual environment with a module of its own. */
function virtualEnvironment(folder: string, python = '/usr/bin/python3'): string {
  execFileSync(python, ['-m', 'venv', '--without-pip', folder])
  execFileSync('/bin/sh', ['-c', `echo 'NAME = "own"' > "$(echo ${folder}/lib/python3*/site-packages)/only_here.py"`])
  return join(folder, 'bin/python')
}

const IMPORTS = 'import only_here, ssl, sqlite3, os; print(only_here.NAME, os.path.exists(os.getcwd()))'
/** Prints what can be read of a file. */
const READS = 'import sys\ntry: print(open(sys.argv[1]).read())\nexcept OSError as error: print(type(error).__name__)'

describe.skipIf(host.kind !== 'bubblewrap')('in bubblewrap, Python', () => {
  const works = async (at: Place, python: string, options: Parameters<typeof start>[2] = {}) =>
    expect(await start(at, ['-c', IMPORTS], { python, ...options })).toMatchObject({
      ended: { ended: 'exit', code: 0 },
      lines: ['own True'],
    })

  it('of a virtual environment beside releases.yml works, and what is beside it is hidden', async () => {
    const at = await place()
    const python = virtualEnvironment(join(at.settings, 'venv'))
    await works(at, python)
    const read = await start(at, ['-c', READS, join(at.settings, '.env_other')], { python })
    expect(read.lines).toEqual(['FileNotFoundError'])
  })

  it('of a virtual environment whose folder has releases.yml and env files works, and hides those', async () => {
    const at = await place()
    const python = virtualEnvironment(at.settings)
    await works(at, python)
    for (const name of ['.env_other', 'releases.yml']) {
      const read = await start(at, ['-c', READS, join(at.settings, name)], { python })
      expect(read.lines).toEqual(['FileNotFoundError'])
    }
  })

  it('in home works, and the rest of home is hidden', async () => {
    const folder = await mkdtemp(join(homedir(), '.signoff-test-'))
    removed.push(() => rm(folder, { recursive: true, force: true }))
    await writeFile(join(folder, 'secret'), SECRET)
    const at = await place()
    const python = virtualEnvironment(join(folder, 'venv'))
    await works(at, python)
    expect((await start(at, ['-c', READS, join(folder, 'secret')], { python })).lines).toEqual(['FileNotFoundError'])
  })

  it.skipIf(!isRoot)('that only root may read is not started, with what to do', async () => {
    const at = await place()
    const folder = join(at.settings, 'venv')
    const python = virtualEnvironment(folder)
    execFileSync('chmod', ['700', folder])
    const { ended } = await start(at, ['-c', IMPORTS], { python })
    expect(ended).toEqual({
      ended: 'not started',
      why: expect.stringMatching(/run chmod -R o\+rX .*\/settings\/venv$/),
    })
  })

  it('that is found through links works', async () => {
    const at = await place()
    virtualEnvironment(join(at.folder, 'real'))
    await symlink(join(at.folder, 'real'), join(at.folder, 'linked'))
    await works(at, join(at.folder, 'linked/bin/python'))
    await mkdir(join(at.folder, 'programs'))
    await symlink(join(at.folder, 'real/bin/python'), join(at.folder, 'programs/python'))
    // Its path leads to the environment only if the links are there as links.
    execFileSync(join(at.folder, 'programs/python'), ['-c', 'pass'])
    const told = await start(at, ['-c', 'print("works")'], { python: join(at.folder, 'programs/python') })
    expect(told.lines).toEqual(['works'])
  })

  const pyenv = ['3.12.1', '3.11.7', '3.13.0', '3.10.13', '3.9.18']
    .map((version) => join(homedir(), '.pyenv/versions', version, 'bin/python3'))
    .find((path) => execFileSync('/bin/sh', ['-c', `test -x ${path} && echo yes || echo no`]).toString() === 'yes\n')
  if (pyenv === undefined) console.warn('skipped: no Python of pyenv in this home')
  it.skipIf(pyenv === undefined)('of pyenv in home works, by itself and in a virtual environment', async () => {
    const at = await place()
    const told = await start(at, ['-c', 'import ssl, sys; print(sys.prefix)'], { python: pyenv ?? '' })
    expect(told.lines).toEqual([expect.stringContaining('.pyenv/versions')])
    await works(at, virtualEnvironment(join(at.settings, 'venv'), pyenv))
  })

  it('reads a folder that releases.yml or PYTHONPATH names, but no hidden file in it', async () => {
    const at = await place()
    execFileSync('chmod', ['755', at.folder])
    const shared = join(at.folder, 'shared')
    await mkdir(shared)
    await writeFile(join(shared, 'only_here.py'), 'NAME = "own"\n')
    const told = await start(at, ['-c', READS, join(shared, 'only_here.py')], { readable: [shared] })
    expect(told.lines[0]).toBe('NAME = "own"')
    await works(at, '/usr/bin/python3', { env: { PYTHONPATH: shared } })
    for (const name of ['.env_other', 'releases.yml']) {
      const read = await start(at, ['-c', READS, join(at.settings, name)], { readable: [at.folder, at.settings] })
      expect(read.lines).toEqual([expect.stringMatching(/Error$/)])
    }
  })
})

/** Where programs are found that isolation needs, without bubblewrap. */
async function pathWithoutBubblewrap(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'signoff-path-'))
  removed.push(() => rm(folder, { recursive: true, force: true }))
  await symlink('/bin/chown', join(folder, 'chown'))
  return folder
}

/** Starts a process in a session of its own whose parent has ended; it keeps standard output. */
const DETACHED = `import os, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        print(os.getpid(), flush=True)
        time.sleep(300)
    os._exit(0)
os.wait()
`
const isRunning = (pid: string | undefined) =>
  readFile(`/proc/${pid}/stat`, 'utf8').then(
    (text) => !/\) [ZX] /.test(text),
    () => false,
  )

describe('without bubblewrap', () => {
  it.skipIf(!isRoot)('M3: a worker that is root starts the code as another user', async () => {
    const path = await pathWithoutBubblewrap()
    const at = await place({ 'here.txt': 'here' }, { path })
    const found = await at.isolate.found()
    expect(found).toEqual({ kind: 'other user', cutsNetwork: false, missing: 'bubblewrap is not installed' })
    expect(await at.isolate.checkoutsFolder('/data/checkouts')).toBe(join(tmpdir(), 'signoff-checkouts'))
    expect((await stat(join(tmpdir(), 'signoff-checkouts'))).mode & 0o777).toBe(0o711)
    // As checkoutsFolder has it: what is above the checkout can be walked through.
    execFileSync('chmod', ['711', tmpdir(), at.folder, at.dataDir, join(at.dataDir, 'checkouts')])
    const service = spawn('/bin/sleep', ['600'], { env: { SLACK_BOT_TOKEN: SECRET } })
    try {
      const read = async (file: string) => (await start(at, ['-c', READS, file])).lines
      expect(await read('here.txt')).toEqual(['here'])
      expect(await read(join(at.checkout, '.env'))).toEqual(['OF=this', ''])
      expect(await read(`/proc/${service.pid}/environ`)).toEqual(['PermissionError'])
      expect(await read(join(at.settings, '.env_other'))).toEqual(['PermissionError'])
      expect(await read(join(at.dataDir, 'mirrors/secret'))).toEqual(['PermissionError'])
      const kill = await start(at, ['-c', `import os\ntry: os.kill(${service.pid}, 15)\nexcept OSError as e: print(e)`])
      expect(kill.lines).toEqual([expect.stringContaining('not permitted')])
      expect(service.signalCode).toBeNull()
    } finally {
      service.kill('SIGKILL')
    }
    const detached = await start(at, ['-c', DETACHED])
    expect(detached).toMatchObject({ ended: { ended: 'exit', code: 0 } })
    expect(await isRunning(detached.lines[0])).toBe(false)
  })

  it('M18: one that is not root runs it as itself, and ends what has left its group', async () => {
    const at = await place({}, { path: await pathWithoutBubblewrap(), isRoot: false })
    expect(await at.isolate.found()).toEqual({
      kind: 'none',
      cutsNetwork: false,
      missing: 'bubblewrap is not installed',
    })
    const detached = await start(at, ['-c', DETACHED])
    expect(detached).toMatchObject({ ended: { ended: 'exit', code: 0 } })
    expect(detached.ms).toBeLessThan(10_000)
    expect(await isRunning(detached.lines[0])).toBe(false)
    expect(await at.isolate.checkoutsFolder('/data/checkouts')).toBe('/data/checkouts')
  })

  it('says what bubblewrap said where it is there and does not work', async () => {
    const folder = await pathWithoutBubblewrap()
    const refusal = 'bwrap: No permissions to create new namespace'
    await writeFile(join(folder, 'bwrap'), `#!/bin/sh\necho '${refusal}' >&2\nexit 1\n`, { mode: 0o755 })
    const isolate = createIsolate({ hidden: { folders: [], files: [] }, path: folder, isRoot: false })
    expect(await isolate.found()).toMatchObject({ kind: 'none', missing: refusal })
  })

  it('believes no bubblewrap that only starts the program', async () => {
    const folder = await pathWithoutBubblewrap()
    const shim =
      '#!/bin/sh\nwhile [ "$1" != -- ]; do shift; done\nshift\n[ "$1" = setpriv ] && while [ "$1" != -- ]; do shift; done\n[ "$1" = -- ] && shift\ncd "$PWD"; exec "$@"\n'
    await writeFile(join(folder, 'bwrap'), shim, { mode: 0o755 })
    const isolate = createIsolate({ hidden: { folders: [], files: [] }, path: folder, isRoot: false })
    expect((await isolate.found()).kind).toBe('none')
  })
})
