import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { View } from '../../src/sandbox/slack/workspace.ts'
import { holdAt } from '../support/held-step.ts'
import {
  askForHotfix,
  givenRecipe,
  inOrigin,
  openPullRequest,
  pickedByHand,
  pushesTo,
  SURE,
  startHotfixTeam,
} from '../support/hotfix.ts'
import { herokuEffects, nextNumber, reaches, sign } from '../support/seen-release.ts'
import { PRODUCTION, type Team } from '../support/team.ts'
import { leavesNothing } from '../support/world-state.ts'

const run = promisify(execFile)

let team: Team
beforeAll(async () => {
  team = await startHotfixTeam()
})
afterAll(() => team?.close())

/** A fix that is on a branch of its own, from where production is. */
async function aFix(name: string): Promise<string> {
  await team.repository.branch(name, await team.repository.head('production'))
  return team.repository.commit({ branch: name, files: { [`api/${name}.py`]: 'FIXED = 1\n' }, message: `Fix ${name}` })
}

/** The releases that the modal of a hot-fix says it ends. */
function ends({ privateMetadata }: View): readonly number[] {
  return (JSON.parse(privateMetadata) as { ends?: readonly number[] }).ends ?? []
}

it('ends what waits for sign-off, after saying so, and waits behind what runs', async () => {
  const { dana, lin, tom } = team.people
  await team.command(lin, '/deploy production')
  await team.until.awaitingSignOff(1)
  const fix = await aFix('first')
  await team.command(dana, `/hotfix ${fix} production`)
  const view = await team.modal(dana)
  expect(ends(view)).toEqual([1])
  expect(team.slack.plainText(view)).toContain('#1')
  await team.submit(dana, SURE)
  expect(await team.until.outdated(1)).toMatchObject({ gate: 'hotfix_goes_first' })
  expect(team.words(team.card(1))).toContain('dana')
  await team.until.awaitingSignOff(2)
  const rows = await team.query<{ said: string; transaction: string }>(
    `select type || ' ' || release as said, xmin::text as transaction from event
     where type in ('release_ended', 'release_requested') and release > 0 order by id`,
  )
  expect(rows.map(({ said }) => said)).toEqual(['release_requested 1', 'release_ended 1', 'release_requested 2'])
  expect(rows[1]?.transaction).toBe(rows[2]?.transaction)

  // Somebody asked after the modal was opened: nobody said that their release would end.
  await team.command(dana, '/deploy cancel 2')
  await team.until.state(2, 'cancelled')
  await team.command(dana, `/hotfix ${fix} production`)
  await team.modal(dana)
  await team.command(lin, '/deploy production')
  await team.until.awaitingSignOff(3)
  await team.submit(dana, SURE)
  await team.told(dana, 'environment_busy', '#3')
  await team.until.awaitingSignOff(3)

  // The modal says that #3 would end; when it is sent, #3 runs.
  await team.command(dana, `/hotfix ${fix} production`)
  await team.modal(dana, (open) => ends(open).includes(3))
  const merging = team.bitbucket.arrived('merge')
  const { promise: held, resolve: goOn } = Promise.withResolvers<void>()
  team.bitbucket.fault({ route: 'merge', kind: 'delay', until: held })
  await sign(team, 3)
  await merging
  await team.submit(dana, SURE)
  await team.told(dana, 'environment_busy', '#3')
  await team.command(tom, `/hotfix ${fix} production`)
  await team.told(tom, 'environment_busy', '#3')
  expect(team.slack.openView(tom)).toBeUndefined()
  expect(await nextNumber(team)).toBe(4)
  goOn()
  await team.until.succeeded(3)
  const said = await team.query<{ n: number }>(
    'select count(*)::int as n from event where release = 3 and type = $$release_ended$$',
  )
  expect(said[0]?.n).toBe(1)
})

