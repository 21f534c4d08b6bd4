/** `signoff config check`: what is wrong with releases.yml, what it means, and what it would stop. */
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { openStore } from '../../src/adapters/store/open.ts'
import { checkConfiguration, releasesUnderWay } from '../../src/cli/config-check.ts'
import { readReleases } from '../../src/config/releases-file.ts'
import type { Release } from '../../src/release/release.ts'
import { aRelease } from '../support/builders.ts'
import { createStoreDatabase, startTestPostgres } from '../support/postgres.ts'

const FILE = `
apps:
  api:
    repository: team/api
    environments:
      integration:
        branch: master
        remote: { name: heroku-integration, url: https://git.heroku.com/api-int.git }
        channel: "#product"
        sign_off: none
      production:
        branch: production
        promotes: integration
        remote: { name: heroku-production, url: https://git.heroku.com/api.git }
        migrations: { config: alembic.ini, env_file: .env.production, lock_timeout: 10s }
        channel: "#product"
        announce: required
        sign_off: { qa: 1, approvals: 2, approvers: ["@release-approvers"], qa_by: ["@qa"], require_checks: true, expires_after: 90min }
`

let directory: string
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'signoff-config-check-'))
})
afterAll(() => rm(directory, { recursive: true, force: true }))

async function file(text: string): Promise<string> {
  const path = join(directory, 'releases.yml')
  await writeFile(path, text)
  return path
}

const nothing = async (): Promise<readonly Release[]> => []

/** A release that was made with the file above. */
function madeWith(environment: 'integration' | 'production', change: Partial<Release>): Release {
  const entry = readReleases(FILE, directory).releases?.apps[0]?.environments.find(({ name }) => name === environment)
  return aRelease({ app: 'api', environment, configuration: entry?.digests.form2 ?? '', ...change })
}

