/** Promises 1 and 4: one card and one announcement, whatever becomes of the bot and of Slack's answers. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Json } from '../../src/sandbox/slack/workspace.ts'
import { announcements, cards, keyOf } from '../support/channel.ts'
import { type SignoffProcess, startProcess } from '../support/processes.ts'
import { herokuEffects, NOTHING_TO_TALK_OVER } from '../support/seen-release.ts'
import { PRODUCTION, QUICK, startTeam, type Team } from '../support/team.ts'

describe('Promises 1 and 4: a bot that dies while Slack has not answered', () => {
  let team: Team
  let bot: SignoffProcess
  let worker: SignoffProcess
  beforeAll(async () => {
    team = await startTeam({ ...NOTHING_TO_TALK_OVER, unstarted: true })
    ;[bot, worker] = await Promise.all([
      startProcess(team, 'bot', { pace: QUICK }),
      startProcess(team, 'worker', { pace: QUICK }),
    ])
  })
  afterAll(async () => {
    await Promise.all([bot?.kill(), worker?.kill()])
    await team?.close()
  })

  const isPost = (key: string) => (args: Json) => keyOf({ metadata: args.metadata as Json | undefined }) === key

  async function restartBot(): Promise<void> {
    await bot.kill()
    team.slack.clearFaults()
    bot = await startProcess(team, 'bot', { pace: QUICK })
  }

  it('posts one card and one announcement, and the run starts once', async () => {
    const { dana, lin, tom } = team.people
    team.slack.fault({ kind: 'hang_after', method: 'chat.postMessage', when: isPost('1:card') })
    await team.command(dana, '/deploy production')
    await team.waitFor('the card', () => team.card(1))
    await restartBot()
    await team.click(lin, 'qa')
    await team.until.signed(1, 'qa', lin)

    // Both at once: the bot while the announcement is not answered, and the worker.
    team.slack.fault({ kind: 'hang_after', method: 'chat.postMessage', when: isPost('1:announcement') })
    await team.click(tom, 'approval')
    await team.until.announced(1)
    expect(herokuEffects(team.heroku, PRODUCTION).pushes).toEqual([])
    const workerGone = worker.kill()
    await restartBot()
    await workerGone
    worker = await startProcess(team, 'worker', { pace: QUICK })
    await team.until.succeeded(1)
    const counted = [cards(team.slack, 1), announcements(team.slack, 1)].map((all) => all.length)
    expect(counted).toEqual([1, 1])
    expect(herokuEffects(team.heroku, PRODUCTION).pushes).toHaveLength(1)
    const [posted, told] = counted
    console.log(`bot killed in its card and its announcement: cards ${posted}, announcements ${told}, pushes 1`)
  })
})
