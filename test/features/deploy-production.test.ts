import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { actionsOf, announcements, keyOf, keysIn, lines } from '../support/channel.ts'
import { PRODUCTION, startTeam, type Team } from '../support/team.ts'

describe('/deploy production', () => {
  let team: Team
  beforeAll(async () => {
    team = await startTeam({ isolation: 'auto' })
  })
  afterAll(() => team?.close())

  it('is requested by one, QA passed by another, approved by a third, and the whole document is carried out', async () => {
    const { dana, lin, tom } = team.people
    const [master, before] = [await team.repository.head('master'), await team.repository.head('production')]
    await team.command(dana, '/deploy production')
    await team.hears(dana, '#1', 'api', 'production')
    await team.until.awaitingSignOff(1)
    expect(actionsOf(team.card(1) ?? { blocks: [] })).toEqual(expect.arrayContaining(['qa_passed', 'approve']))

    expect(await team.click(lin, 'qa')).toBeUndefined()
    await team.until.signed(1, 'qa', lin)
    const question = await team.click(tom, 'approval')
    for (const fact of ['#1', 'production']) expect(question).toContain(fact)
    await team.until.succeeded(1)

    const [pullRequest] = team.bitbucket.pullRequests()
    expect(pullRequest).toMatchObject({ state: 'MERGED', title: 'Release #1: api → production' })
    const comments = team.bitbucket.comments(pullRequest?.id ?? 0)
    expect(comments.map(({ raw }) => raw)).toEqual([expect.stringMatching(/dana.*lin.*tom/s)])
    const merged = await team.repository.head('production')
    expect(merged).not.toBe(before)
    expect(pullRequest?.mergeCommit).toBe(merged)
    expect(await team.heroku.holds(PRODUCTION)).toBe(merged)
    expect(team.heroku.runs(PRODUCTION)).toBe(merged)
    expect(await team.repository.head('master')).toBe(master)
    expect(await team.revisions('production')).toEqual([await team.repository.headRevision('master')])
    expect(await team.stepsDone(1)).toEqual([
      ...['record', 'merge', 'sync', 'verify', 'migrate', 'push', 'confirm', 'report'],
    ])
  })

  it('had told #product before anything was merged', async () => {
    const [posted, ...more] = announcements(team.slack, 1)
    expect(more).toEqual([])
    const announced = team.slack.log.find(({ ts }) => ts === posted?.ts)
    const merge = (await team.bitbucket.log()).find(({ kind }) => kind === 'pull request merged')
    expect(announced?.isApplied).toBe(true)
    expect(announced?.at).toBeLessThan(Date.parse(merge?.at ?? ''))
    const [first] = await team.query<{ type: string }>(
      "select type from event where release = 1 and (type = 'announcement_confirmed' or type like 'step%') order by id limit 1",
    )
    expect(first?.type).toBe('announcement_confirmed')
    expect(posted?.threadTs).toBeUndefined()
    expect(team.words(posted)).toMatch(/#1.*api production.*dana.*lin.*tom/s)
  })

  it('tells each step in the thread, with its outcome for the channel too', async () => {
    await team.until.told(1)
    const { lin, tom } = team.people
    const thread = lines(team.slack, 1)
    expect(thread.flatMap(keysIn)).toEqual([
      ...['1:migrations', `1:signed:qa:${lin}`, `1:signed:approval:${tom}`, '1:done:record:1', '1:done:merge:1'],
      ...['1:done:sync:1', '1:done:verify:1', '1:done:migrate:1', '1:done:push:1', '1:done:confirm:1', '1:outcome'],
    ])
    expect(thread.map(({ isBroadcast }) => isBroadcast)).toEqual(thread.map((line) => keyOf(line) === '1:outcome'))
    const [events] = await team.query<{ count: number }>('select count(*)::int as count from event where release = 1')
    expect(team.words(thread.at(-1))).toMatch(new RegExp(`#1\\b.*\\b${events?.count}\\b`, 's'))
  })

  it('is in the history with who asked, who said that QA passed and who approved', async () => {
    await team.command(team.people.tom, '/deploy history production')
    expect(await team.hears(team.people.tom, '#1')).toMatch(/succeeded.*dana.*lin.*tom/s)
  })

  it('works again, with QA by the requester, though production has merge commits that master lacks', async () => {
    const { dana, tom } = team.people
    const master = await team.repository.commit({ files: { 'NOTES.md': 'two\n' }, message: 'Note a second thing' })
    const before = await team.repository.head('production')
    await team.command(dana, '/deploy api production')
    await team.until.awaitingSignOff(2)
    expect(team.words(team.card(2))).toContain('Note a second thing')
    await team.click(dana, 'qa')
    await team.until.signed(2, 'qa', dana)
    await team.click(tom, 'approval')
    await team.until.succeeded(2)
    const merged = await team.repository.head('production')
    const merge = (await team.bitbucket.log()).findLast(({ kind }) => kind === 'pull request merged')
    expect(merge).toMatchObject({ parents: [before, master] })
    expect(team.heroku.runs(PRODUCTION)).toBe(merged)
    expect(await team.stepsDone(2)).not.toContain('migrate')
  })
})
