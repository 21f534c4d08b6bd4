/** O8 and O9: what an operator sees of a release without Slack: its lines in the log, its figures in the metrics. */
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { somethingNew } from '../support/seen-release.ts'
import { startTeam, type Team } from '../support/team.ts'

interface Line {
  readonly level: string
  readonly msg: string
  readonly release?: number
  readonly [field: string]: unknown
}

/** The filter of docs/operations/logs-and-metrics.md, `select(.release == 1)`. */
const wayOf = (team: Team, release: number) =>
  team.logs
    .flatMap((text) => text.split('\n'))
    .filter((text) => text.startsWith('{'))
    .map((text) => JSON.parse(text) as Line)
    .filter((line) => line.release === release)

let team: Team
beforeAll(async () => {
  team = await startTeam({ roles: 'together' })
})
afterAll(() => team.close())

it('O5: the line of the start names version, role, workspace, bot and mode', () => {
  const [started] = team.logs.map((text) => JSON.parse(text) as Line).filter(({ msg }) => msg === 'started')
  expect(started).toMatchObject({
    version: expect.stringMatching(/^\d+\.\d+\.\d+/),
    role: expect.stringMatching(/^(all|bot)$/),
    workspace: 'Sandbox',
    workspaceId: team.slack.teamId,
    bot: 'signoff',
    mode: 'socket',
  })
})

describe('O8: one filter of the log', () => {
  beforeAll(async () => {
    await team.releaseProduction(1)
    await team.waitFor('the end of the release in the log', () =>
      wayOf(team, 1).some(({ event }) => event === 'release_ended'),
    )
  })

  it('shows the whole way of one release, each event once, in the order of the record', async () => {
    const recorded = await team.query<{ type: string }>('select type from event where release = 1 order by id')
    const logged = wayOf(team, 1).flatMap(({ event }) => (event === undefined ? [] : [event]))
    expect(logged.toSorted()).toEqual(recorded.map(({ type }) => type).toSorted())
    expect(logged[0]).toBe('release_requested')
  })

  it('has on each line the release, its app and its environment, and on the line of a step the step', () => {
    const lines = wayOf(team, 1)
    expect(lines.length).toBeGreaterThan(20)
    for (const line of lines) expect(line).toMatchObject({ app: 'api', environment: 'production' })
    const steps = lines.filter(({ event }) => String(event).startsWith('step_'))
    expect(steps.map(({ step }) => step)).not.toContain(undefined)
    expect(steps.find(({ event, step }) => event === 'step_done' && step === 'push')).toMatchObject({
      level: 'info',
      msg: 'step done',
      state: 'running',
      ms: expect.any(Number),
    })
    expect(lines.find(({ event }) => event === 'release_ended')).toMatchObject({
      msg: 'release ended',
      state: 'succeeded',
      ms: expect.any(Number),
    })
  })
})

/** The commands of docs/operations/logs-and-metrics.md and what it shows of the first. */
function documented(): { filters: readonly string[]; shown: readonly string[] } {
  const text = readFileSync(new URL('../../docs/operations/logs-and-metrics.md', import.meta.url), 'utf8')
  const filters = [...text.matchAll(/jq [^']*'([^']+)'/g)].map(([, filter = '']) => filter)
  const [, shown = ''] = /@tsv'\n```\n\n```\n([^`]+)```/.exec(text) ?? []
  return { filters, shown: shown.trim().split('\n') }
}

/** Without what differs each time: the time of day and how long it took. */
const columns = (line: string) => line.split(/\t|\s{2,}/).slice(1, -1)

const hasJq = (process.env.PATH ?? '').split(':').some((folder) => existsSync(join(folder, 'jq')))
if (!hasJq) console.log('jq is not on this machine: the filters in docs/operations/logs-and-metrics.md are not run')

describe('O8: docs/operations/logs-and-metrics.md', () => {
  const jq = (filter: string) => {
    const args = ['--raw-input', '--raw-output', filter]
    return execFileSync('jq', args, { input: team.logs.join(''), encoding: 'utf8' })
      .trim()
      .split('\n')
  }

  it('shows the lines that a release has', () => {
    const lines = wayOf(team, 1).filter(({ event }) => event !== undefined)
    const real = lines.map(({ level, msg, step = '-', state }) => [level, msg, step, state])
    expect(documented().shown.map(columns).toSorted()).toEqual(real.toSorted())
  })

  it.skipIf(!hasJq)('has filters that work', () => {
    const { filters, shown } = documented()
    expect(filters.length).toBeGreaterThanOrEqual(4)
    const [way = '', ...others] = filters
    const real = jq(way.replace('== 12', '== 1')).map(columns)
    expect(real.toSorted()).toEqual(shown.map(columns).toSorted())
    for (const filter of others) expect(() => jq(filter)).not.toThrow()
  })
})

describe('O9: a release that needs attention', () => {
  const metric = async (line: RegExp) => {
    const [{ port } = { port: 0 }] = team.running
    const body = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
    return body.split('\n').filter((each) => line.test(each))
  }

  it('is measured while it does, is warned of in the log, and its run does not count as done', async () => {
    const { heroku, people } = team
    await somethingNew(team, 'attention')
    heroku.failNextBuild()
    await team.command(people.dana, '/deploy integration')
    await team.until.needsAttention(2)
    expect(await metric(/^signoff_releases\{/)).toEqual([
      'signoff_releases{app="api",environment="integration",state="needs attention"} 1',
    ])
    expect(await metric(/^signoff_release_oldest_seconds\{state="needs attention"\} [\d.e-]+$/)).toHaveLength(1)
    await team.waitFor(
      'the job in the metrics',
      async () => (await metric(/^signoff_jobs_total.*needs attention/)).length > 0,
    )
    expect(await metric(/^signoff_jobs_total\{kind="run"/)).toEqual([
      'signoff_jobs_total{kind="run",outcome="done"} 1',
      'signoff_jobs_total{kind="run",outcome="needs attention"} 1',
    ])
    expect(wayOf(team, 2).find(({ event }) => event === 'attention_needed')).toMatchObject({
      level: 'warn',
      step: 'push',
      gate: 'build_failed',
    })
  })

  it('stands beside what else an operator asks of one process', async () => {
    expect(await metric(/^signoff_ready/)).toEqual(
      ['store', 'slack', 'queue', 'disk', 'channels'].map((part) => `signoff_ready{part="${part}"} 1`),
    )
    expect(await metric(/^signoff_worker_seen_seconds \d/)).toHaveLength(1)
    expect(await metric(/^signoff_step_duration_seconds_count\{step="push",state="(done|failed)"\} 1$/)).toHaveLength(2)
    expect(await metric(/^signoff_delivery_acknowledge_duration_seconds_count\{kind="press"\} \d/)).toHaveLength(1)
    expect(
      await metric(/^signoff_delivery_handle_duration_seconds_count\{kind="command",outcome="handled"\} 2$/),
    ).toHaveLength(1)
    expect(await metric(/^signoff_slack_calls_total\{method="chat.postMessage",outcome="ok"\}/)).toHaveLength(1)
  })
})