it('is outdated when the branch moves between plan and pick, and pushes nothing', async () => {
  const number = await nextNumber(team)
  const before = await pushesTo(team, 'production')
  await askForHotfix(team, team.people.dana, `/hotfix ${await aFix('second')} production`)
  const planned = await team.repository.head('production')
  await team.until.awaitingSignOff(number)
  await team.click(team.people.lin, 'qa')
  await team.until.signed(number, 'qa')
  const moved = await team.repository.commit({ branch: 'production', files: { 'm.py': 'm\n' }, message: 'Moved' })
  await leavesNothing(team, async () => {
    await team.click(team.people.tom, 'approval')
    const { because } = await team.until.outdated(number)
    expect(because).toMatchObject({ moved: [{ from: planned, to: moved }] })
  })
  expect(await team.repository.head('production')).toBe(moved)

  // After the last look of ours, and before our push: origin itself refuses it.
  await askForHotfix(team, team.people.dana, `/hotfix ${await aFix('late')} production`)
  const step = await holdAt(team, 'pick')
  await sign(team, number + 1)
  await step.held()
  const again = await team.repository.commit({
    branch: 'production',
    files: { 'm.py': 'mm\n' },
    message: 'Moved again',
  })
  await leavesNothing(team, async () => {
    await step.letGo()
    const { because } = await team.until.outdated(number + 1)
    expect(because).toMatchObject({ moved: [{ from: moved, to: again }] })
  })
  expect(await team.repository.head('production')).toBe(again)
  expect(await pushesTo(team, 'production')).toBe(before)
})

it('fails with the branch rule’s own words when the push is refused, and nothing is changed', async () => {
  const number = await nextNumber(team)
  await askForHotfix(team, team.people.dana, `/hotfix ${await aFix('third')} production`)
  await team.until.awaitingSignOff(number)
  const rule = await team.bitbucket.forbidMerge({ kind: 'push', pattern: 'production' })
  await leavesNothing(team, async () => {
    await sign(team, number)
    expect(await team.until.state(number, 'failed')).toMatchObject({
      gate: 'pick_refused',
      steps: { pick: 'failed none' },
    })
  })
  expect(team.words(team.card(number))).toContain(
    "You can't push to production: it is restricted by branch permissions.",
  )
  await team.bitbucket.allowMerge(rule)
})

it('cancelled after the pick says what is done, and the next one says what goes with it', async () => {
  const number = await nextNumber(team)
  const open = Promise.withResolvers<void>()
  await askForHotfix(team, team.people.dana, `/hotfix ${await aFix('cancelled')} production`)
  team.bitbucket.fault({ route: 'comment', kind: 'delay', until: open.promise })
  const recording = team.bitbucket.arrived('comment')
  await sign(team, number)
  await recording
  await team.click(team.people.dana, 'cancel', number)
  await team.until.line(number, 'cancel')
  open.resolve()
  const ended = await reaches(team, number, 'cancelled')
  expect(ended.steps).toMatchObject({ pick: 'done some', record: 'done some' })
  expect(ended.steps.push).toBeUndefined()
  const picked = await team.repository.head('production')
  expect(await team.until.line(number, 'done:pick')).toContain(picked.slice(0, 7))
  expect(herokuEffects(team.heroku, PRODUCTION).pushes).not.toContain(picked)

  await askForHotfix(team, team.people.dana, `/hotfix ${await aFix('fourth')} production`)
  await team.until.awaitingSignOff(number + 1)
  const card = team.words(team.card(number + 1))
  expect(card).toMatch(/\b3\b[^\n]*commits[\s\S]*Fix cancelled[\s\S]*Moved[\s\S]*Fix fourth/)
})

it('looks before it acts when the push’s answer is lost, and goes on by Retry after a build that failed: one commit, one record', async () => {
  const number = (await nextNumber(team)) - 1
  const [before, pushes] = [await team.repository.head('production'), await pushesTo(team, 'production')]
  team.bitbucket.cutNextPush('after')
  team.heroku.failNextBuild()
  await sign(team, number)
  const stopped = await reaches(team, number, 'needs attention')
  expect(stopped).toMatchObject({
    gate: 'build_failed',
    steps: { pick: 'done some', record: 'done some', push: 'failed none' },
  })
  const picked = await team.repository.head('production')
  expect(await inOrigin(team, 'rev-list', '--count', `${before}..${picked}`)).toBe('1')

  await team.click(team.people.dana, 'retry', number)
  await team.until.succeeded(number)
  expect(await team.repository.head('production')).toBe(picked)
  expect(await pushesTo(team, 'production')).toBe(pushes + 1)
  expect(team.bitbucket.commitComments(picked)).toHaveLength(1)
  expect(team.heroku.runs(PRODUCTION)).toBe(picked)
  expect(herokuEffects(team.heroku, PRODUCTION).pushes.filter((commit) => commit === picked)).toHaveLength(1)
})

