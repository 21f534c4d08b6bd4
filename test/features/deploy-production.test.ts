import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { PRODUCTION, startTeam, type Team } from '../support/team.ts'

describe('/deploy production', () => {
  let team: Team
  beforeAll(async () => {
    team = await startTeam()
  })
  afterAll(() => team?.close())

  it('is asked for by one, QA passed by another, approved by a third, and the whole document is carried out', async () => {
    const { dana, lin, tom } = team.people
    const [master, before] = [await team.repository.head('master'), await team.repository.head('production')]
    await team.command(dana, '/deploy production')
    await team.told(dana, 'Release #1 of api to production is being planned')
    await team.until('Awaiting sign-off')
    expect(team.words(team.card())).toMatch(/Owed: .*QA.*approval/s)

    expect(await team.click(lin, 'QA passed')).toBeUndefined()
    await team.until(/Given: QA by/)
    expect(await team.click(tom, 'Approve')).toContain('This starts #1 on production now.')
    await team.succeeded(1)

    const [pullRequest] = team.bitbucket.pullRequests()
    expect(pullRequest).toMatchObject({ state: 'MERGED', title: 'Release #1: api → production' })
    const comments = team.bitbucket.comments(pullRequest?.id ?? 0)
    expect(comments.map(({ raw }) => raw)).toEqual([
      expect.stringMatching(/asked for by dana.*QA passed, said lin.*Approved by tom/s),
    ])
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
    const announced = team.slack.log.find(
      ({ method, args }) =>
        method === 'chat.postMessage' && String(args.text).includes('is changing api production now'),
    )
    const merge = (await team.bitbucket.log()).find(({ kind }) => kind === 'pull request merged')
    expect(announced?.isApplied).toBe(true)
    expect(announced?.at).toBeLessThan(Date.parse(merge?.at ?? ''))
    const posted = team.slack.messages('product').find(({ ts }) => ts === announced?.ts)
    const [first] = await team.query<{ type: string }>(
      "select type from event where release = 1 and (type = 'announcement_confirmed' or type like 'step%') order by id limit 1",
    )
    expect(first?.type).toBe('announcement_confirmed')
    expect(posted?.threadTs).toBeUndefined()
    expect(team.words(posted)).toMatch(
      /Release #1 is changing api production now.*Asked: dana · QA: lin · Approved: tom/s,
    )
  })

  it('tells each step in the thread, with its outcome for the channel too', async () => {
    const thread = team.thread()
    const said = [
      /^\*1 migration\*: only additions/,
      ...[/^QA passed, says lin/, /^tom approved/, /^Recorded/, /^Merged PR.#1/, /^Fetched/, /^Verified/],
      ...[/^Migrated/, /^Pushed/, /^Confirmed/, /Release #1 succeeded.*Record: \d+ events/s],
    ]
    expect(thread.length).toBe(said.length)
    for (const [index, line] of said.entries()) expect(thread[index]).toMatch(line)
    const outcome = team.slack.messages('product').findLast(({ isBroadcast }) => isBroadcast)
    expect(outcome?.text).toContain('Release #1 succeeded')
  })

  it('is in the history with who asked, who said that QA passed and who approved', async () => {
    await team.command(team.people.tom, '/deploy history production')
    const words = await team.told(team.people.tom, '#1')
    expect(words).toMatch(/succeeded.*asked dana.*QA lin.*approved tom/s)
  })

  it('works again, with QA by the requester, though production has merge commits that master lacks', async () => {
    const { dana, tom } = team.people
    const master = await team.repository.commit({ files: { 'NOTES.md': 'two\n' }, message: 'Note a second thing' })
    const before = await team.repository.head('production')
    await team.command(dana, '/deploy api production')
    await team.until(/Release #2: .*Awaiting sign-off/s)
    expect(team.words(team.card())).toContain('Note a second thing')
    await team.click(dana, 'QA passed')
    await team.until(/Given: QA by @?dana/)
    await team.click(tom, 'Approve')
    await team.succeeded(2)
    const merged = await team.repository.head('production')
    const merge = (await team.bitbucket.log()).findLast(({ kind }) => kind === 'pull request merged')
    expect(merge).toMatchObject({ parents: [before, master] })
    expect(team.heroku.runs(PRODUCTION)).toBe(merged)
    expect(await team.stepsDone(2)).not.toContain('migrate')
  })
})
