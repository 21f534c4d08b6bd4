/**
 * What the app's code can't do from inside, tried by a program that tries everything, and looked at from outside.
 * M3: env.py reads the service's own secrets · M18: a child in a session of its own · O11: unsigned code at a preview.
 */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chmod, lstat, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Mode } from '../../src/adapters/alembic/process.ts'
import { hostIsolation, makePlace, type Place, SECRET, start, type Told } from '../support/isolated.ts'

const host = await hostIsolation()

/** Prints one line of JSON: for each thing that it tries, what came of it. Arguments: name=path or name=host:port. */
const ATTACKS = `import json, os, signal, socket, sys
told = {}
def tried(name, what):
    try:
        told[name] = what()
    except BaseException as error:
        told[name] = type(error).__name__
def read(path):
    with open(path, errors='replace') as file:
        return file.read()
def write(path):
    with open(path, 'w') as file:
        file.write('written')
    return 'written'
def connect(address):
    if address.startswith('/'):
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(address)
        return 'connected'
    address, port = address.rsplit(':', 1)
    socket.create_connection((address, int(port)), 2).close()
    return 'connected'
def environments():
    found = []
    for pid in os.listdir('/proc'):
        if pid.isdigit():
            tried('environ', lambda: found.append(read('/proc/%s/environ' % pid)))
    return ' '.join(found)
for argument in sys.argv[1:]:
    name, _, value = argument.partition('=')
    kind = name.split('-')[0]
    if kind == 'read':
        tried(name, lambda: os.listdir(value) if os.path.isdir(value) else read(value))
    elif kind == 'write':
        tried(name, lambda: write(value))
    elif kind == 'open':
        tried(name, lambda: open(value, 'r+').close() or 'opened')
    elif kind == 'connect':
        tried(name, lambda: connect(value))
    elif kind == 'kill':
        tried(name, lambda: os.kill(int(value), signal.SIGTERM) or 'sent')
    elif kind == 'chmod':
        tried(name, lambda: os.chmod(value, 0o777) or 'changed')
tried('processes', lambda: environments()[:100000])
tried('own', lambda: dict(os.environ))
tried('user', os.getuid)
print(json.dumps(told), flush=True)
`

/** Starts a process in a session of its own whose parent has ended; it keeps standard output. */
const DETACHED = `import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        while True:
            with open('alive', 'w') as file:
                file.write(str(time.time()))
            time.sleep(0.05)
    os._exit(0)
os.wait()
while not os.path.exists('alive'):
    time.sleep(0.01)
print('started', flush=True)
`

const FILES = { 'attacks.py': ATTACKS, 'detached.py': DETACHED }

const toldIn = ({ lines }: Told) => {
  const line = lines.find((each) => each.startsWith('{'))
  if (line === undefined) throw new Error(`nothing was told:\n${lines.join('\n')}`)
  return JSON.parse(line) as Record<string, unknown>
}

/** The detached process writes twenty times a second while it runs. */
async function expectStill({ checkout }: Place): Promise<void> {
  const file = join(checkout, 'alive')
  const before = await readFile(file, 'utf8')
  await sleep(300)
  expect(await readFile(file, 'utf8')).toBe(before)
  await rm(file)
}

const WORKS = /^(read-(env|run)|write-inside|connect-outside|processes|environ|own|user)$/
const FAILED = expect.stringMatching(/Error$/) as string

