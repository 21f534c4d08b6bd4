/** O8 and O9: what an operator sees of a release without Slack: its lines in the log, its figures in the metrics. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
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

describe('O8: one filter of the log', () => {
  let team: Team
  beforeAll(async () => {
    team = await startTeam()
    await team.releaseProduction(1)
    await team.waitFor('the end of the release in the log', () =>
      wayOf(team, 1).some(({ event }) => event === 'release_ended'),
    )
  })
  afterAll(() => team.close())

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
