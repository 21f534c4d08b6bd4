/** Freezes and the order of environments, as a channel lives through them: refusals, the emergency lane, and what the card says. */
import { readFile, writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Running } from '../../src/cli/start.ts'
import { filledIn, offers, privately } from '../support/channel.ts'
import { nextNumber, pressWithReason } from '../support/seen-release.ts'
import { startTeam, type Team } from '../support/team.ts'
import { leavesNothing, nothingToTalkOver } from '../support/world-state.ts'

const HOUR = 3_600_000

let team: Team
let bot: Running
let file: Record<string, unknown>

beforeAll(async () => {
  team = await startTeam({
    unstarted: true,
    pace: { tickEveryMs: 300, times: { look: 1_000 } },
    production: (entry) => {
      nothingToTalkOver(entry)
      entry.order = 'required'
    },
  })
  file = JSON.parse(await readFile(team.env.RELEASES_FILE ?? '', 'utf8'))
  await team.start('worker')
  bot = await team.start('bot')
})
afterAll(() => team?.close())

/** As time would: production is frozen from so many hours after now to so many; the worker has no part in it. */
async function frozen(...periods: readonly (readonly [from: number, to: number])[]): Promise<void> {
  const at = (after: number) => new Date(Date.now() + after * HOUR).toISOString().slice(0, 16).replace('T', ' ')
  const freezes = periods.map(([from, to], index) => ({
    name: `release week ${index + 1}`,
    from: at(from),
    to: at(to),
  }))
  await bot.stop()
  await writeFile(team.env.RELEASES_FILE ?? '', JSON.stringify({ ...file, freezes }))
  bot = await team.start('bot')
}

const cardSays = (number: number, words: string | RegExp) =>
  team.waitFor(
    () => `the card of #${number} to say ${words}\n${team.words(team.card(number))}`,
    () => team.words(team.card(number)).match(words) !== null,
  )

/** Something new on master, deployed to integration; its number. */
async function deployIntegration(name: string): Promise<number> {
  await team.repository.commit({ files: { [`${name}.md`]: name }, message: `Write ${name}` })
  const number = await nextNumber(team)
  await team.command(team.people.dana, '/deploy integration')
  await team.until.succeeded(number)
  return number
}

describe('order: required', () => {
  it('makes a plan of what is not proven, says so on the card, and refuses the last sign-off', async () => {
    const { dana, lin, tom } = team.people
    await team.command(dana, '/deploy production')
    await team.until.awaitingSignOff(1)
    await cardSays(1, 'Not proven on integration')
    expect(team.words(team.card(1))).toContain('/deploy api integration')
    await team.click(lin, 'qa', 1)
    await team.until.signed(1, 'qa', lin)
    await leavesNothing(team, async () => {
      await team.click(tom, 'approval', 1)
      const told = await team.told(tom, 'source_not_proven', '#1', 'integration')
      expect(told).toContain('@release-approvers')
      expect(await team.query(`select 1 from sign_off where kind = 'approval'`)).toEqual([])
    })
  })

  it('is met by a deploy to integration: the card says by which one, and the same sign-off starts it', async () => {
    const { dana, tom } = team.people
    await team.command(dana, '/deploy integration')
    await team.until.succeeded(2)
    await cardSays(1, 'Proven on integration by #2')
    await team.click(tom, 'approval', 1)
    await team.until.succeeded(1)
  })

  it('says how far integration is behind, until it runs something that contains it', async () => {
    const { dana } = team.people
    await team.repository.commit({ files: { 'a.md': 'a' }, message: 'Write a' })
    await team.repository.commit({ files: { 'b.md': 'b' }, message: 'Write b' })
    await team.command(dana, '/deploy production')
    await team.until.awaitingSignOff(3)
    await cardSays(3, /Not proven on integration: it runs [0-9a-f]{7}, 2 commits behind this/)
    // master moves on, so that the release of production gives way; the newer one is deployed to integration first.
    const proving = await deployIntegration('c')
    await team.until.outdated(3)
    await team.click(dana, 'plan again', 3)
    await team.until.awaitingSignOff(5)
    await cardSays(5, `Proven on integration by #${proving}`)
    await team.click(dana, 'cancel', 5)
    await team.until.ended(5)
  })
})

