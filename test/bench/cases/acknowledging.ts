/** T7 and T8: requests of Slack over HTTP, acknowledged and handled, beside servers that do less. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { waitUntil } from '../../support/waiting.ts'
import type { Bench, Case } from '../case.ts'
import type { Load, LoadResult } from '../stage/http-load.ts'
import { memoryOf, type Program, startProgram } from '../stage/program.ts'
import { channelOf, requestUrl, type Stage, startStage } from '../stage/stage.ts'
import { startWorkplace } from '../stage/workplace.ts'
import { median } from '../statistics.ts'
import { startYardstick, type Yardstick } from '../yardsticks/yardstick.ts'

const LOAD = fileURLToPath(new URL('../stage/http-load.ts', import.meta.url))

/** Rounds as fast as it goes: what they leave to be handled takes longer than they do. */
const MOST_SATURATED = 3

export const ACKNOWLEDGING: Case = {
  lines: [
    {
      id: 'T7',
      what: 'Acknowledged over HTTP as fast as it goes, all stored and handled',
      yardstick: 'bare node:http with the same check',
      unit: '/s',
      goal: { of: 'ratio', atLeast: 0.3 },
    },
    {
      id: 'T8 p50',
      what: 'Until it is acknowledged, at 200 a second',
      yardstick: 'bare node:http with the same check',
      unit: 'ms',
      goal: { of: 'ratio', atMost: 1.7 },
    },
    {
      id: 'T8 p99',
      what: 'Until it is acknowledged, at 200 a second',
      yardstick: 'bare node:http with the same check',
      unit: 'ms',
      goal: { of: 'ratio', atMost: 2 },
    },
  ],

  async measure(bench) {
    const workplace = await startWorkplace({ ...bench, name: 'busy' })
    const stage = await startStage({ ...bench, workplaces: [workplace], mode: 'http' })
    const signoff = await stage.start('all')
    const generator = await startProgram([LOAD], { ready: 'ready', answers: true })
    const { signingSecret: secret } = stage.slack
    const bare = await startYardstick('bare-http.ts', [], secret)
    const others = await peers(bench, stage, secret)
    const measured = createRates()
    const seconds = bench.sized({ small: 0.3, usual: 2 })
    const load = (to: Program | string, bodies: string, how: Load['how'], from = 0) =>
      generator.ask<LoadResult>({
        url: typeof to === 'string' ? to : requestUrl(to),
        secret,
        bodies,
        from,
        how,
      } satisfies Load)

    for (const round of bench.rounds()) {
      const bodies = await commands(bench, stage, `${round}.json`)
      if (bench.wants('T7') && round < MOST_SATURATED) {
        const how = { connections: 16, seconds }
        const servers = [['bare', bare.url] as const, ...others.map(({ name, url }) => [name, url] as const)]
        servers.push(['ours', requestUrl(signoff)])
        for (const [name, url] of round % 2 === 0 ? servers : servers.toReversed()) {
          const { acknowledged, failed, seconds: took } = await load(url, bodies, how)
          if (failed > 0) bench.note('T7', `${name}: ${failed} of ${acknowledged + failed} not acknowledged`)
          measured.add(name, acknowledged / took)
          if (name !== 'ours') continue
          const handled = await allHandled(stage)
          measured.add('handled', acknowledged / (took + handled))
        }
        bench.add('T7', { ours: measured.last('ours'), yardstick: measured.last('bare') })
      }
      if (bench.wants('T8')) {
        const how = { rate: 200, seconds: bench.sized({ small: 0.5, usual: 4 }) }
        const fresh = await commands(bench, stage, `${round}-at-rate.json`, how.rate * how.seconds)
        const first = round % 2 === 0 ? await load(bare.url, fresh, how) : undefined
        const ours = await load(signoff, fresh, how)
        const yardstick = first ?? (await load(bare.url, fresh, how))
        await allHandled(stage)
        if (ours.failed > 0) bench.note('T8 p50', `${ours.failed} of ${ours.sent} not acknowledged`)
        bench.add('T8 p50', { ours: ours.p50, yardstick: yardstick.p50 })
        bench.add('T8 p99', { ours: ours.p99, yardstick: yardstick.p99 })
      }
    }
    if (bench.wants('T7')) {
      for (const name of ['handled', ...others.map(({ name }) => name)]) bench.note('T7', measured.besideBare(name))
      bench.note('T7', `${Math.round(await memoryOf(signoff.pid))} MB after it`)
      if (bench.hubot === undefined) bench.note('T7', 'Hubot skipped: no --hubot')
    }
    await Promise.all([generator, bare, ...others].map((each) => each.stop()))
    await stage.close()
    await workplace.close()
  },
}

/** What the same is measured with besides. */
async function peers(bench: Bench, stage: Stage, secret: string): Promise<readonly (Yardstick & { name: string })[]> {
  if (!bench.wants('T7')) return []
  const started = [
    { name: 'bare with one insert', ...(await startYardstick('bare-http.ts', [stage.store.url], secret)) },
    { name: 'stock Bolt', ...(await startYardstick('bolt.ts', [], secret)) },
  ]
  if (bench.hubot === undefined) return started
  return [...started, { name: 'Hubot', ...(await startYardstick('hubot.ts', [bench.hubot], secret)) }]
}

/** Commands as Slack sends them, each its own, in a file. */
async function commands(bench: Bench, stage: Stage, name: string, count?: number): Promise<string> {
  const file = join(bench.root, name)
  const typed = { user: stage.people.dana, channel: channelOf('busy'), command: '/deploy', text: 'help' }
  const many = count ?? bench.sized({ small: 1_000, usual: 10_000 })
  const bodies = Array.from({ length: many }, () => {
    const { payload } = stage.slack.captureCommand(typed)
    return new URLSearchParams(Object.entries(payload).map(([key, value]) => [key, String(value)])).toString()
  })
  await writeFile(file, JSON.stringify(bodies))
  return file
}

/** Gives how many seconds it took until nothing that is stored waits to be handled. */
export async function allHandled(stage: Stage): Promise<number> {
  const began = performance.now()
  const left = 'select count(*)::int as left from inbox where handled_at is null'
  await waitUntil(async () => (await stage.query<{ left: number }>(left))[0]?.left === 0, {
    what: 'everything to be handled',
    moves: () => stage.query(left),
    stillMs: 60_000,
    everyMs: 20,
  })
  return (performance.now() - began) / 1_000
}

/** The rates of the rounds, by server. */
function createRates() {
  const rates = new Map<string, number[]>()
  const all = (name: string) => rates.get(name) ?? []
  return {
    add: (name: string, rate: number) => void rates.set(name, [...all(name), rate]),
    last: (name: string) => all(name).at(-1) ?? Number.NaN,
    besideBare: (name: string) => `${name}: ${(median(all(name)) / median(all('bare'))).toFixed(3)} ×`,
  }
}
