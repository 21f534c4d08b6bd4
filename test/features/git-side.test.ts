/** What git servers answer before they take anything (W17), and merges that were reverted on production (W20). */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { askForHotfix, inOrigin } from '../support/hotfix.ts'
import { herokuEffects, NOTHING_TO_TALK_OVER, nextNumber, sign, somethingNew } from '../support/seen-release.ts'
import { INTEGRATION, startTeam, type Team } from '../support/team.ts'

let team: Team
beforeAll(async () => {
  team = await startTeam(NOTHING_TO_TALK_OVER)
})
afterAll(() => team?.close())

const pushes = () => herokuEffects(team.heroku, INTEGRATION).pushes

describe('W17: an error before anything was sent', () => {
  it('that goes away is tried again, and nobody notices', async () => {
    await team.command(team.people.dana, '/deploy integration')
    await team.until.succeeded(1)
    const commit = await somethingNew(team, 'tried-again')
    team.heroku.refuseNextPushes({ status: 503 }, 2)
    await team.command(team.people.dana, '/deploy integration')
    await team.until.succeeded(2)
    expect(pushes().filter((each) => each === commit)).toHaveLength(1)
  })

  it('that stays ends the release at once: nothing was pushed, and Plan again deploys it', async () => {
    const commit = await somethingNew(team, 'given-up')
    team.heroku.refuseNextPushes({ status: 503, text: 'Heroku is under maintenance' }, 3)
    await team.command(team.people.dana, '/deploy integration')
    expect(await team.until.state(3, 'failed')).toMatchObject({
      gate: 'remote_unreachable',
      steps: { push: 'failed none' },
    })
    expect(team.words(team.card(3))).toContain('503')
    expect(await team.until.line(3, 'failed:push')).toContain('Heroku is under maintenance')
    expect(pushes()).not.toContain(commit)
    await team.click(team.people.dana, 'plan again', 3)
    await team.until.succeeded(4)
    expect(pushes()).toContain(commit)
  })

  it('of the forge is told as it is, and nobody is asked whether the pick arrived', async () => {
    const number = await nextNumber(team)
    const before = await team.repository.head('production')
    const fix = await inOrigin(team, 'rev-list', '-1', '--grep=^Migration:', 'master')
    await askForHotfix(team, team.people.dana, `/hotfix ${fix} production`)
    await team.until.awaitingSignOff(number)
    team.bitbucket.refuseNextPushes({ status: 402, text: 'The workspace has no paid plan' }, 1)
    await sign(team, number)
    expect(await team.until.state(number, 'failed')).toMatchObject({
      gate: 'repository_unreachable',
      steps: { pick: 'failed none' },
    })
    expect(team.words(team.card(number))).toContain('402')
    expect(await team.until.line(number, 'failed:pick')).toContain('The workspace has no paid plan')
    expect(await team.repository.head('production')).toBe(before)
  })
})

it('W20: a merge that was reverted on production: the card names what it lists and does not deploy', async () => {
  const number = await nextNumber(team)
  const before = await inOrigin(team, 'rev-parse', 'production^{tree}')
  const feature = await team.repository.commit({ files: { 'api/feature.py': 'F = 1\n' }, message: 'Add the feature' })
  await team.repository.merge({ from: 'master', into: 'production' })
  const changed = await inOrigin(team, 'diff', '--name-only', before, 'production')
  const files = Object.fromEntries(
    await Promise.all(
      changed.split('\n').map(async (path) => {
        const old = await inOrigin(team, 'show', `${before}:${path}`).catch(() => null)
        return [path, old === null ? null : `${old}\n`] as const
      }),
    ),
  )
  await team.repository.commit({ branch: 'production', files, message: 'Revert "Merge master"' })
  await somethingNew(team, 'after-the-revert')
  await team.command(team.people.dana, '/deploy production')
  await team.until.awaitingSignOff(number)
  const card = team.words(team.card(number))
  expect(card).toMatch(/\d+ listed commits were undone on production/)
  expect(card).toContain('revert the revert')
  expect(card).toContain(`Not deployed: ${feature.slice(0, 7)} Add the feature`)
  expect(card).not.toContain('Not deployed: Note after-the-revert')
})
