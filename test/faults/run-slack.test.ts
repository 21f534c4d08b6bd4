/** Promises 1 and 4: one card and one announcement, whatever becomes of the bot and of Slack's answers. */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { Json } from '../../src/sandbox/slack/workspace.ts'
import { type SignoffProcess, startProcess } from '../support/processes.ts'
import { cardShows, herokuEffects, NOTHING_TO_TALK_OVER, reaches } from '../support/seen-release.ts'
import { PRODUCTION, QUICK, startTeam, type Team } from '../support/team.ts'

describe('Promises 1 and 4: a bot that dies while Slack has not answered', { timeout: 120_000 }, () => {
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

  const posted = (what: RegExp) => team.slack.messages('product').filter((message) => what.test(team.words(message)))
  const isCard = (args: Json) => JSON.stringify(args.blocks ?? '').includes('"header"')
  const isAnnouncement = (args: Json) => String(args.text).includes('is changing api production now')

  async function restartBot(): Promise<void> {
    await bot.kill()
    team.slack.clearFaults()
    bot = await startProcess(team, 'bot', { pace: QUICK })
  }

  it('posts one card and one announcement, and the run starts once', { timeout: 120_000 }, async () => {
    const { dana, lin, tom } = team.people
    team.slack.fault({ kind: 'hang_after', method: 'chat.postMessage', when: isCard })
    await team.command(dana, '/deploy production')
    await vi.waitFor(() => expect(posted(/Release #1: api/)).toHaveLength(1), { timeout: 30_000 })
    await restartBot()
    await team.click(lin, 'QA passed')
    await cardShows(team, 1, /Given: QA by/)

    // Both at once: the bot while the announcement is not answered, and the worker.
    team.slack.fault({ kind: 'hang_after', method: 'chat.postMessage', when: isAnnouncement })
    await team.click(tom, 'Approve')
    await vi.waitFor(() => expect(posted(/is changing api production now/)).toHaveLength(1), { timeout: 30_000 })
    expect(herokuEffects(team.heroku, PRODUCTION).pushes).toEqual([])
    const workerGone = worker.kill()
    await restartBot()
    await workerGone
    worker = await startProcess(team, 'worker', { pace: QUICK })
    await reaches(team, 1, 'succeeded')
    await cardShows(team, 1, /Succeeded/)
    expect(posted(/^Release #1: api/)).toHaveLength(1)
    expect(posted(/is changing api production now/)).toHaveLength(1)
    expect(herokuEffects(team.heroku, PRODUCTION).pushes).toHaveLength(1)
    const [cards, announcements] = [/^Release #1: api/, /is changing api production now/].map(
      (what) => posted(what).length,
    )
    console.log(`bot killed in its card and its announcement: cards ${cards}, announcements ${announcements}, pushes 1`)
  })
})
