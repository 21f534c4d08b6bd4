/** A release with a time, as the channel reads it: asked for, signed before, held, changed, started, missed. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { actionsOf } from '../support/channel.ts'
import { startTeam, type Team } from '../support/team.ts'

const HOUR = 60 * 60_000

describe('/deploy production at a time', () => {
  let team: Team
  beforeAll(async () => {
    team = await startTeam({ pace: { tickEveryMs: 300, times: { look: 1_000 } } })
  })
  afterAll(() => team?.close())

  /** The time of the newest release comes, as if nobody had waited. */
  const itsTimeComes = (ago = '0 s') =>
    team.query(
      `update release set start_at = now() - interval '${ago}', expires_at = now() - interval '${ago}' + interval '1 hour'
       where number = (select max(number) from release)`,
    )

  it('can’t be what it isn’t: past, no time, too far ahead', async () => {
    const { dana } = team.people
    await team.command(dana, '/deploy production at noon')
    await team.told(dana, 'time_refused', '“noon” isn’t a time', '18:00 tomorrow')
    await team.command(dana, '/deploy production at 2020-01-01 08:00')
    await team.told(dana, 'time_refused', 'is past')
    await team.command(dana, '/deploy production at 2099-01-01 08:00')
    await team.told(dana, 'too_far_ahead', 'more than 7 days ahead')
    await team.command(dana, '/deploy production at')
    await team.hears(dana, 'The time is missing')
  })

  it('is planned at once, and the card says when it starts and what it needs before', async () => {
    const { dana } = team.people
    await team.command(dana, '/deploy production at 12:00 tomorrow')
    await team.hears(dana, '#1', 'is being planned, to start', '12:00 (UTC)')
    await team.until.awaitingSignOff(1)
    expect(team.words(team.card(1))).toContain('Starts, once it has its sign-offs: ')
    expect(actionsOf(team.card(1) ?? { blocks: [] })).toEqual(expect.arrayContaining(['qa_passed', 'change_time']))
    const [pullRequest] = team.bitbucket.pullRequests()
    expect(pullRequest?.source.branch).toBe('signoff/1-production')
  })

  it('is scheduled with the last sign-off, which starts nothing, so nothing is asked before it', async () => {
    const { lin, tom } = team.people
    await team.click(lin, 'qa')
    await team.until.signed(1, 'qa', lin)
    expect(await team.click(tom, 'approval')).toBeUndefined()
    await team.until.state(1, 'scheduled')
    expect(team.card(1)?.text).toMatch(/is scheduled for \w+ \d+ \w+ \d+, 12:00 \(UTC\): QA by lin, approved by tom/i)
    expect(actionsOf(team.card(1) ?? { blocks: [] })).toEqual(
      expect.arrayContaining(['start_now', 'change_time', 'cancel', 'details']),
    )
    await team.until.line(1, 'scheduled')
  })

  it('stands in /deploy status and history, and keeps others away until it has ended', async () => {
    const { lin, tom } = team.people
    await team.command(lin, '/deploy status')
    await team.hears(lin, 'api production', 'scheduled', 'Starts: ')
    await team.command(lin, '/deploy history production')
    await team.hears(lin, 'scheduled', 'starts: ')
    await team.command(tom, '/deploy production')
    await team.told(tom, 'environment_busy', '#1', 'is scheduled', 'It starts: ')
  })

  it('gets another time by Change time…, and keeps its sign-offs', async () => {
    const { dana, lin } = team.people
    await team.click(lin, 'change time')
    await team.told(lin, 'not_allowed')
    await team.click(dana, 'change time')
    await team.modal(dana)
    const later = Math.floor((Date.now() + 3 * HOUR) / 60_000) * 60
    await team.submit(dana, { when: String(later) })
    await team.until.line(1, 'time')
    const [row] = await team.query<{ start_at: Date; words: string }>(
      'select start_at, (select count(*)::text from sign_off) as words from release where number = 1',
    )
    expect(row).toEqual({ start_at: new Date(later * 1000), words: '2' })
  })

  it('starts at its time by itself: announced, merged, deployed', async () => {
    expect(await team.query("select 1 from event where release = 1 and type like 'announcement%'")).toEqual([])
    await itsTimeComes()
    await team.until.succeeded(1)
    await team.until.announced(1)
    const approved = await team.query("select 1 from event where release = 1 and type = 'release_approved'")
    expect(approved).toHaveLength(1)
  })

  it('starts before its time by Start now, which says what it starts', async () => {
    const { dana, lin } = team.people
    await team.repository.commit({ files: { 'api/later.py': 'LATER = 1\n' }, message: 'Add what comes later' })
    await team.command(dana, '/deploy integration at 12:00 tomorrow')
    await team.until.state(2, 'scheduled')
    const question = await team.click(lin, 'start now', 2)
    expect(question).toContain('This starts #2 on integration now.')
    await team.until.succeeded(2)
    expect(team.thread(2).join('\n')).toMatch(/lin pressed Start now/i)
  })

  it('keeps to its commit while the branch moves on, and is outdated when that is gone: its requester is told', async () => {
    const { dana } = team.people
    const before = await team.repository.head('master')
    await team.repository.commit({ files: { 'api/now.py': 'NOW = 1\n' }, message: 'Add what is now' })
    await team.command(dana, '/deploy integration at 12:00 tomorrow')
    await team.until.state(3, 'scheduled')
    await team.repository.commit({ files: { 'api/then.py': 'THEN = 1\n' }, message: 'Add what is then' })
    await team.until.line(3, 'newer')
    expect(await team.query('select state from release where number = 3')).toEqual([{ state: 'scheduled' }])
    await team.repository.branch('master', before)
    const told = await team.hears(dana, '#3', 'is outdated')
    expect(told).toContain('integration')
    await team.until.outdated(3)
  })

  it('expires an hour after its time, with what was missing', async () => {
    const { dana } = team.people
    await team.repository.branch('master', await team.repository.head('production'))
    await team.repository.commit({ files: { 'api/last.py': 'LAST = 1\n' }, message: 'Add the last' })
    await team.command(dana, '/deploy production at 12:00 tomorrow')
    await team.until.awaitingSignOff(4)
    await itsTimeComes()
    await team.until.line(4, 'unsigned')
    await itsTimeComes('61 min')
    await team.until.state(4, 'expired')
    expect(team.words(team.card(4))).toMatch(/QA and 1 approval were not given within 1 hour of its time/)
  })
})
