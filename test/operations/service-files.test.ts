/** The files that docs/operations/install.md hands out: systemd and compose take them, and they start what there is. */
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it, onTestFinished } from 'vitest'
import { parse } from 'yaml'
import { readVariables } from '../../src/config/variables.ts'

const run = promisify(execFile)
const fileOf = (name: string) => readFile(new URL(`../../docs/operations/${name}`, import.meta.url), 'utf8')

const hasSystemd = await run('systemd-analyze', ['--version']).then(
  () => true,
  () => false,
)
if (!hasSystemd) console.log('skipped: systemd reading signoff.service, because systemd-analyze is not installed')

describe('signoff.service', () => {
  it('waits longer at a stop than the program does, and does not start again what is configured wrongly', async () => {
    const unit = await fileOf('signoff.service')
    const main = await readFile(new URL('../../src/main.ts', import.meta.url), 'utf8')
    const stops = Number(/STOP_TIMEOUT_MS = ([\d_]+)/.exec(main)?.[1]?.replaceAll('_', '')) / 1000
    expect(Number(/^TimeoutStopSec=(\d+)$/m.exec(unit)?.[1])).toBeGreaterThan(stops)
    expect(unit).toMatch(/^RestartPreventExitStatus=2$/m)
  })

  it.skipIf(!hasSystemd)('is a unit without mistakes', async () => {
    const place = await mkdtemp(join(tmpdir(), 'signoff-unit-'))
    onTestFinished(() => rm(place, { recursive: true, force: true }))
    // The paths of the page are not on this machine.
    const unit = (await fileOf('signoff.service')).replace(/^ExecStart=\S+/m, `ExecStart=${process.execPath}`)
    await writeFile(join(place, 'signoff.service'), unit)
    const said = await run('systemd-analyze', ['verify', join(place, 'signoff.service')]).catch((error) => error)
    expect(`${said.stdout}${said.stderr}`.split('\n').filter((line) => line.includes('signoff.service'))).toEqual([])
  })
})

describe('signoff.sh', () => {
  it('runs the program as the unit does: directory, variables and DATA_DIR, with what follows', async () => {
    const place = await mkdtemp(join(tmpdir(), 'signoff-host-'))
    onTestFinished(() => rm(place, { recursive: true, force: true }))
    const told =
      'console.log(JSON.stringify([process.cwd(), process.argv.slice(2), process.env.STORE_URL, process.env.DATA_DIR]))'
    await writeFile(join(place, 'told.js'), told)
    // Read by systemd and by this alike.
    await writeFile(join(place, 'signoff.env'), "STORE_URL='postgres://db/signoff?sslmode=require&user=a$b'\n")
    const here = (await fileOf('signoff.sh'))
      .replaceAll('/etc/signoff', place)
      .replaceAll('/usr/bin/node', process.execPath)
      .replaceAll('/opt/signoff/bin/signoff.js', join(place, 'told.js'))
      .replace('= signoff ]', `= ${userInfo().username} ]`)
    const { stdout } = await run('/bin/sh', ['-c', here, 'signoff', 'audit', 'export', '--release', '12'])
    expect(JSON.parse(stdout)).toEqual([
      await realpath(place),
      ['audit', 'export', '--release', '12'],
      'postgres://db/signoff?sslmode=require&user=a$b',
      '/var/lib/signoff',
    ])
  })

  it('names the paths and the user of the unit', async () => {
    const [script, unit] = await Promise.all([fileOf('signoff.sh'), fileOf('signoff.service')])
    for (const [inUnit, inScript] of [
      [/^WorkingDirectory=(.*)$/m, /^cd (.*)$/m],
      [/DATA_DIR=(\S+)/, /^DATA_DIR=(.*)$/m],
      [/^User=(.*)$/m, /runuser -u (\S+)/],
      [/^ExecStart=(.*) start/m, /then set -- (.*) "\$@"$/m],
    ] as const) {
      expect(inScript.exec(script)?.[1], `${inScript}`).toBe(inUnit.exec(unit)?.[1])
    }
  })
})

interface Service {
  readonly command?: readonly string[]
  readonly environment: Readonly<Record<string, string>>
  readonly volumes: readonly string[]
}

describe('compose.yml', () => {
  it('gives each role the variables that it needs, and no secret of the other', async () => {
    const { services, volumes } = parse(await fileOf('compose.yml')) as {
      services: Record<'bot' | 'worker', Service>
      volumes: Record<string, null>
    }
    for (const [role, tokens] of [
      ['bot', { SLACK_BOT_TOKEN: 'xoxb-1', SLACK_APP_TOKEN: 'xapp-1' }],
      ['worker', { BITBUCKET_TOKEN: 'token', HEROKU_API_KEY: 'key' }],
    ] as const) {
      const { command, environment, volumes: mounts } = services[role]
      expect(command).toEqual(['start', '--role', role])
      expect(Object.keys(environment).toSorted()).toEqual(['STORE_URL', ...Object.keys(tokens)].toSorted())
      const STORE_URL = environment.STORE_URL?.replace(/\$\{\w+\}/, 'password') ?? ''
      expect(readVariables({ ...tokens, STORE_URL }, '/', role).problems).toEqual([])
      for (const mount of mounts.filter((each) => !each.startsWith('.'))) {
        expect(Object.keys(volumes)).toContain(mount.split(':')[0])
      }
    }
  })
})