describe.skipIf(host.kind !== 'bubblewrap')('in bubblewrap', () => {
  const places: Place[] = []
  const outside = createServer((socket) => socket.end())
  let address = ''
  /** A process with secrets in its environment, as the service is. */
  const service = spawn('/bin/sleep', ['600'], { env: { SLACK_BOT_TOKEN: SECRET } })
  let place: Place

  beforeAll(async () => {
    await new Promise<void>((resolve) => outside.listen(0, '127.0.0.1', resolve))
    const bound = outside.address()
    address = `127.0.0.1:${typeof bound === 'object' && bound !== null ? bound.port : 0}`
    place = await makePlace(FILES)
    places.push(place)
  })
  afterAll(async () => {
    service.kill('SIGKILL')
    outside.close()
    for (const each of places) await each.remove()
  })

  it.each(['look', 'preview', 'upgrade'] as const)(
    'M3, O11: a %s sees its checkout and its variables, and nothing else of the host',
    async (mode) => {
      const before = await lstat('/dev/null')
      const told = toldIn(
        await start(
          place,
          [
            'attacks.py',
            'read-env=.env',
            `read-parent=/proc/${process.pid}/environ`,
            `read-service=/proc/${service.pid}/environ`,
            `read-mirror=${place.dataDir}/mirrors/secret`,
            `read-data=${place.dataDir}/mirrors`,
            `read-releases=${place.settings}/releases.yml`,
            `read-other=${place.settings}/.env_other`,
            `read-home=${process.env.HOME}`,
            'read-shadow=/etc/shadow',
            'read-run=/run',
            'write-inside=inside',
            `write-outside=${place.folder}/outside`,
            `write-data=${place.dataDir}/outside`,
            `write-settings=${place.settings}/.env_other`,
            'write-tmp=/tmp/signoff-attack',
            'write-run=/run/signoff-attack',
            'write-usr=/usr/signoff-attack',
            'open-kernel=/proc/sys/kernel/core_pattern',
            'chmod-device=/dev/null',
            `kill-service=${service.pid}`,
            `kill-parent=${process.pid}`,
            `connect-outside=${address}`,
          ],
          { mode, env: { DATABASE_URL: 'postgresql://db.example/app' } },
        ),
      )
      expect(JSON.stringify(told)).not.toContain(SECRET)
      expect(told).toMatchObject({
        'read-env': 'OF=this\n',
        'read-run': [],
        'write-inside': 'written',
        'connect-outside': mode === 'preview' ? 'ConnectionRefusedError' : 'connected',
      })
      expect(told.own).toMatchObject({ DATABASE_URL: 'postgresql://db.example/app', HOME: '/tmp' })
      expect(JSON.stringify(told.processes)).not.toContain('SLACK')
      for (const [name, outcome] of Object.entries(told)) {
        // What it wrote to its own /tmp is gone with it.
        if (name !== 'write-tmp' && !WORKS.test(name)) expect([name, outcome]).toEqual([name, FAILED])
      }
      // From outside.
      expect(await readFile(join(place.checkout, 'inside'), 'utf8')).toBe('written')
      expect(await readFile(join(place.settings, '.env_other'), 'utf8')).toBe(SECRET)
      expect(await readdir(place.folder)).toEqual(['data', 'settings'])
      expect((await readdir(place.dataDir)).sort()).toEqual(['checkouts', 'mirrors'])
      for (const path of ['/tmp/signoff-attack', '/run/signoff-attack', '/usr/signoff-attack'])
        expect(existsSync(path)).toBe(false)
      expect((await lstat('/dev/null')).mode).toBe(before.mode)
      expect([service.exitCode, service.signalCode]).toEqual([null, null])
    },
  )

  it('M3: the same program without isolation reads all of it, so the attacks are real', async () => {
    const told = toldIn(
      await start(
        place,
        ['attacks.py', `read-service=/proc/${service.pid}/environ`, `read-other=${place.settings}/.env_other`],
        { policy: 'off' },
      ),
    )
    expect(told).toMatchObject({ 'read-service': expect.stringContaining(SECRET), 'read-other': SECRET })
  })

  it('is the same for a look and an upgrade, as far as the program can see', async () => {
    const see =
      'import os; print(sorted(os.environ.items()), os.listdir("/"), open("/proc/self/mountinfo").read().count("\\n"))'
    const [look, upgrade] = await Promise.all([
      start(place, ['-c', see], { mode: 'look' }),
      start(place, ['-c', see], { mode: 'upgrade' }),
    ])
    expect(look.lines).toEqual(upgrade.lines)
  })

  it('M18: a detached process that keeps the output ends with the program, and nothing waits for it', async () => {
    const told = await start(place, ['detached.py'])
    expect(told).toMatchObject({ ended: { ended: 'exit', code: 0 }, lines: ['started'] })
    expect(told.ms).toBeLessThan(10_000)
    await expectStill(place)
  })

  it('M18: a program with such a process is stopped at once', async () => {
    const stop = new AbortController()
    const told = await start(place, ['-c', `${DETACHED}\ntime.sleep(300)`], {
      signal: stop.signal,
      onLine: () => stop.abort(),
    })
    expect(told).toMatchObject({ ended: { ended: 'killed', why: 'stopped' } })
    expect(told.ms).toBeLessThan(10_000)
    await expectStill(place)
  })

  it('tells how a program ended', async () => {
    expect((await start(place, ['-c', 'raise SystemExit(3)'])).ended).toEqual({ ended: 'exit', code: 3 })
    const killed = await start(place, ['-c', 'import os; os.kill(os.getpid(), 9)'])
    expect(killed.ended).toEqual({ ended: 'killed', why: 'signal' })
    const late = await start(place, ['-c', 'import time; time.sleep(300)'], { timeoutMs: 500 })
    expect(late.ended).toEqual({ ended: 'killed', why: 'time' })
  })

  it('reaches the socket of a database that the env file names, in any folder, and no other file there', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'signoff-sockets-'))
    const server = createServer((socket) => socket.end())
    const socket = join(folder, '.s.PGSQL.5432')
    try {
      await new Promise<void>((resolve) => server.listen(socket, resolve))
      await chmod(socket, 0o777)
      await writeFile(join(folder, 'secret'), SECRET)
      const attempt = (mode: Mode, url: string) =>
        start(place, ['attacks.py', `connect-socket=${socket}`, `read-secret=${folder}/secret`], {
          mode,
          env: { DATABASE_URL: url },
        }).then(toldIn)
      for (const mode of ['look', 'upgrade'] as const) {
        expect(await attempt(mode, `postgresql://me@/app?host=${folder}`)).toMatchObject({
          'connect-socket': 'connected',
          'read-secret': FAILED,
        })
      }
      expect(await attempt('look', `postgresql+psycopg2://me@${encodeURIComponent(folder)}/app`)).toMatchObject({
        'connect-socket': 'connected',
      })
      expect(await attempt('preview', `postgresql://me@/app?host=${folder}`)).toMatchObject({
        'connect-socket': FAILED,
      })
      expect(await attempt('look', 'postgresql://me@db.example/app')).toMatchObject({ 'connect-socket': FAILED })
    } finally {
      server.close()
      await rm(folder, { recursive: true, force: true })
    }
  })

  it.skipIf(process.getuid?.() !== 0)('gives no file outside the checkout away through a link in it', async () => {
    const linked = await makePlace(FILES)
    places.push(linked)
    const target = join(linked.settings, 'releases.yml')
    await symlink(target, join(linked.checkout, 'link'))
    await symlink(linked.settings, join(linked.checkout, 'folder'))
    await start(linked, ['-c', ''])
    expect((await lstat(target)).uid).toBe(0)
    expect((await lstat(linked.settings)).uid).toBe(0)
  })
})
