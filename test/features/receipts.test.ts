/** Receipts as a team lives with them: the direct message after a sign-off, and That was not me at each moment of a release. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { lines, privately, questionOf } from '../support/channel.ts'
import { holdAt } from '../support/held-step.ts'
import { startTeam, type Team } from '../support/team.ts'

describe('a receipt', () => {
  let team: Team
  let commits = 0
  beforeAll(async () => {
    team = await startTeam({
      production: (entry) => {
        entry.sign_off = { qa: 1, approvals: 1, approvers: ['@release-approvers'], receipts: true }
      },
    })
  })
  afterAll(() => team?.close())

  const awaiting = async (number: number) => {
    commits += 1
    await team.repository.commit({
      branch: 'master',
      files: { [`c${commits}.py`]: 'x\n' },
      message: `Change ${commits}`,
    })
    await team.command(team.people.dana, '/deploy production')
    await team.until.awaitingSignOff(number)
  }
  const line = (number: number) => lines(team.slack, number, 'disputed').at(-1)
  /** What everybody in the channel reads, without opening a thread. */
  const inChannel = () => team.slack.messages('product').map((message) => team.words(message))
  const signOffs = (number: number, table = 'sign_off') =>
    team.query<{ kind: string }>(`select kind from ${table} where release = ${number} order by position`)

  it('says what was signed, on which plan and when; pressed before the approval it rejects the release', async () => {
    const { lin, tom } = team.people
    await awaiting(1)
    await team.click(lin, 'qa')
    const words = await team.hears(lin, 'You confirmed QA of', 'Signed:', 'Plan:')
    const [{ fingerprint } = { fingerprint: '' }] = await team.query<{ fingerprint: string }>(
      'select fingerprint from release where number = 1',
    )
    expect(words).toContain(fingerprint)
    expect(words).toContain('api → production')
    const shown = privately(team.slack, lin).at(-1)
    expect(questionOf(shown as never, 'not me')).toContain('Your sign-off becomes void')
    expect(privately(team.slack, tom)).toEqual([])

    await team.clickPrivately(lin, 'not me')
    await team.hears(lin, 'Your sign-off is void, and #1 is rejected', 'sign out of all other sessions')
    await team.until.state(1, 'rejected')
    expect(await team.query(`select 1 from step where release = 1`)).toEqual([])
    expect(team.words(line(1))).toContain('lin says that they did not confirm QA')
    expect(team.words(team.card(1))).toMatch(/Rejected.*lin says that they did not confirm QA/s)
    await team.eventually(() =>
      expect(
        inChannel().filter((each) => /was rejected: lin says that they did not confirm QA/.test(each)),
      ).not.toEqual([]),
    )
    // Pressed again: it says so, and changes nothing.
    const events = await team.query('select count(*) from event')
    await team.clickPrivately(lin, 'not me')
    await team.hears(lin, 'You have said so before')
    expect(await team.query('select count(*) from event')).toEqual(events)
  })

  it('pressed during the run, before anything irreversible: it is cancelled, and nothing was merged', async () => {
    const { lin, tom } = team.people
    await awaiting(2)
    await team.click(lin, 'qa')
    const held = await holdAt(team, 'record')
    await team.click(tom, 'approval')
    await held.held()
    await team.hears(tom, 'You approved')
    await team.clickPrivately(tom, 'not me')
    await team.waitFor('the press at the lock', async () => {
      const waits = await team.query(
        `select 1 from pg_stat_activity where wait_event_type = 'Lock' and query like '%for no key update%'`,
      )
      return waits.length > 0
    })
    await held.letGo()
    await team.until.ended(2)
    expect(await team.until.state(2, 'cancelled')).toMatchObject({ steps: { record: 'done some' } })
    expect(await team.stepsDone(2)).not.toContain('merge')
    await team.hears(tom, '#2 stops: no new step starts')
    const told = line(2)
    expect(team.words(told)).toMatch(/tom says that they did not approve it/)
    expect(JSON.stringify(told?.blocks)).toContain(`<@${team.people.dana}>`)
    expect(inChannel().join('\n')).toContain('tom says that they did not approve it')
    expect(await signOffs(2)).toEqual([{ kind: 'qa' }])
    expect(await signOffs(2, 'disputed_sign_off')).toEqual([{ kind: 'approval' }])
  })

  it('after the merge: it needs attention, Retry is refused, Close ends it, and a new release asks for everything', async () => {
    const { dana, lin, tom } = team.people
    await awaiting(3)
    await team.click(lin, 'qa')
    const held = await holdAt(team, 'sync')
    await team.click(tom, 'approval')
    await held.held()
    await team.clickPrivately(tom, 'not me')
    await team.waitFor('the press at the lock', async () => {
      const waits = await team.query(
        `select 1 from pg_stat_activity where wait_event_type = 'Lock' and query like '%for no key update%'`,
      )
      return waits.length > 0
    })
    await held.letGo()
    expect(await team.until.needsAttention(3)).toMatchObject({ gate: 'sign_off_disputed' })
    expect(await team.stepsDone(3)).not.toContain('push')
    const card = team.words(team.card(3))
    expect(card).toContain('It can’t be retried: a sign-off that it needs is void.')
    await team.command(dana, '/deploy retry 3')
    await team.told(dana, 'sign_off_disputed', 'Can’t retry #3', 'tom says that they did not approve it')
    await team.click(tom, 'close', 3)
    await team.submit(tom, { reason: 'Checked, and planned again' })
    await team.until.ended(3)
    await team.command(dana, '/deploy production')
    await team.until.awaitingSignOff(4)
    expect(await signOffs(4)).toEqual([])
    await team.click(lin, 'qa')
    await team.until.signed(4, 'qa', lin)
    await team.click(tom, 'approval')
    await team.until.succeeded(4)
  })

  it('after the end: the channel is told with those who may approve, and nothing else changes', async () => {
    const { tom } = team.people
    const before = await team.until.succeeded(4)
    await team.clickPrivately(tom, 'not me')
    await team.hears(tom, '#4 had ended before, so nothing else was changed')
    const told = await team.waitFor('the line', () => line(4))
    expect(JSON.stringify(told.blocks)).toMatch(/<!subteam\^S/)
    expect(inChannel().join('\n')).toContain('#4 had ended before, so nothing else was changed')
    expect(await team.until.succeeded(4)).toEqual(before)
    await team.eventually(() => expect(team.words(team.card(4))).toContain('That sign-off is void.'))
  })
})
