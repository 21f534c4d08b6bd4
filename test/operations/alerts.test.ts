/** O9: the names of the metrics, the rules in docs/operations/alerts.yml, and that each leads an operator somewhere. */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { createMetrics } from '../../src/operations/metrics.ts'

const ROOT = new URL('../../', import.meta.url)
const read = (path: string) => readFile(new URL(path, ROOT), 'utf8')
const RULES = 'docs/operations/alerts.yml'

/** Of one metric, as Prometheus reads it. */
interface Exposed {
  readonly name: string
  readonly type: string
  readonly help: string
  readonly labels: readonly string[]
}

/** Whatever a process can expose, with every label in use. */
async function exposition(): Promise<string> {
  let isDown = true
  const metrics = createMetrics({
    outbox: async () => ({ waiting: 1, oldestAgeMs: 1 }),
    inboxUnhandled: () => (isDown ? Promise.reject(new Error('down')) : Promise.resolve(1)),
    releases: async () => [{ app: 'api', environment: 'production', state: 'running', forMs: 1 }],
    overdueStarts: async () => [{ app: 'api', environment: 'production', state: 'scheduled', forMs: 1 }],
    workerSeenMs: async () => 1,
    workersAlive: async () => new Map([['production-net', 1]]),
    heads: async () => [{ app: 'api', environment: 'integration', state: 'due', forMs: 1 }],
    webhooks: async () => [{ webhook: 'webhooks[1] (hooks.example.com)', waiting: 1, oldestAgeMs: 1 }],
    ready: async () => ({ store: true }),
  })
  const at = new Date()
  const end = { app: 'api', environment: 'production', state: 'failed' } as const
  metrics.eventCommitted({ event: { type: 'release_ended', actor: 'worker', data: end }, at })
  metrics.eventCommitted({
    event: { type: 'step_done', actor: 'worker', data: { step: 'push', attempt: 1, ms: 1 } },
    at,
  })
  metrics.eventCommitted({
    event: { type: 'lock_ended', actor: 'bot', data: { lock: 1, how: 'expired' } },
    at,
  })
  metrics.headsLooked('ok')
  metrics.directMessageEnded('reminders', 'sent')
  metrics.webhookTried('webhooks[1] (hooks.example.com)', 'delivered')
  metrics.slackCall('chat.update', 'ok')
  metrics.jobEnded('run', 'done')
  metrics.deliveryAcknowledged('press', 1)
  metrics.deliveryHandled('press', 'handled', 1)
  await metrics.read()
  isDown = false
  return (await metrics.read()).body
}

