/** A lock as a team lives with it: the commands, the cards, the private messages. One team; each story leaves nothing locked. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { filledIn, offers, privately } from '../support/channel.ts'
import { startTeam, type Team } from '../support/team.ts'

describe('a lock', () => {
  let team: Team
  beforeAll(async () => {
    team = await startTeam()
  })
  afterAll(() => team?.close())
  afterEach(async () => {
    expect(await team.query('select 1 from environment_lock where ended_at is null')).toEqual([])
  })

  const answerTo = (user: string, command: string) => team.toldNext(user, () => team.command(user, command))
  const refusalOf = async (user: string, command: string, ...facts: string[]) => {
    await team.command(user, command)
    return team.told(user, 'environment_locked', ...facts)
  }
  const state = async (number: number) =>
    (await team.query<{ state: string }>(`select state from release where number = ${number}`))[0]?.state
  const tick = () => Promise.all(team.running.map((each) => each.tick?.()))
  const later = (interval: string) =>
    team.query(
      `update environment_lock set since = since - interval '${interval}', until = until - interval '${interval}'
       where ended_at is null`,
    )

  it('keeps others away with its reason, is listed, shown in status and in the modal, and ends', async () => {
    const { dana, lin, tom } = team.people
    const set = await answerTo(tom, '/deploy lock production for 2h because Checking a slow query, "again"')
    expect(set).toMatch(/api production is locked.*by tom.*until.*“Checking a slow query, "again"”/s)
    expect(set).toContain('Only tom can start a release there')
    const refused = await refusalOf(dana, '/deploy production', 'api production is locked by tom', 'Since', 'Until')
    expect(refused).toContain('Checking a slow query, "again"')
    expect(await state(1)).toBeUndefined()

    expect(await answerTo(lin, '/deploy lock')).toMatch(/api production.*by tom.*Checking a slow query/s)
    expect(await answerTo(lin, '/deploy status')).toMatch(/api production.*Locked by tom/s)
    await team.command(dana, '/deploy')
    const modal = JSON.stringify((await team.modal(dana)).blocks)
    expect(modal).toMatch(/api production.*locked by tom.*A request there is refused/s)
    // Integration is free.
    await team.submit(dana, { app: 'api', environment: 'integration' })
    await team.until.succeeded(1)

    expect(await refusalOf(dana, '/deploy lock production because me too', 'Can’t lock this')).toContain('tom')
    expect(await answerTo(dana, '/deploy unlock production')).toContain('The lock of api production has ended.')
    expect(await team.hears(tom, 'dana ended your lock of api production')).toBeDefined()
    expect(await answerTo(lin, '/deploy lock')).toContain('Nothing is locked')
    await team.command(lin, '/deploy unlock production')
    await team.told(lin, 'not_locked', 'api production is not locked')
    expect(await answerTo(lin, '/deploy history')).toMatch(/api production.*locked by tom.*unlocked by dana/s)
    // The channel reads nothing of it.
    expect(JSON.stringify(team.slack.messages('product'))).not.toContain('slow query')
  })

  it('asks for the reason where none was given, and refuses who may not lock before it asks', async () => {
    const { lin, tom } = team.people
    await team.command(lin, '/deploy lock production')
    await team.told(lin, 'not_allowed', 'lock api production')
    await team.command(tom, '/deploy lock all until 25:00')
    await team.told(tom, 'time_refused', '25:00')
    await team.command(tom, '/deploy lock integration for 1d')
    const view = await team.modal(tom)
    expect(JSON.stringify(view.blocks)).toContain('Lock *api integration*, for 1d.')
    await team.submit(tom, { reason: 'Load test' })
    await team.hears(tom, 'api integration is locked', 'by tom', '“Load test”')
    await team.clickPrivately(tom, 'unlock')
    await team.hears(tom, 'The lock of api integration has ended.')
  })

  it('holds the last sign-off back, stands on the card, and lets it start once it is unlocked', async () => {
    const { dana, lin, tom } = team.people
    await team.command(dana, '/deploy production')
    await team.until.awaitingSignOff(2)
    await answerTo(tom, '/deploy lock production because The database is being moved')
    const locked = () => team.words(team.card(2))
    await team.eventually(() => expect(locked()).toMatch(/Locked.*by tom.*The database is being moved/s))
    await team.click(lin, 'qa')
    await team.until.signed(2, 'qa', lin)
    const told = await team.toldNext(tom, () => team.click(tom, 'approval'))
    // It is asked about the requester: Tom's own click is held back too.
    expect(told).toContain('api production is locked by tom')
    expect(await team.query(`select 1 from sign_off where release = 2 and kind = 'approval'`)).toEqual([])
    expect(await state(2)).toBe('awaiting sign-off')
    await team.click(lin, 'details')
    expect(JSON.stringify((await team.modal(lin)).blocks)).toContain('The database is being moved')

    await answerTo(tom, '/deploy unlock production')
    await team.eventually(() => expect(locked()).not.toContain('Locked'))
    await team.click(tom, 'approval')
    await team.until.succeeded(2)
  })

  it('is taken over with a reason, which the old holder reads; an emergency goes on from there', async () => {
    const { dana, tom } = team.people
    await team.repository.commit({ branch: 'master', files: { 'a.py': 'a\n' }, message: 'Fix the outage' })
    await team.command(dana, '/deploy production')
    await team.until.awaitingSignOff(3)
    await answerTo(tom, '/deploy lock production because I measure')
    await team.click(dana, 'emergency')
    await team.submit(dana, { reason: 'nobody can log in at all' })
    await team.told(dana, 'environment_locked', 'An emergency has to take the lock over first')
    await team.clickPrivately(dana, 'take over')
    const question = JSON.stringify((await team.modal(dana)).blocks)
    expect(question).toMatch(/Take over the lock of \*api production\* from tom\?.*I measure/s)
    await team.submit(dana, { reason: 'Nobody can log in' })
    await team.hears(dana, 'You took it over from tom')
    await team.hears(tom, 'dana took over your lock of api production', 'Nobody can log in')
    await team.click(dana, 'emergency')
    await team.submit(dana, { reason: 'nobody can log in at all' })
    await team.until.succeeded(3)
    await answerTo(dana, '/deploy unlock production')
  })

  it('E5: a refused rollback stays in its dialog, with the buttons in a private message; then it goes through', async () => {
    const { dana, tom } = team.people
    await answerTo(tom, '/deploy lock production because I measure again')
    await team.command(dana, '/deploy rollback production because The login fails')
    const view = await team.modal(dana)
    const values = filledIn<string | string[]>(view, { reason: 'The login fails', lock: [] })
    const takesOver = () => privately(team.slack, dana).filter((each) => offers(each, 'take over')).length
    const before = takesOver()
    const seen = await team.slack.submit({ user: dana, view, values })
    expect(Object.values(seen.errors)).toEqual([expect.stringMatching(/locked by tom.*“Take over…”/)])
    expect(team.slack.openView(dana)?.id).toBe(view.id)
    await team.eventually(() => expect(takesOver()).toBe(before + 1))
    await team.slack.submit({ user: dana, view, values })
    await answerTo(tom, '/deploy unlock production')
    expect((await team.slack.submit({ user: dana, view, values })).errors).toEqual({})
    await team.until.awaitingSignOff(4)
    expect(takesOver()).toBe(before + 1)
    await team.click(dana, 'cancel', 4)
    await team.until.ended(4)
  })

  it('tells who waits once that it is free, with Plan now; Extend and the end are said', async () => {
    const { dana, lin, tom } = team.people
    await answerTo(tom, '/deploy lock integration for 1h because Demo')
    await refusalOf(lin, '/deploy integration')
    await team.clickPrivately(lin, 'tell when free')
    await team.hears(lin, 'You get one direct message when api integration is free')
    await later('50 minutes')
    await tick()
    await team.hears(tom, 'Your lock of api integration ends soon')
    await team.clickPrivately(tom, 'extend lock')
    await team.hears(tom, 'api integration is locked', 'by tom', 'Demo', 'Only tom')
    await later('140 minutes')
    await tick()
    await team.hears(lin, 'api integration is not locked any more')
    await team.repository.commit({ branch: 'master', files: { 'b.py': 'b\n' }, message: 'Next' })
    await team.clickPrivately(lin, 'plan now')
    await team.hears(lin, '#5', 'api')
    await team.until.succeeded(5)
    await tick()
    expect(privately(team.slack, lin).filter((each) => team.words(each).includes('not locked any more'))).toHaveLength(
      1,
    )
    expect(privately(team.slack, dana).filter((each) => team.words(each).includes('not locked any more'))).toEqual([])
  })

  it('without an end its holder is asked after three hours, and unlocks', async () => {
    const { tom } = team.people
    await answerTo(tom, '/deploy lock production because Forgotten')
    await later('3 hours')
    await tick()
    await team.hears(tom, 'Do you still need your lock of api production?', 'Forgotten')
    await team.clickPrivately(tom, 'unlock')
    await team.hears(tom, 'The lock of api production has ended.')
  })

  it('over all stops everybody, its holder and emergencies too, but no release that has started', async () => {
    const { dana, lin, tom } = team.people
    await team.command(lin, '/deploy lock all because no')
    await team.told(lin, 'not_allowed', 'lock all environments')
    const set = await answerTo(tom, '/deploy lock all because The payment provider is down')
    expect(set).toMatch(/All environments are locked.*not even an emergency/s)
    await refusalOf(tom, '/deploy integration', 'all environments are locked by tom', '/deploy unlock all')
    expect(await answerTo(lin, '/deploy status')).toContain('All environments are locked')
    await answerTo(dana, '/deploy unlock all')
  })

  it('stands in the record, whole', async () => {
    const rows = await team.query<{ type: string; count: number }>(
      `select type, count(*)::int as count from event where type like 'lock%' group by type order by type`,
    )
    expect(rows).toEqual([
      { type: 'lock_changed', count: 1 },
      { type: 'lock_ended', count: 8 },
      { type: 'lock_set', count: 8 },
      { type: 'lock_taken_over', count: 1 },
    ])
    for (const { type } of rows) {
      expect(
        team.logs.some((line) => line.includes(`"event":"${type}"`)),
        type,
      ).toBe(true)
    }
  })
})
