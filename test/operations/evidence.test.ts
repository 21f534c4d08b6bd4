/** What an auditor gets of a deploy, a hot-fix and an emergency, by the commands that an auditor types. */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openStore } from '../../src/adapters/store/open.ts'
import type { Evidence } from '../../src/operations/audit/evidence.ts'
import { askForHotfix, inOrigin, REASON } from '../support/hotfix.ts'
import { STARTS_QUICKLY } from '../support/processes.ts'
import { NOTHING_TO_TALK_OVER, pressWithReason, sign, somethingNew, startProduction } from '../support/seen-release.ts'
import { PRODUCTION, startTeam, type Team } from '../support/team.ts'

/** Roles belong to the whole server, which tests share. */
const AUDITOR = `auditor_${process.pid}`

const MAIN = new URL('../../src/main.ts', import.meta.url).pathname

describe('the evidence of', () => {
  let team: Team
  beforeAll(async () => {
    team = await startTeam(NOTHING_TO_TALK_OVER)
  })
  afterAll(() => team?.close())

  /** As on the bot's host: the store's address and nothing else. */
  function audit(...args: readonly string[]) {
    return new Promise<{ code: number; out: string }>((resolve) => {
      const options = { env: { ...STARTS_QUICKLY, STORE_URL: team.databases.store.url } }
      const child = execFile(process.execPath, [MAIN, 'audit', ...args], options, (_error, out) =>
        resolve({ code: child.exitCode ?? -1, out }),
      )
    })
  }

  /** Both forms of the evidence, with what every release's has in common looked at. */
  async function exported(number: number): Promise<{ json: Evidence; markdown: string }> {
    const { out } = await audit('export', '--release', String(number))
    const json: Evidence = JSON.parse(out)
    const { out: markdown } = await audit('export', '--release', String(number), '--format', 'markdown')
    const { out: html } = await audit('export', '--release', String(number), '--format', 'html')
    const commit = await team.repository.head('production')
    expect(json.release).toMatchObject({ number, environment: 'production', state: 'succeeded' })
    expect(json.request.by).toEqual({ id: team.people.dana, name: 'dana' })
    expect(json.fingerprint).toMatch(/^[0-9a-f]{64}$/)
    expect(json.signOffs.every(({ fingerprint }) => fingerprint === json.fingerprint)).toBe(true)
    for (const moment of ['requestedAt', 'plannedAt', 'cardPostedAt', 'approvedAt', 'startedAt', 'endedAt']) {
      expect(json.times[moment]).toMatch(/^\d{4}-.*Z$/)
    }
    expect(json.push).toMatchObject({ branch: 'master', commit, state: 'done', at: expect.any(String) })
    expect(json.proof).toMatchObject({
      commit,
      platformRelease: expect.stringMatching(/^v\d+$/),
      at: expect.any(String),
    })
    expect(json.messages.map(({ kind }) => kind)).toEqual(expect.arrayContaining(['card', 'announcement', 'outcome']))
    const posted = team.slack.log.flatMap(({ method, ts }) => (method === 'chat.postMessage' ? [ts] : []))
    for (const { ts, link } of json.messages) {
      expect(link).toContain(`/p${ts.replace('.', '')}`)
      expect(posted).toContain(ts)
    }
    expect(json.chain.found).toMatchObject({ ok: true })
    for (const { body, hash, previousHash, event } of json.chain.events) {
      expect(
        createHash('sha256')
          .update(previousHash + body)
          .digest('hex'),
      ).toBe(hash)
      expect(event).toEqual(JSON.parse(body))
    }
    const card = json.messages.find(({ kind }) => kind === 'card')
    const outcome = json.messages.find(({ kind }) => kind === 'outcome')
    expect(outcome?.link).toContain(`?thread_ts=${card?.ts}&cid=`)
    for (const shown of [commit, json.fingerprint, card?.link, outcome?.link, json.proof?.platformRelease]) {
      expect(markdown).toContain(shown)
    }
    for (const shown of [commit, json.fingerprint, card?.link.replace('&', '&amp;'), ...json.separation.sentences]) {
      expect(html).toContain(shown?.replaceAll('"', '&quot;'))
    }
    expect(json.disagreements).toEqual([])
    for (const secret of team.secrets) expect(out + markdown + html).not.toContain(secret)
    return { json, markdown }
  }

  it('a deploy: pull request, people with their rights, migrations from where to where', async () => {
    await startProduction(team, 1)
    await team.until.succeeded(1)
    const { json, markdown } = await exported(1)
    const { lin, tom } = team.people
    expect(json.separation).toMatchObject({
      verdict: 'separated',
      sentences: ['Requested by dana.', 'QA by lin, approved by tom: three people, none approved their own release.'],
    })
    expect(json.decisions.rules).toMatchObject({ qa: 1, approvals: 1, approvers: ['@release-approvers'] })
    expect(json.decisions.signOffs.at(-1)?.groups).toMatchObject([{ handle: '@release-approvers', count: 2 }])
    expect(json.signOffs.map(({ kind, person, right }) => [kind, person.id, right])).toEqual([
      ['qa', lin, 'every full member'],
      ['approval', tom, '@release-approvers'],
    ])
    const [pullRequest] = team.bitbucket.pullRequests()
    const merged = await team.repository.head('production')
    expect(json.pullRequest).toEqual({ id: pullRequest?.id, url: expect.stringContaining('/pull-requests/'), merged })
    expect(json.comment).toContain('comment')
    const head = await team.repository.headRevision('master')
    const migrations = { database: expect.stringContaining('127.0.0.1'), after: [head] }
    expect(json.migrations).toMatchObject({ ...migrations, pending: expect.arrayContaining([head]) })
    expect(markdown).toContain(`**Approval**: tom (${tom}), member of @release-approvers`)
    expect(markdown).toContain(`to \`${head}\``)
  })

  it('an emergency: who said that it must go out now, why, and what was given afterwards', async () => {
    await somethingNew(team, 'urgent')
    const { dana, lin } = team.people
    await team.command(dana, '/deploy production')
    await team.until.awaitingSignOff(2)
    await pressWithReason(team, dana, 'emergency', 'Search is down for every customer')
    await team.until.succeeded(2)
    await team.click(lin, 'qa')
    await team.until.signed(2, 'qa', lin)
    const { json, markdown } = await exported(2)
    expect(json.signOffs.map(({ kind, person, right, note }) => [kind, person.id, right, note])).toEqual([
      ['emergency', dana, '@release-approvers', 'Search is down for every customer'],
      ['qa', lin, 'every full member', undefined],
    ])
    expect(markdown).toContain('Search is down for every customer')
  })

  it('a hot-fix: its reason, what was picked and as what', async () => {
    const fix = await somethingNew(team, 'fix')
    const { dana } = team.people
    await askForHotfix(team, dana, `/hotfix ${fix.slice(0, 8)} production`)
    await sign(team, 3)
    await team.until.succeeded(3)
    const { json, markdown } = await exported(3)
    expect(json.release.kind).toBe('hotfix')
    expect(json.request).toMatchObject({ reason: REASON, picks: [fix.slice(0, 8)] })
    expect(json.picked).toEqual({ from: [fix], commit: team.heroku.runs(PRODUCTION) })
    expect(await inOrigin(team, 'log', '-1', '--format=%B', json.picked?.commit ?? '')).toContain(fix)
    expect(json.comment).toContain('comment')
    expect(markdown).toContain(REASON.replace('.', ''))
  })

  it('a year later: card, announcement and outcome still have their links', async () => {
    const kinds = ['card', 'announcement', 'outcome']
    const before = (await exported(3)).json.messages
    expect(before.map(({ kind }) => kind)).toContain('line')
    const opened = await openStore({ pool: { connectionString: team.databases.store.url }, migrate: false })
    try {
      await team.query(`update outbox set settled_at = settled_at - interval '1 year' where release = 3`)
      await opened.forget()
    } finally {
      await opened.close()
    }
    const { json, markdown } = await exported(3)
    expect(json.messages.map(({ kind }) => kind)).not.toContain('line')
    const links = (messages: Evidence['messages']) => messages.map(({ kind, link }) => [kind, link])
    expect(links(json.messages)).toEqual(links(before.filter(({ kind }) => kinds.includes(kind))))
    for (const { kind, at, link } of json.messages)
      expect(markdown).toContain(`- ${kind}, ${at.slice(0, 19).replace('T', ' ')}: <${link}>`)
  })

  it('audit: the commands of docs/auditing.md do what it says, with the access that it asks for', async () => {
    const text = await readFile(new URL('../../docs/auditing.md', import.meta.url), 'utf8')
    const blocks = (language: string) =>
      [...text.matchAll(new RegExp(`^\`{3,}${language}\\n([\\s\\S]*?)^\`{3,}$`, 'gm'))].flatMap(
        ([, block]) => block ?? [],
      )
    const [grants = ''] = blocks('sql')
    await team.query(grants.replaceAll('auditor', AUDITOR))
    const directory = await mkdtemp(join(tmpdir(), 'signoff-auditing-'))
    try {
      const [head = ''] = /[0-9a-f]{12,}/.exec((await audit('verify')).out) ?? []
      const commands = blocks('sh').join('').replaceAll('release 12', 'release 3').replaceAll('4be109c277aa', head)
      const script = `set -euo pipefail\nnpx() { shift; "${process.execPath}" "${MAIN}" "$@"; }\n${commands}`
      const url = new URL(team.databases.store.url)
      url.username = AUDITOR
      url.password = 'choose one'
      const options = { cwd: directory, env: { PATH: process.env.PATH ?? '', STORE_URL: url.href } }
      const { stdout, stderr } = await promisify(execFile)('bash', ['--norc', '-c', script], options)
      const read = (name: string) => readFile(join(directory, name), 'utf8')
      expect(stderr.match(/No number is missing\./g)).toHaveLength(1)
      expect(await read('releases.csv')).toMatch(/^number,kind,app,environment,outcome,/)
      expect(JSON.parse(await read('production.json')).population.statement).toContain('No number is missing.')
      expect(await read('release-12.html')).toContain('<h1>Release #3: api to production</h1>')
      expect((await read('events.jsonl')).split('\n').length).toBeGreaterThan(40)
      const json: Evidence = JSON.parse(await read('release-12.json'))
      const hashes = stdout.match(/^[0-9a-f]{64}(?= {2}-$)/gm)
      expect(hashes).toEqual(json.chain.events.map(({ hash }) => hash))
      const columns = [...text.matchAll(/^\| ((?:`[a-z_]+`(?:, )?)+) +\|/gm)].flatMap(([, cell = '']) =>
        cell.match(/[a-z_]+/g),
      )
      for (const column of (await read('releases.csv')).split('\r\n', 1)[0]?.split(',') ?? []) {
        expect(columns).toContain(column)
      }
    } finally {
      await rm(directory, { recursive: true, force: true })
      await team.query(`drop owned by ${AUDITOR}; drop role ${AUDITOR}`)
    }
  })

  it('the head that each thread shows is what verify takes, the first as well as the last', async () => {
    const heads = await Promise.all(
      [1, 2, 3].map(async (number) => /`([0-9a-f]{12,})`/.exec(await team.until.line(number, 'outcome'))?.[1] ?? ''),
    )
    const { code, out } = await audit('verify', '--head', ...heads)
    for (const [at, head] of heads.entries()) {
      expect(out).toMatch(new RegExp(`✓ Head ${head} is the hash of event \\d+, of release #${at + 1}\\.`))
    }
    expect(code).toBe(0)
    expect((await audit('verify', '--head', 'f'.repeat(12))).code).toBe(1)
  })
})