function exposed(body: string): readonly Exposed[] {
  return [...body.matchAll(/^# HELP (\S+) (.*)\n# TYPE \S+ (\S+)((?:\n(?!#).+)*)/gm)].map(
    ([, name = '', help = '', type = '', samples = '']) => ({
      name,
      help,
      type,
      labels: [...new Set([...samples.matchAll(/[{,](\w+)="/g)].map(([, label = '']) => label))],
    }),
  )
}

/** The naming rules of `promtool check metrics` and of Prometheus's own guide, as far as they can be read from a name. */
function problems({ name, type, help, labels }: Exposed): readonly string[] {
  const own = labels.filter((label) => !(type === 'histogram' && label === 'le'))
  const checks: readonly (readonly [boolean, string])[] = [
    [/^signoff(_[a-z][a-z0-9]*)+$/.test(name), 'is not snake case after signoff_'],
    [help.trim().length > 10, 'has no help'],
    [(type === 'counter') === name.endsWith('_total'), '_total belongs to counters, and to each'],
    [!/_(gauge|counter|histogram|summary|info_total)(_|$)/.test(name), 'has its type in its name'],
    [!/_(ms|millis|milliseconds|minutes|hours|days|kb|mb|kilobytes|percent)(_|$)/.test(name), 'has no base unit'],
    [!/_(count|sum|bucket)$/.test(name), 'ends like a part of a histogram'],
    [type !== 'histogram' || name.endsWith('_seconds'), 'a duration ends in _seconds'],
    [!/_(duration|age|oldest|seen)(_|$)/.test(name) || /_seconds(_total)?$/.test(name), 'a time ends in _seconds'],
    [own.every((label) => CLOSED_LABELS.includes(label)), `has labels of unbounded values: ${own}`],
  ]
  return checks.filter(([isGood]) => !isGood).map(([, problem]) => `${name}: ${problem}`)
}

/** Names from releases.yml, and closed lists of the code. Never people, commits, numbers or texts. */
const CLOSED_LABELS = [
  'app',
  'environment',
  'state',
  'step',
  'kind',
  'outcome',
  'method',
  'source',
  'part',
  'what',
  'webhook',
  'group',
]

function promtool(args: readonly string[], input?: string): Promise<{ code: number; said: string }> {
  return new Promise((resolve) => {
    const child = execFile('promtool', [...args], (_error, out, err) =>
      resolve({ code: child.exitCode ?? -1, said: `${out}${err}` }),
    )
    child.stdin?.end(input)
  })
}

const hasPromtool = (process.env.PATH ?? '').split(':').some((folder) => existsSync(join(folder, 'promtool')))
if (!hasPromtool)
  console.log('promtool is not on this machine (Debian: prometheus): its checks of the alerts are skipped')

let ours: readonly Exposed[]
let rules: readonly { alert: string; expr: string; labels: object; annotations: { runbook: string; summary: string } }[]
beforeAll(async () => {
  ours = exposed(await exposition()).filter(({ name }) => name.startsWith('signoff_'))
  rules = parse(await read(RULES)).groups.flatMap((group: { rules: unknown[] }) => group.rules)
})

describe('O9: the metrics', () => {
  it('have names that follow Prometheus’s rules, help, and labels of few values', () => {
    expect(ours.length).toBeGreaterThanOrEqual(14)
    expect(ours.flatMap(problems)).toEqual([])
  })

  it.each<[problem: string, planted: Partial<Exposed>]>([
    ['snake case', { name: 'signoff_stepDuration_seconds' }],
    ['snake case', { name: 'releases' }],
    ['no help', { help: '' }],
    ['_total belongs', { type: 'counter' }],
    ['_total belongs', { name: 'signoff_calls_total' }],
    ['base unit', { name: 'signoff_oldest_ms' }],
    ['_seconds', { name: 'signoff_outbox_oldest' }],
    ['its type', { name: 'signoff_outbox_gauge' }],
    ['part of a histogram', { name: 'signoff_outbox_count' }],
    ['unbounded', { labels: ['user'] }],
  ])('are checked: %s', (problem, planted) => {
    const good: Exposed = { name: 'signoff_outbox_waiting', type: 'gauge', help: 'Messages that wait', labels: ['app'] }
    expect(problems(good)).toEqual([])
    expect(problems({ ...good, ...planted }).join()).toContain(problem)
  })

  it('are all told in the document, with their labels', async () => {
    const told = [
      ...(await read('docs/operations/logs-and-metrics.md')).matchAll(/^\| `(signoff_\w+)` *\| ([\w, ]*?) *\|/gm),
    ]
    expect(told.map(([, name = '', labels = '']) => `${name}: ${labels}`).toSorted()).toEqual(
      ours.map(({ name, labels }) => `${name}: ${labels.filter((label) => label !== 'le').join(', ')}`).toSorted(),
    )
  })

  it.skipIf(!hasPromtool)('pass promtool check metrics', async () => {
    // Node's own have names that promtool does not like.
    const body = (await exposition()).split('\n').filter((line) => /^(# \w+ )?signoff_/.test(line))
    expect(await promtool(['check', 'metrics'], `${body.join('\n')}\n`)).toEqual({ code: 0, said: '' })
  })
})

describe('O9: the alert rules', () => {
  it('use only metrics that are exposed', () => {
    const parts = ['', '_bucket', '_sum', '_count']
    const known = ours.flatMap(({ name, type }) => (type === 'histogram' ? parts.map((part) => name + part) : [name]))
    const used = rules.flatMap(({ expr }) => expr.match(/\bsignoff_\w+/g) ?? [])
    expect(used.length).toBeGreaterThanOrEqual(rules.length)
    expect(used.filter((name) => !known.includes(name))).toEqual([])
  })

  it('each say what is wrong, how urgent it is, and which heading of the documents to read', async () => {
    for (const { alert, annotations, labels } of rules) {
      expect(annotations.summary, alert).toMatch(/\w/)
      expect(labels, alert).toEqual({ severity: expect.stringMatching(/^(page|ticket|info)$/) })
      const [path = '', anchor] = annotations.runbook.split('#')
      const headings = [...(await read(path)).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
        heading
          .toLowerCase()
          .replace(/[^\p{L}\p{N}\s-]/gu, '')
          .replaceAll(' ', '-'),
      )
      expect(headings, alert).toContain(anchor)
    }
  })

  describe.skipIf(!hasPromtool)('with promtool', () => {
    let directory: string
    beforeAll(async () => {
      directory = await mkdtemp(join(tmpdir(), 'signoff-alerts-'))
    })
    afterAll(() => rm(directory, { recursive: true, force: true }))

    async function testRules(text: string) {
      const [rulesAt, seriesAt] = ['rules.yml', 'series.yml'].map((name) => join(directory, name)) as [string, string]
      await writeFile(rulesAt, text)
      await writeFile(seriesAt, (await read('test/operations/alerts-series.yml')).replace('RULES', rulesAt))
      return promtool(['test', 'rules', seriesAt])
    }

    it('are valid, and come exactly when they should on made-up series', async () => {
      expect(await promtool(['check', 'rules', new URL(RULES, ROOT).pathname])).toMatchObject({ code: 0 })
      expect(await testRules(await read(RULES))).toMatchObject({ code: 0 })
    })

    it('each have a series that they come on: silenced, it is missed', async () => {
      const text = await read(RULES)
      const missed = await Promise.all(
        rules.map(async ({ alert }) =>
          (await read('test/operations/alerts-series.yml')).includes(`${alert}\n        exp_alerts:\n`),
        ),
      )
      expect(missed).not.toContain(false)
      expect(
        (await testRules(text.replace('signoff_worker_seen_seconds) > 60', 'signoff_worker_seen_seconds) > 6000')))
          .code,
      ).toBe(1)
      expect((await testRules(text.replace('for: 5m', 'for: 50m'))).code).toBe(1)
    })
  })
})
