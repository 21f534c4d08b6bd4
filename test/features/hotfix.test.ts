import { afterEach, expect, it } from 'vitest'
import { git } from '../../src/sandbox/bare-git.ts'
import { announcements, BUTTON, keyOf, lines, offers, privately } from '../support/channel.ts'
import {
  askForHotfix,
  atBitbucket,
  HOSTILE,
  inOrigin,
  mentions,
  pickedByHand,
  REASON,
  startHotfixTeam,
} from '../support/hotfix.ts'
import { reaches, sign } from '../support/seen-release.ts'
import { INTEGRATION, PRODUCTION, type Team } from '../support/team.ts'

let team: Team
afterEach(async () => {
  await team?.close()
})

/** What the worker's mirror keeps for releases under way. */
async function keptPicks(): Promise<string> {
  const args = ['for-each-ref', '--format=%(refname:strip=3)', 'refs/signoff/picks']
  return (await git(`${team.env.DATA_DIR}/mirrors/api.git`, args)).stdout.trim()
}

async function stepsDone(): Promise<readonly (string | undefined)[]> {
  const events = await team.query<{ body: string }>("select body from event where type = 'step_done' order by id")
  return events.map(({ body }) => /"step":"(\w+)"/.exec(body)?.[1])
}

it('one commit from master onto production: picked, migrated, pushed, confirmed and told; master is untouched', async () => {
  team = await startHotfixTeam()
  const { dana } = team.people
  const [master, before] = [await team.repository.head('master'), await team.repository.head('production')]
  const fix = await inOrigin(team, 'rev-list', '-1', '--grep=^Migration:', 'master')
  await askForHotfix(team, dana, `/hotfix ${fix.slice(0, 8)} production`)
  await team.hears(dana, '#1', 'api', 'production')
  await team.until.awaitingSignOff(1)
  const card = team.words(team.card(1))
  expect(card).toContain(REASON)
  expect(card).toMatch(
    new RegExp(`${fix.slice(0, 7)} Migration: add documents language · Ben Ortiz\\s+migrations/versions/\\w+\\.py`),
  )
  expect(JSON.stringify(team.card()?.blocks)).toContain(`https://bitbucket.org/jurispect/jurispect_api/commits/${fix}`)
  expect(await team.repository.head('production')).toBe(before)
  await sign(team, 1)
  await team.until.succeeded(1)

  const picked = await team.repository.head('production')
  expect(await inOrigin(team, 'rev-parse', `${picked}^`)).toBe(before)
  expect(await inOrigin(team, 'rev-parse', `${picked}^{tree}`)).toBe(await pickedByHand(team, before, [fix]))
  const written = '--format=%an %ae %ad'
  expect(await inOrigin(team, 'log', '-1', written, picked)).toBe(await inOrigin(team, 'log', '-1', written, fix))
  expect(await inOrigin(team, 'log', '-1', '--format=%cn', picked)).toBe('Signoff')
  const message = await inOrigin(team, 'log', '-1', '--format=%B', picked)
  expect(message).toContain(`(cherry picked from commit ${fix})\nSignoff-Release: api #1`)
  expect(await team.heroku.holds(PRODUCTION)).toBe(picked)
  expect(team.heroku.runs(PRODUCTION)).toBe(picked)
  expect(await team.repository.head('master')).toBe(master)
  expect(await team.revisions('production')).toEqual([await team.repository.headRevision('production')])
  expect(team.bitbucket.commitComments(picked)).toHaveLength(1)
  expect(team.bitbucket.pullRequests()).toEqual([])
  expect(await stepsDone()).toEqual(['pick', 'record', 'sync', 'verify', 'migrate', 'push', 'confirm', 'report'])
  expect(announcements(team.slack).map(keyOf)).toEqual(['1:announcement'])
  expect(await team.until.announced(1)).toMatch(/#1.*api production/)
})

it('a commit that master lacks: a pull request carries it there, a day later the thread asks, and the next release keeps it', async () => {
  team = await startHotfixTeam()
  const { dana } = team.people
  await team.repository.branch('urgent', await team.repository.head('production'))
  const fix = await team.repository.commit({
    branch: 'urgent',
    files: { 'api/urgent.py': 'FIXED = True\n', [`${HOSTILE}.py`]: `${HOSTILE}${'y'.repeat(5000)}\n` },
    message: `${HOSTILE} fixes it ${'z'.repeat(5000)}\n\n${HOSTILE}\n${'z'.repeat(5000)}`,
    author: { name: HOSTILE.replaceAll(/[<>]/g, ''), email: 'x@example.test' },
  })
  await askForHotfix(team, dana, `/hotfix ${fix} to api production`)
  await team.until.awaitingSignOff(1)
  expect(team.words(team.card(1))).toMatch(/master.*integration/)
  expect(await keptPicks()).toBe('1')
  await sign(team, 1)
  await team.until.succeeded(1)
  const picked = await team.repository.head('production')
  expect(await team.until.line(1, 'carried')).toContain('master')
  const [pullRequest, ...others] = team.bitbucket.pullRequests()
  expect(others).toEqual([])
  expect(pullRequest).toMatchObject({ state: 'OPEN', source: { sha: picked }, destination: { branch: 'master' } })
  const told = team.slack.messages('product').flatMap((each) => [each, ...team.slack.thread('product', each.ts)])
  expect(mentions(told)).toEqual([])
  expect(JSON.stringify(told)).not.toContain('\u202e')
  const message = await inOrigin(team, 'log', '-1', '--format=%B', picked)
  expect(message).toBe(
    `${await inOrigin(team, 'log', '-1', '--format=%B', fix)}\n\n(cherry picked from commit ${fix})\nSignoff-Release: api #1`,
  )

  const [worker] = team.running
  await worker?.look?.()
  expect(lines(team.slack, 1, 'still-missing')).toEqual([])
  await team.query("update release set ended_at = ended_at - interval '25 hours'")
  await worker?.look?.()
  await worker?.look?.()
  expect(await team.until.line(1, 'still-missing')).toMatch(/master/)
  await team.until.told(1)
  expect(lines(team.slack, 1, 'still-missing')).toHaveLength(1)
  expect(await keptPicks()).toBe('')
  expect(await team.repository.head('signoff/hotfix-1')).toBe(picked)

  await team.command(dana, '/deploy production')
  await sign(team, 2)
  await team.until.succeeded(2)
  expect(await inOrigin(team, 'show', 'production:api/urgent.py')).toBe('FIXED = True')
  expect(await inOrigin(team, 'rev-parse', 'production:README.md')).toBe(
    await inOrigin(team, 'rev-parse', 'master:README.md'),
  )

  // Its pull request is merged: our branch has done what it was for.
  await atBitbucket(team, `pullrequests/${pullRequest?.id}/merge`, { merge_strategy: 'merge_commit' })
  await worker?.look?.()
  await expect(team.repository.head('signoff/hotfix-1')).rejects.toThrow()
  const became = "select body::json->'data'->>'became' as became from event where type = 'hotfix_branch_settled'"
  expect(await team.query(became)).toEqual([{ became: 'deleted' }])
})

it('where nobody signs, the plan is shown privately first, and Go starts it', async () => {
  team = await startHotfixTeam()
  const { dana, lin } = team.people
  const master = await team.repository.head('master')
  await team.repository.branch('urgent', master)
  const first = await team.repository.commit({ branch: 'urgent', files: { 'api/a.py': 'A = 1\n' }, message: 'First' })
  const second = await team.repository.commit({ branch: 'urgent', files: { 'api/a.py': 'A = 2\n' }, message: 'Second' })
  await askForHotfix(team, dana, `/hotfix ${first} ${second} integration`)
  const goMessage = () => privately(team.slack, dana).findLast((message) => offers(message, 'go'))
  const message = await team.waitFor('the button Go', goMessage)
  for (const commit of [first, second]) expect(team.words(message)).toContain(commit.slice(0, 7))
  expect(team.slack.messages('product')).toEqual([])
  expect(await team.repository.head('master')).toBe(master)

  const press = (user: string) => team.slack.click({ user, channel: 'product', ts: message.ts, actionId: BUTTON.go })
  await expect(press(lin)).rejects.toThrow()
  await press(dana)
  await team.until.succeeded(1)
  const picked = await team.repository.head('master')
  expect(await inOrigin(team, 'rev-parse', `${picked}^{tree}`)).toBe(await pickedByHand(team, master, [first, second]))
  expect(await inOrigin(team, 'rev-parse', `${picked}~2`)).toBe(master)
  expect(team.heroku.runs(INTEGRATION)).toBe(picked)
  expect(await stepsDone()).toEqual(['pick', 'record', 'sync', 'verify', 'migrate', 'push', 'confirm', 'report'])
  expect(team.bitbucket.commitComments(picked)).toMatchObject([{ raw: expect.stringContaining(REASON.slice(0, 20)) }])
  await press(dana)
  await team.told(dana, 'already_decided')

  const third = await team.repository.commit({ branch: 'urgent', files: { 'api/a.py': 'A = 3\n' }, message: 'Third' })
  await askForHotfix(team, dana, `/hotfix ${third} integration`)
  await team.waitFor('the button Go of #2', () => goMessage()?.ts !== message.ts)
  await team.query("update release set expires_at = now() - interval '1 second' where number = 2")
  await team.running.find(({ tick }) => tick)?.tick?.()
  await reaches(team, 2, 'expired')
  const isToldOfEnd = "select 1 from outbox where state = 'sent' and key = '2:ended'"
  await team.eventually(async () => expect(await team.query(isToldOfEnd)).toHaveLength(1))
  expect(team.words(privately(team.slack, dana).at(-1))).toContain('#2')
  expect(await team.repository.head('master')).toBe(picked)
})