it('says that a pull request is open when somebody has one that carries the same change, and opens none', async () => {
  const number = await nextNumber(team)
  const fix = await aFix('fifth')
  // The same change by another commit, on a branch that was made of master.
  await team.repository.branch('fifth-for-master', await team.repository.head('master'))
  const files = { 'api/fifth.py': 'FIXED = 1\n' }
  await team.repository.commit({ branch: 'fifth-for-master', files, message: 'Fix it on master too' })
  const other = await openPullRequest(team, { title: 'Something else', source: 'third', destination: 'master' })
  const theirs = await openPullRequest(team, { title: 'Fix', source: 'fifth-for-master', destination: 'master' })
  await askForHotfix(team, team.people.dana, `/hotfix ${fix} production`)
  await sign(team, number)
  await team.until.succeeded(number)
  const carried = await team.until.line(number, 'carried')
  expect(carried).toMatch(new RegExp(`PR #${theirs}\\b.*master`))
  expect(carried).not.toContain(`PR #${other}`)
  const card = team.slack.messages('product').map(({ ts }) => team.slack.thread('product', ts))
  expect(JSON.stringify(card)).toContain(`/pull-requests/${theirs}"`)
  const ours = team.bitbucket.pullRequests().filter(({ title }) => title.includes(`#${number}:`))
  expect(ours).toEqual([])
  await expect(team.repository.head(`signoff/hotfix-${number}`)).rejects.toThrow()
})

describe('a conflict', () => {
  it('is settled by hand with the recipe that the refusal gives, and what comes out of it is a hot-fix', async () => {
    const { dana } = team.people
    await team.repository.branch('clash', await inOrigin(team, 'rev-parse', 'production~1'))
    await team.repository.commit({ branch: 'production', files: { 'limits.py': 'MOST = 10\n' }, message: 'Ours' })
    const clash = await team.repository.commit({
      branch: 'clash',
      files: { 'limits.py': 'MOST = 5\n' },
      message: 'Five',
    })
    const number = await nextNumber(team)
    const production = await team.repository.head('production')
    await askForHotfix(team, dana, `/hotfix ${clash.slice(0, 9)} production`)
    const words = await team.told(dana, 'pick_conflict', `#${number}`)
    const recipe = givenRecipe(team, dana)
    expect(words).toContain('limits.py')
    expect(words).toContain('MOST = 10')

    const clone = await mkdtemp(join(tmpdir(), 'signoff-recipe-'))
    const environment = { PATH: process.env.PATH, HOME: clone, GIT_EDITOR: 'true' }
    const who = {
      GIT_AUTHOR_NAME: 'T',
      GIT_AUTHOR_EMAIL: 't@x.test',
      GIT_COMMITTER_NAME: 'T',
      GIT_COMMITTER_EMAIL: 't@x.test',
    }
    const paste = (lines: string) =>
      run('bash', ['-c', `cd work && ${lines}`], { cwd: clone, env: { ...environment, ...who } }).then(
        () => 'done',
        () => 'failed',
      )
    try {
      await run('git', ['clone', '--quiet', team.repository.bare, join(clone, 'work')])
      // All of it at once, as people paste: it stops at the conflict, and pushes nothing.
      expect(await paste(`{\n${recipe}\n}`)).toBe('failed')
      const branch = /git push origin (\S+)/.exec(recipe)?.[1] ?? ''
      await expect(team.repository.head(branch)).rejects.toThrow()
      await writeFile(join(clone, 'work', 'limits.py'), 'MOST = 7\n')
      // Between the two halves stands one comment, which says what a person has to do.
      const [, rest = ''] = recipe.split(/^#.*$/m)
      expect(await paste(`git add limits.py &&\n${rest.trim()}`)).toBe('done')

      const made = await team.repository.head(branch)
      expect(await inOrigin(team, 'rev-parse', `${made}^`)).toBe(production)
      expect(await inOrigin(team, 'show', `${made}:limits.py`)).toBe('MOST = 7')
      expect(await inOrigin(team, 'log', '-1', '--format=%B', made)).toContain(`(cherry picked from commit ${clash})`)
      await askForHotfix(team, dana, `/hotfix ${made} production`)
      await sign(team, number + 1)
      await team.until.succeeded(number + 1)
      const picked = await team.repository.head('production')
      expect(await inOrigin(team, 'rev-parse', `${picked}^{tree}`)).toBe(await pickedByHand(team, production, [made]))
      expect(team.heroku.runs(PRODUCTION)).toBe(picked)
    } finally {
      await rm(clone, { recursive: true, force: true })
    }
  })
})
