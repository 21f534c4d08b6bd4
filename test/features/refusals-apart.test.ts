import { readFile, writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Running } from '../../src/cli/start.ts'
import { nextNumber, pressWithReason } from '../support/seen-release.ts'
import { type GateCode, PRODUCTION, startTeam, type Team } from '../support/team.ts'
import { askAndBeRefused, expectUnchanged, leavesNothing, worldState } from '../support/world-state.ts'

let team: Team
let bot: Running
let worker: Running | undefined
let releasesFile: string
const times = { plan: 60_000 }

beforeAll(async () => {
  team = await startTeam({ unstarted: true, pace: { times } })
  releasesFile = await readFile(team.env.RELEASES_FILE ?? '', 'utf8')
  bot = await team.start('bot')
})
afterAll(() => team?.close())

/** Dana asks for production, and is refused at once with these facts. */
const asks = (gate: GateCode, ...facts: readonly string[]) =>
  leavesNothing(team, async () => {
    await team.command(team.people.dana, '/deploy production')
    return team.told(team.people.dana, gate, ...facts)
  })

/** The worker's host gets this file and these settings, and its worker is restarted. */
async function restartWorker({ file = releasesFile, settings = {} }: { file?: string; settings?: object } = {}) {
  await worker?.stop()
  const before = { ...team.env }
  await writeFile(team.env.RELEASES_FILE ?? '', file)
  Object.assign(team.env, settings)
  worker = await team.start('worker')
  Object.assign(team.env, before)
  await writeFile(team.env.RELEASES_FILE ?? '', releasesFile)
}

describe('the channel', () => {
  it('is one that Signoff was removed from', async () => {
    team.slack.removeBot('product')
    await asks('channel_unreachable', '#product', '/invite @signoff')
    team.slack.inviteBot('product')
  })

  it('is archived', async () => {
    team.slack.archive('product')
    team.slack.addChannel({ name: 'elsewhere' })
    const { dana } = team.people
    const typed = { user: dana, channel: 'elsewhere', command: '/deploy', text: 'production' }
    await team.slack.command(typed)
    await team.told(dana, 'channel_unreachable', '#product', /archive/)
    team.slack.unarchive('product')
  })

  it('is gone', async () => {
    team.slack.fault({ kind: 'error', method: 'conversations.info', error: 'channel_not_found' })
    await asks('channel_unreachable', '#product')
  })
})

describe('without a worker', () => {
  it('says so at once and on the card, and previews nothing', async () => {
    const { dana, lin } = team.people
    await team.command(lin, '/deploy preview production')
    await team.told(lin, 'no_worker', 'signoff start --role worker')
    await team.command(dana, '/deploy production')
    await team.hears(dana, '#1', 'worker')
    await team.until.state(1, 'planning')
    expect(team.words(team.card(1))).toContain('worker')
  })

  it('ends the release after ten minutes, on the card and in the thread', async () => {
    const before = await worldState(team)
    await team.query(`update release set requested_at = requested_at - interval '11 minutes' where number = 1`)
    await bot.tick?.()
    expect(await team.until.state(1, 'refused')).toMatchObject({ gate: 'no_worker' })
    expect(team.words(team.card(1))).toMatch(/signoff doctor[\s\S]*`no_worker`/)
    await team.until.line(1, 'outcome')
    await expectUnchanged(team, before)
  })
})

describe('the worker’s host', () => {
  it('has another releases.yml: nothing is planned until both have the same', async () => {
    const other = JSON.parse(releasesFile)
    other.apps.api.environments.production.sign_off.approvals = 2
    await restartWorker({ file: JSON.stringify(other) })
    const { dana } = team.people
    const told = await leavesNothing(team, () =>
      askAndBeRefused(team, dana, '/deploy production', 'configuration_differs'),
    )
    expect(told).toMatch(/api production[\s\S]*releases.yml/)
    await restartWorker()
    await team.click(dana, 'plan again')
    await team.until.awaitingSignOff(3)
    await restartWorker({ file: JSON.stringify(other) })
    await worker?.look?.()
    const { because } = await team.until.outdated(3)
    expect(because).toMatchObject({
      gate: 'plan_outdated',
      moved: [{ what: expect.stringContaining('configuration') }],
    })
  })

  it('has a token that Bitbucket refuses', async () => {
    await restartWorker({ settings: { BITBUCKET_TOKEN: 'ATCTT3-rotated' } })
    const { dana } = team.people
    const told = await leavesNothing(team, () =>
      askAndBeRefused(team, dana, '/deploy production', 'credentials_refused'),
    )
    expect(told).toContain('BITBUCKET_TOKEN')
    expect(team.slack.transcript()).not.toContain('ATCTT3-rotated')
  })

  it('Bitbucket does not answer: planning ends and names what it was doing', async () => {
    team.bitbucket.fault({ route: 'read', kind: 'hang', times: 10 })
    const { dana } = team.people
    times.plan = 6_000
    await restartWorker()
    const told = await leavesNothing(team, () => askAndBeRefused(team, dana, '/deploy production', 'time_ran_out'))
    expect(told).toContain('Bitbucket')
    team.bitbucket.clearFaults()
  })

  it('leaves nothing behind when time runs out while the pull request is being opened', async () => {
    // Long enough for a busy machine to get there, and over when the answer comes.
    times.plan = 15_000
    await restartWorker()
    team.bitbucket.fault({ route: 'create', kind: 'delay_after', until: 16_500 })
    const { dana, lin } = team.people
    const [before, number] = [await worldState(team), await nextNumber(team)]
    await team.command(dana, '/deploy production')
    await team.until.awaitingSignOff(number)
    await pressWithReason(team, lin, 'rejection', 'Only tried')
    await team.until.state(number, 'rejected')
    await expectUnchanged(team, before)
  })

  it('has a key that Heroku’s git refuses for this app', async () => {
    team.heroku.forbid(PRODUCTION)
    const { dana } = team.people
    const told = await leavesNothing(team, () =>
      askAndBeRefused(team, dana, '/deploy production', 'credentials_refused'),
    )
    expect(told).toMatch(/complianceai-api-production[\s\S]*HEROKU_API_KEY/)
  })
})