describe('signoff config check', () => {
  it('shows the effective rules of every environment, defaults included', async () => {
    const { lines, exitCode } = await checkConfiguration(await file(FILE), nothing)
    expect(exitCode).toBe(0)
    expect(lines.join('\n')).toMatchInlineSnapshot(`
      "✓ releases.yml: no problems in 2 environments

      api integration
        repository  team/api
        branch      master
        remote      heroku-integration, branch master, heroku app api-int
        hot-fix     by the branch's rules
        channel     #product; announcement off
        sign-off    none: every full member may release
        migrations  none
        freezes     none

      api production
        repository  team/api
        branch      production; merges master of integration, pull request branch
        remote      heroku-production, branch master, heroku app api
        hot-fix     by the branch's rules
        order       shows whether commits are proven on integration
        channel     #product; announcement required
        QA          1 of @qa
        approval    2 of @release-approvers, never the requester
        emergency   @release-approvers
        checks      must have passed
        expires     after 90 min
        migrations  alembic.ini; lock timeout 10s, statement timeout 0; talk over: destroys, unknown
        freezes     none

      ✓ No release is under way."
    `)
  })

  it('names webhooks by place and host, with what signs them and what they are told', async () => {
    const webhooks = `webhooks:
  - { url: "https://hooks.example.com/T0/marker?token=marker", secret_env: HOOK_SECRET, events: [release.failed, lock.set] }
  - { url: "http://localhost:9999/", secret_env: [NEW_SECRET, OLD_SECRET] }
`
    const { lines } = await checkConfiguration(await file(webhooks + FILE), nothing)
    const first = lines.indexOf('webhooks')
    expect(lines.slice(first, first + 3)).toEqual([
      'webhooks',
      '  webhooks[1] (hooks.example.com): release.failed, lock.set; signed with HOOK_SECRET',
      '  webhooks[2] (localhost:9999): every event; signed with NEW_SECRET and OLD_SECRET',
    ])
    expect(lines.join()).not.toContain('marker')
  })

  describe('freezes', () => {
    const freezes = (text: string) => `time_zone: Europe/Berlin\nfreezes:\n${text}${FILE}`
    const weekend = '  - { name: weekend, from: Fri 16:00, to: Mon 08:00 }\n'
    const yearEnd = '  - { name: year-end, from: 2026-12-21, to: 2027-01-04, environments: [api/integration] }\n'
    const shown = async (text: string) => {
      const { lines } = await checkConfiguration(await file(text), nothing, new Date('2026-10-24T10:00Z'))
      const from = (environment: string) => lines.slice(lines.indexOf(`api ${environment}`) + 1)
      const those = (environment: string) => {
        const own = from(environment)
        const first = own.findIndex((line) => line.startsWith('  freezes'))
        return own.slice(first, own.indexOf('', first)).map((line) => line.slice(14))
      }
      return { integration: those('integration'), production: those('production') }
    }

    it('says the next three of each environment, those that last now first, over a change to winter time', async () => {
      expect(await shown(freezes(weekend + yearEnd))).toEqual({
        integration: ['Mon 2026-12-21 00:00 to Mon 2027-01-04 00:00 Europe/Berlin: year-end'],
        production: [
          'Fri 2026-10-23 16:00 to Mon 2026-10-26 08:00 Europe/Berlin: weekend',
          'Fri 2026-10-30 16:00 to Mon 2026-11-02 08:00 Europe/Berlin: weekend',
          'Fri 2026-11-06 16:00 to Mon 2026-11-09 08:00 Europe/Berlin: weekend',
        ],
      })
    })

    it('says that none is to come, and that freezes leave no time at all', async () => {
      const past = '  - { name: move, from: 2026-10-01, to: 2026-10-02 }\n'
      expect((await shown(freezes(past))).production).toEqual(['none in the future'])
      const always =
        '  - { name: a, from: Mon 00:00, to: Thu 00:00 }\n  - { name: b, from: Thu 00:00, to: Mon 00:00 }\n'
      expect((await shown(freezes(always))).production.at(-1)).toMatch(/^these leave no time/)
    })
  })

  it.each([
    ['off', 'not looked at: whether commits are proven on integration'],
    ['required', 'commits must be proven on integration first'],
  ])('says what order: %s means', async (order, words) => {
    const text = FILE.replace('promotes: integration', `promotes: integration\n        order: ${order}`)
    const { lines } = await checkConfiguration(await file(text), nothing)
    expect(lines).toContain(`  order       ${words}`)
  })

  it('lists every problem with its line, and exits with 1; a missing file is wrong use', async () => {
    const broken = FILE.replace('channel: "#product"', 'chanel: "#product"').replace('qa: 1', 'qa: many')
    const { lines, exitCode } = await checkConfiguration(await file(broken), nothing)
    expect(exitCode).toBe(1)
    expect(lines).toEqual([
      expect.stringMatching(/^✗ releases\.yml:6: .*channel/),
      expect.stringMatching(/^✗ releases\.yml:9: .*chanel/),
      expect.stringMatching(/^✗ releases\.yml:18: .*qa/),
    ])
    expect(await checkConfiguration(join(directory, 'none.yml'), nothing)).toEqual({
      lines: [`✗ releases.yml: there is no file ${join(directory, 'none.yml')}; set RELEASES_FILE to its path`],
      exitCode: 2,
    })
  })

  it.each<[string, (text: string) => string, readonly string[]]>([
    ['the same entries, written in another order and with a comment', (text) => `# ours\n${text}`, []],
    ['an entry with another rule', (text) => text.replace('approvals: 2', 'approvals: 1'), ['#12 awaiting sign-off']],
    [
      'a file without an environment',
      (text) =>
        text.replace(/ {6}integration:[\s\S]*? {6}production:/, '      production:').replace(/ +promotes.*\n/, ''),
      ['#11 running', '#12 awaiting sign-off'],
    ],
  ])('names the releases under way that would stop: %s', async (_, change, stopped) => {
    const underWay = [
      madeWith('production', { number: 12, state: 'awaiting sign-off' }),
      madeWith('integration', { number: 11, state: 'running' }),
    ]
    const { lines, exitCode } = await checkConfiguration(await file(change(FILE)), async () => underWay)
    expect(exitCode).toBe(0)
    expect(lines.filter((line) => line.startsWith('  #')).map((line) => line.split(':')[0]?.trim())).toEqual(stopped)
    if (stopped.length === 0)
      expect(lines.at(-1)).toBe('✓ This file changes nothing for the 2 releases that are under way.')
  })

  it('compares with the store at STORE_URL, reading only; without one it says so and needs no secret', async () => {
    const postgres = await startTestPostgres()
    const database = await createStoreDatabase(postgres)
    onTestFinished(() => database.drop())
    const opened = await openStore({ pool: { connectionString: database.url }, role: 'bot' })
    const { configuration } = madeWith('production', {})
    await opened.store.transaction((tx) =>
      tx.createRelease({
        app: 'api',
        environment: 'production',
        kind: 'deploy',
        requester: { id: 'U1', name: 'Ada' },
        configuration,
        requestKey: 'one',
      }),
    )
    await opened.close()
    const location = { storeUrl: database.url, dataDir: directory }
    const check = (text: string) =>
      file(text).then((path) => checkConfiguration(path, () => releasesUnderWay(location)))
    expect((await check(FILE)).lines.at(-1)).toBe('✓ This file changes nothing for #1, which is under way.')
    const { lines } = await check(FILE.replace('branch: production', 'branch: live'))
    expect(lines.at(-1)).toBe(
      '  #1 planning: api production has another entry in this file; its plan and sign-offs would be void (configuration_differs)',
    )
    const none = await checkConfiguration(await file(FILE), () =>
      releasesUnderWay({ dataDir: join(directory, 'none') }),
    )
    expect(none.exitCode).toBe(0)
    expect(none.lines.at(-1)).toMatch(/^! Releases under way were not compared with this file: /)
  })

  it('is a command', async () => {
    await file(FILE)
    const main = new URL('../../bin/signoff.js', import.meta.url).pathname
    const env = { PATH: process.env.PATH ?? '', STORE_URL: 'postgresql://signoff:hunter2@127.0.0.1:1/none' }
    const out = await new Promise<string>((resolve) =>
      execFile(process.execPath, [main, 'config', 'check'], { cwd: directory, env }, (_, text) => resolve(text)),
    )
    expect(out).toMatch(/^✓ releases\.yml: no problems in 2 environments/)
    expect(out).toContain('! Releases under way were not compared with this file: The store does not answer')
    expect(out).not.toContain('hunter2')
  })
})
