import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { readReleases } from '../../src/config/releases-file.ts'

/** Files and the digests that commit ce4f498, the first edition, has given their environments. */
const FIRST_EDITION = new URL('./first-edition/', import.meta.url)
const file = (name: string) => readFileSync(new URL(name, FIRST_EDITION), 'utf8')
const EXAMPLE = file('01-design.yml')

function environments(text: string, directory = '/etc/signoff') {
  const read = readReleases(text, directory)
  if (read.releases === undefined) throw new Error(read.report([]).join('\n'))
  return read.releases.apps.flatMap((app) => app.environments)
}

const digests = (text: string, directory?: string) => environments(text, directory).map(({ digests }) => digests)
const form1 = (text: string) => digests(text).map((each) => each.form1)
const form2 = (text: string) => digests(text).map((each) => each.form2)

function changed(from: string | RegExp, to: string): string {
  const text = EXAMPLE.replace(from, to)
  if (text === EXAMPLE) throw new Error('The example does not hold what was to be changed')
  return text
}

describe('form 1 of a digest', () => {
  const pinned: Record<string, Record<string, string>> = JSON.parse(file('digests.json'))

  it('is pinned for all files of the first edition', () => {
    const files = readdirSync(FIRST_EDITION).filter((name) => name.endsWith('.yml'))
    expect(Object.keys(pinned)).toEqual(files.sort())
    expect(files).toHaveLength(10)
  })

  it.each(Object.entries(pinned))('of %s is what the first edition made it, byte for byte', (name, expected) => {
    const found = environments(file(name)).map((each) => [`${each.app}/${each.name}`, each.digests.form1])
    expect(Object.fromEntries(found)).toEqual(expected)
  })
})

describe('form 2 of a digest', () => {
  it('is written with its number, and differs from environment to environment', () => {
    const all = Object.keys(JSON.parse(file('digests.json'))).flatMap((name) => form2(file(name)))
    for (const digest of all) expect(digest).toMatch(/^2:[0-9a-f]{64}$/)
    expect(new Set(all).size).toBe(all.length)
  })

  it('leaves out the channel, which form 1 has', () => {
    const [integration, production] = digests(EXAMPLE)
    const [moved, ...others] = digests(changed('channel: "#product"', 'channel: "#releases"'))
    expect(moved?.form2).toBe(integration?.form2)
    expect(moved?.form1).not.toBe(integration?.form1)
    expect(others).toEqual([production])
  })
})

describe.each([
  ['form 1', form1],
  ['form 2', form2],
])("an environment's digest in %s", (_, read) => {
  it('is the same on hosts that keep the file in different places, however it is laid out', () => {
    expect(digests(EXAMPLE, '/home/bot')).toEqual(digests(EXAMPLE, '/srv/signoff'))
    expect(read(changed('slack:\n  progress: lines\n', '# ours\n'))).toEqual(read(EXAMPLE))
  })

  it('is the same whether a default is written or left out', () => {
    for (const line of [
      /.*git_url: .*\n/,
      / {10}branch: master\n/,
      / {10}platform: heroku\n/,
      / {10}app: .*\n/,
      /.*alembic: alembic\n/,
      /.*lock_timeout: 10s\n/,
      /.*statement_timeout: 0\n/,
      /.*announce: off\n/,
      /.*sign_off: none\n/,
      /.*pull_request: branch\n/,
      /.*require_checks: false\n/,
      /.*expires_after: 24h\n/,
    ]) {
      expect(read(changed(line, ''))).toEqual(read(EXAMPLE))
    }
  })

  it('changes with what is declared for that environment, and with that alone', () => {
    const [integration, production] = read(EXAMPLE)
    const [sameIntegration, otherProduction] = read(changed('approvals: 1', 'approvals: 2'))
    expect(sameIntegration).toBe(integration)
    expect(otherProduction).not.toBe(production)
    expect(read(changed('.env_production', '.env_other'))[1]).not.toBe(production)
    expect(read(changed('repository: jurispect/jurispect_api', 'repository: jurispect/other'))).not.toContain(
      integration,
    )
  })
})
