/** Webhooks as a receiver sees them: the example of docs/webhooks.md, run as it stands, beside a team that releases. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { runDoctorCommand } from '../../src/cli/doctor.ts'
import { exampleBodies, KEPT_BACK } from '../release/webhook-examples.ts'
import { startTeam, type Team } from '../support/team.ts'
import { eventually } from '../support/waiting.ts'
import { type Received, type Receiver, secretOf, startReceiver } from '../support/webhook-receiver.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const [OWN, NEW, OLD] = [secretOf('1'), secretOf('2'), secretOf('3')]

let all: Receiver
let rotated: Receiver
let documented: { readonly child: ChildProcess; readonly url: string; said(): string }
let team: Team

/** The receiver of the document, run as it stands. */
async function startDocumented(secret: string) {
  const document = await readFile(`${ROOT}docs/webhooks.md`, 'utf8')
  const [, code = ''] = /```js\n([\s\S]*?)```/.exec(document) ?? []
  expect(code.split('\n').length).toBeLessThan(20)
  const port = await freePort()
  const env = { PATH: process.env.PATH, RELEASE_HOOK_SECRET: secret, PORT: String(port) }
  const child = spawn(process.execPath, ['--input-type=module', '--eval', code], { cwd: ROOT, env })
  let said = ''
  child.stdout.on('data', (part) => {
    said += part
  })
  child.stderr.on('data', (part) => {
    said += part
  })
  const url = `http://127.0.0.1:${port}/`
  const status = () =>
    fetch(url, { method: 'POST' }).then(
      (answer) => answer.status,
      () => said,
    )
  await eventually(async () => expect(await status()).toBe(401), { moves: () => Date.now() })
  return { child, url, said: () => said }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

beforeAll(async () => {
  all = await startReceiver([OWN])
  rotated = await startReceiver([NEW, OLD], '/signoff?token=marker-of-a-token')
  documented = await startDocumented(OLD)
  team = await startTeam({
    webhooks: [
      { url: all.url, secrets: [OWN] },
      { url: rotated.url, secrets: [NEW, OLD], events: ['release.succeeded', 'release.cancelled', 'lock.set'] },
      { url: documented.url, secrets: [NEW, OLD], events: ['release.approved', 'release.succeeded', 'lock.ended'] },
    ],
    pace: { webhooks: { retryAfterMs: [50], timeoutMs: 3_000 } },
  })
})
afterAll(async () => {
  documented?.child.kill()
  await team?.close()
  await Promise.all([all?.close(), rotated?.close()])
})

const typesOf = (received: readonly Received[], number: number) => [
  ...new Map(
    received.filter(({ body }) => body.data.release?.number === number).map(({ id, body }) => [id, body.type]),
  ).values(),
]
const last = ({ received }: Receiver, type: string) => received.findLast(({ body }) => body.type === type)

/** The keys of a value with those of everything in it; a list's by its first entry, and null fits everything. */
function fits(sent: unknown, shown: unknown, at = 'body'): readonly string[] {
  if (sent === null || shown === null) return []
  if (Array.isArray(sent) && Array.isArray(shown)) {
    const [one] = shown
    return one === undefined ? [] : sent.flatMap((each, index) => fits(each, one, `${at}[${index}]`))
  }
  if (typeof sent !== typeof shown) return [`${at} is ${typeof sent}`]
  if (typeof sent !== 'object' || typeof shown !== 'object') return []
  const [ours, theirs] = [Object.keys(sent), Object.keys(shown)]
  if (ours.join() !== theirs.join()) return [`${at} has ${ours}, not ${theirs}`]
  return ours.flatMap((key) =>
    fits((sent as Record<string, unknown>)[key], (shown as Record<string, unknown>)[key], `${at}.${key}`),
  )
}

describe('a receiver', () => {
  it('is told of a release from its request to its end, in order, each verified by its secret', async () => {
    const { people } = team
    await team.releaseProduction(1)
    await team.waitFor('the end of #1', () => last(all, 'release.succeeded'))
    expect(typesOf(all.received, 1)).toEqual([
      'release.requested',
      'release.planned',
      'release.signed',
      'release.signed',
      'release.approved',
      'release.started',
      'release.succeeded',
    ])
    expect(all.received.every(({ verifiedBy }) => verifiedBy.length === 1)).toBe(true)
    expect(last(all, 'release.succeeded')?.body.data).toMatchObject({
      by: null,
      release: {
        number: 1,
        state: 'succeeded',
        requester: { id: people.dana, name: 'dana' },
        sign_offs: [
          { kind: 'qa', person: { id: people.lin, name: 'lin' } },
          { kind: 'approval', person: { id: people.tom, name: 'tom' } },
        ],
        problem: null,
        plan: { source: { branch: 'master' }, target: { branch: 'production' } },
      },
    })
    const signed = all.received.filter(({ body }) => body.type === 'release.signed')
    expect(signed.map(({ body }) => body.data.by)).toEqual([
      { id: people.lin, name: 'lin' },
      { id: people.tom, name: 'tom' },
    ])
  })

  it('gets what the document shows: the same keys, and nothing that is kept back', async () => {
    const examples = new Map(exampleBodies().map(({ type, body }) => [type as string, body]))
    expect(all.received.length).toBeGreaterThan(5)
    for (const { body, raw } of all.received) {
      expect(fits(body, examples.get(body.type)), body.type).toEqual([])
      for (const kept of [...KEPT_BACK, ...team.secrets, 'alembic', 'CREATE ', 'ALTER '])
        expect(raw).not.toContain(kept)
      expect(raw).not.toMatch(/[\w.]+@[\w.]+\.\w+/)
    }
  })

  it('has the id of an event of the record, and the same for every URL', async () => {
    const hashes = await team.query<{ hash: string }>(`select hash from event where type = 'release_ended'`)
    const one = await team.waitFor('the other URL', () => last(rotated, 'release.succeeded'))
    expect(one.id).toBe(last(all, 'release.succeeded')?.id)
    expect(hashes.map(({ hash }) => `evt_${hash.slice(0, 32)}`)).toContain(one.id)
    expect(one.verifiedBy).toEqual([0, 1])
    expect(typesOf(rotated.received, 1)).toEqual(['release.succeeded'])
  })

  it('of a dozen lines, as the document has it, verifies what comes with the old secret of two', async () => {
    await team.waitFor('its lines', () => documented.said().includes('release.succeeded 1'))
    const lines = documented.said().trim().split('\n')
    expect(lines).toEqual([
      expect.stringMatching(/^evt_[0-9a-f]{32} release\.approved 1$/),
      expect.stringMatching(/^evt_[0-9a-f]{32} release\.succeeded 1$/),
    ])
  })

  it('is told of locks, which belong to no release', async () => {
    const { people } = team
    await team.command(people.tom, '/deploy lock production because checking a slow query')
    const set = await team.waitFor('the lock', () => last(rotated, 'lock.set'))
    expect(set.body.data).toMatchObject({
      by: { id: people.tom, name: 'tom' },
      lock: { app: 'api', environment: 'production', reason: 'checking a slow query', ended: null },
    })
    await team.command(people.tom, '/deploy unlock production')
    const ended = await team.waitFor('its end', () => last(all, 'lock.ended'))
    expect(ended.body.data.lock).toMatchObject({ id: set.body.data.lock?.id, ended: 'unlocked' })
    await team.waitFor('the line', () => documented.said().includes(`lock.ended ${set.body.data.lock?.id}`))
  })

  it('that is away holds up no release, no message and no other URL, and then gets everything, once the same', async () => {
    const { people } = team
    let isAway = true
    all.answer = () => (isAway ? 503 : 204)
    onTestFinished(() => {
      all.answer = () => 204
    })
    await team.repository.commit({ message: 'One more', files: { 'more.txt': 'more' } })
    await team.command(people.dana, '/deploy integration')
    await team.until.succeeded(2)
    await team.waitFor('the other URL', () => typesOf(rotated.received, 2).includes('release.succeeded'))
    expect(new Set(all.received.filter(({ body }) => body.data.release?.number === 2).map(({ id }) => id)).size).toBe(1)
    const { healthPort } = team.running[0] ?? {}
    const ready = (await (await fetch(`http://127.0.0.1:${healthPort}/readyz`)).json()) as Record<string, object>
    expect(ready).toMatchObject({ ready: true, parts: { webhooks: false } })
    expect(JSON.stringify(ready.missing)).toMatch(/webhooks\[1\] \(127\.0\.0\.1:\d+\): it answered 503/)
    const read = await runDoctorCommand(team.configuration('bot'), process.env.PATH ?? '')
    expect(read.lines.filter((line) => line.includes('webhooks[1]'))).toEqual([
      expect.stringMatching(
        /^! webhook webhooks\[1\] \S+: answers; \d requests wait, the oldest for \d+ (s|min), and the last try failed: it answered 503 → /,
      ),
    ])
    isAway = false
    await team.waitFor('everything', () => typesOf(all.received, 2).includes('release.succeeded'))
    expect(typesOf(all.received, 2)).toEqual([
      'release.requested',
      'release.planned',
      'release.started',
      'release.succeeded',
    ])
    const metrics = await (await fetch(`http://127.0.0.1:${healthPort}/metrics`)).text()
    expect(metrics).toMatch(
      /signoff_webhook_tries_total\{webhook="webhooks\[1\] \(127\.0\.0\.1:\d+\)",outcome="failed"\} [1-9]/,
    )
    expect(metrics).toMatch(/signoff_webhooks_waiting\{webhook="webhooks\[2\] \(127\.0\.0\.1:\d+\)"\} 0/)
  })

  it('gets what happened while no bot ran, from the next one', async () => {
    const { people } = team
    rotated.answer = () => 503
    await team.command(people.dana, '/deploy production')
    await team.until.awaitingSignOff(3)
    await team.click(people.dana, 'cancel', 3)
    await team.until.state(3, 'cancelled')
    await team.waitFor('a try', () => last(rotated, 'release.cancelled'))
    await Promise.all(team.running.splice(0).map((each) => each.stop()))
    rotated.answer = () => 204
    const before = rotated.received.length
    await team.start('bot')
    await team.waitFor('it again', () => rotated.received.length > before)
    const [again] = rotated.received.slice(before)
    expect(again).toMatchObject({ id: last(rotated, 'release.cancelled')?.id, body: { type: 'release.cancelled' } })
  })

  it('is named by place and host alone: neither path nor token nor secret is in the logs or in the store', async () => {
    const logs = team.logs.join('')
    expect(logs).toContain('a webhook could not be delivered; it is tried again')
    const stored = JSON.stringify([
      await team.query('select * from outbox'),
      await team.query('select * from webhook_endpoint'),
      await team.query('select * from event'),
    ])
    for (const text of [logs, stored, team.transcript()]) {
      expect(text).not.toContain('marker-of-a-token')
      for (const secret of [OWN, NEW, OLD]) expect(text).not.toContain(secret.slice(6, 30))
    }
  })
})
