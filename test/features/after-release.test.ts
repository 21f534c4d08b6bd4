/** W22: after a release. The outcome goes at the proof; how it runs follows once, and is never a failure of what was proven. */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { keyOf, lines } from '../support/channel.ts'
import { NOTHING_TO_TALK_OVER, nextNumber, seenRelease, somethingNew } from '../support/seen-release.ts'
import { INTEGRATION, startTeam, type Team } from '../support/team.ts'

let team: Team
let app: Server
/** What the app's health check answers. */
let status: number
let asked: number
/** Short enough for tests. */
const pace = { times: { afterwards: 1_500 } }

beforeAll(async () => {
  app = createServer((_request, response) => {
    asked += 1
    response.writeHead(status, status === 302 ? { location: '/login' } : {}).end('ok')
  })
  await new Promise<void>((resolve) => app.listen(0, '127.0.0.1', resolve))
  const health = `http://127.0.0.1:${(app.address() as AddressInfo).port}/health?token=hidden-word`
  team = await startTeam({
    ...NOTHING_TO_TALK_OVER,
    pace,
    production(entry) {
      NOTHING_TO_TALK_OVER.production(entry)
      Object.assign(entry.remote as object, { health })
    },
  })
})
afterAll(async () => {
  await team?.close()
  app.close()
})

async function deployIntegration(name: string, until?: Promise<unknown>): Promise<number> {
  const number = await nextNumber(team)
  await somethingNew(team, name)
  await team.command(team.people.dana, '/deploy integration')
  await (until ?? team.until.succeeded(number))
  return number
}
const afterwards = (number: number) =>
  lines(team.slack, number).filter((line) => keyOf(line) === `${number}:afterwards`)
const isDone = (number: number) =>
  team.waitFor(`the look after #${number}`, async () => {
    const rows = await team.query(
      `select 1 from pgboss.job where data->>'kind' = 'aftermath' and (data->>'release')::int = ${number} and state = 'completed'`,
    )
    return rows.length > 0
  })

describe('W22: after a release', () => {
  it('that runs well, nothing is said', async () => {
    const number = await deployIntegration('well')
    await isDone(number)
    expect(afterwards(number)).toEqual([])
  })

  it('maintenance mode and a crashed dyno are told once, in the channel too, and stand on the card', async () => {
    team.heroku.setMaintenance(INTEGRATION, true)
    team.heroku.setDynos(INTEGRATION, [
      { type: 'web', state: 'crashed' },
      { type: 'web', state: 'up' },
    ])
    const number = await deployIntegration('badly')
    const told = await team.until.line(number, 'afterwards')
    expect(told).toContain(
      `Release #${number} was deployed to api integration, but: in maintenance mode; web.1 crashed.`,
    )
    expect(told).toContain(`heroku logs --app ${INTEGRATION}`)
    expect(afterwards(number)).toHaveLength(1)
    expect(afterwards(number)[0]).toMatchObject({ isBroadcast: true })
    await team.eventually(() =>
      expect(team.words(team.card(number))).toMatch(/Succeeded.*in maintenance mode, web\.1 crashed/),
    )
    expect((await seenRelease(team, number)).state).toBe('succeeded')
    // After the outcome, never before.
    const keys = lines(team.slack, number).map(keyOf)
    expect(keys.indexOf(`${number}:afterwards`)).toBeGreaterThan(keys.indexOf(`${number}:outcome`))
  })

  it('an app without dynos is told', async () => {
    team.heroku.setMaintenance(INTEGRATION, false)
    team.heroku.setDynos(INTEGRATION, [])
    const number = await deployIntegration('nothing runs')
    expect(await team.until.line(number, 'afterwards')).toContain('no dynos run')
    team.heroku.setDynos(INTEGRATION, [{ type: 'web', state: 'up' }])
  })

  it('waits for a dyno that still starts', async () => {
    team.heroku.setDynos(INTEGRATION, [{ type: 'web', state: 'starting' }])
    const number = await deployIntegration('starting', team.heroku.arrived('dynos'))
    team.heroku.setDynos(INTEGRATION, [{ type: 'web', state: 'crashed' }])
    expect(await team.until.line(number, 'afterwards')).toContain('web.1 crashed')
    team.heroku.setDynos(INTEGRATION, [{ type: 'web', state: 'up' }])
  })

  it('is looked at by the next worker, if this one has stopped: told once', async () => {
    team.heroku.setDynos(INTEGRATION, [{ type: 'web', state: 'starting' }])
    const number = await deployIntegration('restarted', team.heroku.arrived('dynos'))
    await Promise.all(team.running.map((each) => each.stop()))
    team.heroku.setDynos(INTEGRATION, [{ type: 'web', state: 'crashed' }])
    await team.start('all')
    expect(await team.until.line(number, 'afterwards')).toContain('web.1 crashed')
    expect(afterwards(number)).toHaveLength(1)
    team.heroku.setDynos(INTEGRATION, [{ type: 'web', state: 'up' }])
  })

  it('Heroku that does not answer is called unknown, in the thread alone', async () => {
    const gate = Promise.withResolvers<void>()
    team.heroku.slowRelease(gate.promise)
    const number = await nextNumber(team)
    await somethingNew(team, 'away')
    await team.command(team.people.dana, '/deploy integration')
    await team.until.line(number, 'done:push')
    team.heroku.fault({ route: 'dynos', kind: 'http_500_before', times: 500 })
    gate.resolve()
    expect(await team.until.line(number, 'afterwards')).toContain('Heroku did not tell how it runs')
    expect(afterwards(number)[0]).not.toMatchObject({ isBroadcast: true })
    team.heroku.clearFaults()
  })
})

describe('W22: a health check', () => {
  it.each([200, 204])('that answers %i is said in the thread alone, without its query', async (good) => {
    const number = await nextNumber(team)
    asked = 0
    status = good
    await somethingNew(team, `healthy ${good}`)
    await team.releaseProduction(number)
    const told = await team.until.line(number, 'afterwards')
    expect(told).toMatch(new RegExp(`^Its health check at 127\\.0\\.0\\.1:\\d+/health answered ${good}\\.$`))
    expect(told).not.toContain('hidden-word')
    expect(afterwards(number)[0]).not.toMatchObject({ isBroadcast: true })
    expect(asked).toBe(1)
  })

  it.each([503, 302, 404])('that answers %i until the time is over is a warning on what succeeded', async (bad) => {
    const number = await nextNumber(team)
    status = bad
    await somethingNew(team, `ill ${bad}`)
    await team.releaseProduction(number)
    const told = await team.until.line(number, 'afterwards')
    expect(told).toContain(`its health check fails: it answered ${bad}`)
    expect(told).not.toContain('hidden-word')
    expect(afterwards(number)[0]).toMatchObject({ isBroadcast: true })
    expect((await seenRelease(team, number)).state).toBe('succeeded')
  })

  it('that answers after a while is well', async () => {
    const number = await nextNumber(team)
    status = 503
    asked = 0
    await somethingNew(team, 'slow')
    const released = team.releaseProduction(number)
    await team.waitFor('the first question', () => asked > 0)
    status = 200
    await released
    expect(await team.until.line(number, 'afterwards')).toContain('answered 200')
  })
})