describe('a freeze', () => {
  it('refuses a request, makes no number of it, and says until when', async () => {
    const { lin } = team.people
    await frozen([-1, 3])
    const before = await nextNumber(team)
    await team.command(lin, '/deploy production')
    const told = await team.told(
      lin,
      'environment_frozen',
      'release week 1',
      /\/deploy api production at \d{4}-\d\d-\d\d \d\d:\d\d/,
    )
    expect(told).toContain('@release-approvers')
    expect(offers(privately(team.slack, lin).at(-1), 'request for an emergency')).toBe(false)
    expect(await nextNumber(team)).toBe(before)
    await team.command(lin, '/deploy status')
    expect(await team.hears(lin, 'Frozen until', 'release week 1')).not.toContain('Frozen from')
  })

  it('offers Plan for an emergency to those who may say that it is one, also from the modal', async () => {
    const { dana } = team.people
    await team.command(dana, '/deploy')
    const view = await team.modal(dana)
    const values = filledIn(view, { app: 'api', environment: 'production' })
    await team.slack.submit({ user: dana, view, values })
    await team.told(dana, 'environment_frozen', 'release week 1')
    // The dialog stays open with the refusal; its button is on a private message.
    expect(team.slack.openView(dana)?.id).toBe(view.id)
    await team.slack.closeView({ user: dana, view })
    await team.clickPrivately(dana, 'request for an emergency')
    await team.until.awaitingSignOff(6)
  })

  it('lets QA and approval not start it, and an emergency does; the record says what it waived', async () => {
    const { lin, tom } = team.people
    await cardSays(6, /Frozen until .*release week 1/)
    await team.click(lin, 'qa', 6)
    await team.until.signed(6, 'qa', lin)
    await leavesNothing(team, async () => {
      await team.click(tom, 'approval', 6)
      expect(await team.told(tom, 'environment_frozen', '#6')).toContain('Must go out now…')
    })
    await team.click(tom, 'emergency', 6)
    const modal = await team.modal(tom)
    expect(team.slack.plainText(modal)).toMatch(/Frozen until .*release week 1/)
    await team.submit(tom, { reason: 'Customers cannot log in' })
    await team.until.succeeded(6)
    const [event] = await team.query<{ body: string }>(
      `select body from event where release = 6 and type = 'sign_off_given' and body like '%emergency%'`,
    )
    expect(event?.body).toContain('environment_frozen')
  })

  it('asks a hot-fix for an emergency in its modal, and keeps what was typed', async () => {
    const { dana, tom } = team.people
    const fix = await team.repository.commit({
      branch: 'fix/login',
      files: { 'login.md': 'fixed' },
      message: 'Fix login',
    })
    await team.command(dana, `/hotfix ${fix} production`)
    const view = await team.modal(dana)
    const reason = 'Customers cannot log in'
    const values = filledIn<string | string[]>(view, { commits: fix, reason, sure: ['sure'] })
    const seen = await team.slack.submit({ user: dana, view, values })
    expect(seen.errors).toEqual({})
    const again = await team.modal(dana, (shown) => JSON.stringify(shown).includes('release week 1'))
    expect(JSON.stringify(again)).toContain(reason)
    await team.slack.submit({
      user: dana,
      view: again,
      values: filledIn<string | string[]>(again, { commits: fix, reason, sure: ['sure'] }),
    })
    await team.until.awaitingSignOff(7)
    await pressWithReason(team, tom, 'emergency', reason)
    await team.until.succeeded(7)
  })

  it('is told on the card two hours before, when it begins and when it is over; then the last sign-off starts it', async () => {
    const { dana, lin, tom } = team.people
    await frozen([1, 3])
    const proving = await deployIntegration('d')
    await team.command(dana, '/deploy production')
    const number = proving + 1
    await team.until.awaitingSignOff(number)
    await cardSays(number, /Frozen from .* until .*release week 1/)
    await frozen([-1, 3])
    await cardSays(number, /Frozen until .*release week 1/)
    await team.click(lin, 'qa', number)
    await team.until.signed(number, 'qa', lin)
    await team.click(tom, 'approval', number)
    await team.told(tom, 'environment_frozen', `#${number}`)
    await frozen([-3, -1])
    await team.waitFor('a card without a freeze', () => !team.words(team.card(number)).includes('Frozen'))
    await team.click(tom, 'approval', number)
    await team.until.succeeded(number)
  })

  it('asks a rollback for an emergency in its dialog, keeps what was typed, and that starts it', async () => {
    const { dana, lin, tom } = team.people
    await frozen([-1, 40])
    await team.command(lin, '/deploy rollback production')
    const refused = await team.modal(lin)
    const seen = await team.slack.submit({
      user: lin,
      view: refused,
      values: filledIn(refused, { reason: 'It is slow' }),
    })
    expect(JSON.stringify(seen.errors), 'Lin may declare no emergency').toContain('environment_frozen')

    const number = await nextNumber(team)
    await team.command(dana, '/deploy rollback production')
    const view = await team.modal(dana)
    const reason = 'Customers cannot log in'
    expect((await team.slack.submit({ user: dana, view, values: filledIn(view, { reason }) })).errors).toEqual({})
    const again = await team.modal(dana, (shown) => JSON.stringify(shown).includes('release week 1'))
    expect(JSON.stringify(again)).toContain(reason)
    await team.slack.submit({ user: dana, view: again, values: filledIn(again, { reason }) })
    await team.until.awaitingSignOff(number)
    await pressWithReason(team, tom, 'emergency', reason)
    await team.until.succeeded(number)
    expect(team.words(team.card(number))).toContain(reason)
  })
})
