import { readFile, writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Running } from '../../src/cli/start.ts'
import { PRODUCTION, startTeam, type Team } from '../support/team.ts'
import { askAndBeRefused, expectUnchanged, leavesNothing, toldNext, worldState } from '../support/world-state.ts'

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

const asks = (words: string, gate: string) => async () => {
  const { dana } = team.people
  const told = await leavesNothing(team, () => toldNext(team, dana, () => team.command(dana, '/deploy production')))
  expect(told).toContain(words)
  expect(told).toContain(`Gate: \`${gate}\``)
  return told
}

/** The worker's host gets this file and these settings, and its worker is started anew. */
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
    const told = await asks('Signoff is not in #product', 'channel_unreachable')()
    expect(told).toContain('/invite @Signoff')
    team.slack.inviteBot('product')
  })

  it('is archived', async () => {
    team.slack.archive('product')
    team.slack.addChannel({ name: 'elsewhere' })
    const { dana } = team.people
    const typed = { user: dana, channel: 'elsewhere', command: '/deploy', text: 'production' }
    const told = await toldNext(team, dana, () => team.slack.command(typed))
    expect(told).toMatch(/#product is archived[\s\S]*Unarchive it[\s\S]*Gate: `channel_unreachable`/)
    team.slack.unarchive('product')
  })

  it('is gone', async () => {
    team.slack.fault({ kind: 'error', method: 'conversations.info', error: 'channel_not_found' })
    await asks('there is no public channel #product', 'channel_unreachable')()
  })
})

describe('without a worker', () => {
  it('says so at once and on the card, and previews nothing', async () => {
    const { dana, lin } = team.people
    const told = await toldNext(team, lin, () => team.command(lin, '/deploy preview production'))
    expect(told).toMatch(
      /no worker answers[\s\S]*None was ever seen[\s\S]*signoff start --role worker[\s\S]*`no_worker`/,
    )
    await team.command(dana, '/deploy production')
    await team.told(dana, /Release #1 [\s\S]*No worker answers[\s\S]*10 minutes[\s\S]*None was ever seen/)
    await team.until(/Release #1: [\s\S]*Planning[\s\S]*No worker answers, so this waits/)
  })

  it('ends the release after ten minutes, on the card and in the thread', async () => {
    const before = await worldState(team)
    await team.query(`update release set requested_at = requested_at - interval '11 minutes' where number = 1`)
    await bot.tick?.()
    await team.until(/Release #1 was refused: no worker answers/)
    await team.until(/Refused[\s\S]*no worker answers[\s\S]*signoff doctor[\s\S]*Gate: `no_worker`/)
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
    expect(told).toMatch(/bot and worker read different entries for api production[\s\S]*releases.yml/)
    await restartWorker()
    await team.click(dana, 'Plan again')
    await team.until(/Release #3: [\s\S]*Awaiting sign-off/)
    await restartWorker({ file: JSON.stringify(other) })
    await worker?.look?.()
    await team.until(/Outdated[\s\S]*the configuration moved[\s\S]*Gate: `plan_outdated`/)
  })

  it('has a token that Bitbucket refuses', async () => {
    await restartWorker({ settings: { BITBUCKET_TOKEN: 'ATCTT3-rotated' } })
    const { dana } = team.people
    const told = await leavesNothing(team, () =>
      askAndBeRefused(team, dana, '/deploy production', 'credentials_refused'),
    )
    expect(told).toContain('refuses the worker’s credentials')
    expect(told).toContain('BITBUCKET_TOKEN')
    expect(team.slack.transcript()).not.toContain('ATCTT3-rotated')
  })

  it('waits for Bitbucket in vain: planning ends and names what it was doing', async () => {
    team.bitbucket.fault({ route: 'read', kind: 'hang', times: 10 })
    const { dana } = team.people
    times.plan = 6_000
    await restartWorker()
    const told = await leavesNothing(team, () => askAndBeRefused(team, dana, '/deploy production', 'time_ran_out'))
    expect(told).toContain('asking Bitbucket')
    team.bitbucket.clearFaults()
  })

  it('leaves nothing behind when time runs out while the pull request is being opened', async () => {
    team.bitbucket.fault({ route: 'create', kind: 'delay_after', until: 7_500 })
    const { dana, lin } = team.people
    const before = await worldState(team)
    await team.command(dana, '/deploy production')
    await team.until(/Awaiting sign-off/)
    await team.click(lin, 'Reject')
    await team.submit(lin, { Reason: 'Only tried' })
    await team.until(/was rejected/)
    await expectUnchanged(team, before)
  })

  it('has a key that Heroku’s git refuses for this app', async () => {
    team.heroku.forbid(PRODUCTION)
    const { dana } = team.people
    const told = await leavesNothing(team, () =>
      askAndBeRefused(team, dana, '/deploy production', 'credentials_refused'),
    )
    expect(told).toMatch(/heroku-production refuses[\s\S]*HEROKU_API_KEY/)
  })
})
