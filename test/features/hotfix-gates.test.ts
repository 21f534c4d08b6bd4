import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { git } from '../../src/sandbox/bare-git.ts'
import type { Message } from '../../src/sandbox/slack/workspace.ts'
import { filledIn, privately } from '../support/channel.ts'
import {
  givenRecipe,
  HOSTILE,
  hotfixRefused,
  inOrigin,
  mentions,
  pickedByHand,
  SURE,
  startHotfixTeam,
} from '../support/hotfix.ts'
import { seenRelease } from '../support/seen-release.ts'
import type { Team } from '../support/team.ts'
import { leavesNothing } from '../support/world-state.ts'

describe('a hot-fix that cannot be', () => {
  let team: Team
  let onMaster: readonly string[]
  beforeAll(async () => {
    team = await startHotfixTeam()
    onMaster = (await inOrigin(team, 'rev-list', '--no-merges', '--reverse', 'production..master')).split('\n')
  })
  afterAll(() => team.close())

  const newest = async () =>
    (await team.query<{ number: number }>('select number from release order by number desc limit 1'))[0]
  const mirrorBranches = async () => {
    const args = ['for-each-ref', '--format=%(refname) %(objectname)', 'refs/signoff']
    const all = (await git(`${team.env.DATA_DIR}/mirrors/api.git`, args)).stdout.trim().split('\n')
    return all.filter((line) => !line.startsWith('refs/signoff/picks/'))
  }

  it('opens the same modal empty, with why it is the last resort', async () => {
    const { dana } = team.people
    await team.command(dana, '/hotfix')
    const view = await team.modal(dana)
    // There is one app, which is picked.
    expect(JSON.stringify(view.blocks).match(/initial/g)).toHaveLength(1)
    const whole = { app: 'api', environment: 'production', commits: 'abcd', ...SURE }
    const { app: _, ...withoutApp } = whole
    for (const values of [
      { ...withoutApp, reason: 'too short' },
      { ...whole, sure: false },
    ]) {
      const sent = await team.slack.submit({ user: dana, view, values: filledIn<string | boolean>(view, values) })
      expect(sent.seen).not.toBe('acknowledged')
    }
    expect(await newest()).toBeUndefined()
    await team.submit(dana, { ...whole, commits: `what ${HOSTILE}` })
    await team.told(dana, 'unknown_commit')
    expect(await newest()).toBeUndefined()
  })

  it('refuses a commit that nobody knows, with those that could be meant', async () => {
    const words = await leavesNothing(team, () => hotfixRefused(team, '/hotfix fffffff production', 'unknown_commit'))
    expect(words).toContain('fffffff')
    for (const sha of onMaster) expect(words).toContain(sha.slice(0, 7))
  })

  it('refuses one that is on no branch any more', async () => {
    await team.repository.branch('gone', await team.repository.head('master'))
    const lost = await team.repository.commit({ branch: 'gone', files: { 'x.py': 'x\n' }, message: 'Lost' })
    await hotfixRefused(team, '/hotfix fffffff production', 'unknown_commit')
    await team.repository.delete('gone')
    const words = await leavesNothing(team, () => hotfixRefused(team, `/hotfix ${lost} production`, 'unknown_commit'))
    expect(words).toContain(lost.slice(0, 7))
    expect((await seenRelease(team, (await newest())?.number ?? 0)).because).toMatchObject({ why: 'on no branch' })
  })

  it('refuses an abbreviation of several, with each of them', async () => {
    const [tree, parent] = (await inOrigin(team, 'rev-parse', 'production^{tree}', 'production')).split('\n')
    const who = 'Ada Nowak <ada@example.test> 1795000000 +0000'
    const text = (n: number) => `tree ${tree}\nparent ${parent}\nauthor ${who}\ncommitter ${who}\n\nTwin ${n}\n`
    const idOf = (n: number) =>
      createHash('sha1')
        .update(`commit ${text(n).length}\0${text(n)}`)
        .digest('hex')
    const seen = new Map<string, number>()
    let n = 0
    while (!seen.has(idOf(n).slice(0, 5))) seen.set(idOf(n).slice(0, 5), n++)
    const prefix = idOf(n).slice(0, 5)
    const twins = [seen.get(prefix) ?? 0, n]
    for (const twin of twins) {
      await git(team.repository.bare, ['hash-object', '-t', 'commit', '-w', '--stdin'], { input: text(twin) })
      await team.repository.branch(`twin-${twin}`, idOf(twin))
    }
    const words = await leavesNothing(team, () =>
      hotfixRefused(team, `/hotfix ${prefix} production`, 'ambiguous_commit'),
    )
    for (const twin of twins) expect(words).toContain(`${idOf(twin).slice(0, 7)} Twin ${twin} · Ada Nowak`)
  })

  it('refuses a merge, names its mainline and lists what it brought', async () => {
    const before = await team.repository.head('master')
    await team.repository.branch('side', before)
    const side = await team.repository.commit({ branch: 'side', files: { 'side.py': 's\n' }, message: 'Side' })
    await team.repository.commit({ branch: 'master', files: { 'other.py': 'o\n' }, message: 'Other' })
    const other = await team.repository.head('master')
    const merge = await team.repository.merge({ from: 'side', into: 'master' })
    const words = await leavesNothing(team, () => hotfixRefused(team, `/hotfix ${merge} production`, 'merge_commit'))
    expect(words).toContain(side.slice(0, 7))
    expect(words).toContain(other.slice(0, 7))
  })

  it('refuses what is there already: the commit, the same change, and nothing left of it', async () => {
    const there = await inOrigin(team, 'rev-parse', 'production^2')
    const isThere = async (commit: string) => {
      await leavesNothing(team, () => hotfixRefused(team, `/hotfix ${commit} production`, 'already_applied'))
      return (await seenRelease(team, (await newest())?.number ?? 0)).because
    }
    expect(await isThere(there)).toMatchObject({ how: 'the commit', branch: 'production' })

    await team.repository.branch('twin', await inOrigin(team, 'rev-parse', 'production~1'))
    const files = { 'twin.py': 'twin = 1\n' }
    const twin = await team.repository.commit({ branch: 'twin', files, message: 'Twin' })
    await team.repository.commit({ branch: 'production', files, message: 'The same by another' })
    expect(await isThere(twin)).toMatchObject({ how: 'the same change', commit: { sha: twin } })

    const half = { ...files, 'twin2.py': 'two\n' }
    await team.repository.branch('half', await inOrigin(team, 'rev-parse', 'production~2'))
    await team.repository.commit({ branch: 'production', files: { 'twin2.py': 'two\n' }, message: 'Second half' })
    const both = await team.repository.commit({ branch: 'half', files: half, message: 'Both halves at once' })
    expect(await isThere(both)).toMatchObject({ how: 'empty', commit: { sha: both } })
  })

  it('refuses two commits in the wrong order, by file, with a recipe to paste', async () => {
    const [first, second] = (
      await inOrigin(team, 'log', '--format=%H', '--reverse', 'production..master', '--', 'api/search.py')
    ).split('\n')
    await expect(pickedByHand(team, 'production', [second ?? '', first ?? ''])).rejects.toThrow()
    const before = await mirrorBranches()
    const words = await leavesNothing(team, () =>
      hotfixRefused(team, `/hotfix ${second} ${first} production`, 'pick_conflict'),
    )
    expect(words).toContain('api/search.py')
    expect(words).toContain('git fetch origin')
    expect(words).toContain(`git cherry-pick -x ${second?.slice(0, 12)} ${first?.slice(0, 12)}`)
    expect(await mirrorBranches()).toEqual(before)
  })

  it('shows hostile names and lines as words', async () => {
    await team.repository.branch('hostile', await team.repository.head('production'))
    const paths = [`${HOSTILE}.py`, `n\`a\`me <!channel> \u202e${'w'.repeat(200)}.py`]
    const written = (text: string) => Object.fromEntries(paths.map((path) => [path, text]))
    const hostile = await team.repository.commit({
      branch: 'hostile',
      files: written(`${HOSTILE}${'y'.repeat(5000)}\n`),
      message: `${HOSTILE} ${'z'.repeat(5000)}`,
      author: { name: HOSTILE.replaceAll(/[<>]/g, ''), email: '--x@example.test' },
    })
    await team.repository.commit({
      branch: 'production',
      files: written(`${HOSTILE} theirs ${'x'.repeat(5000)}\n`),
      message: 'Theirs',
    })
    const words = await leavesNothing(team, () => hotfixRefused(team, `/hotfix ${hostile} production`, 'pick_conflict'))
    expect(words).toContain('--force <!channel> `rm` @here.py')
    expect(words).toContain('n`a`me <!channel>')
    expect(words).toContain('<<<<<<< production\n--force <!channel> `rm` @here theirs xxx')
    expect(Math.max(...words.split('\n').map((line) => line.length))).toBeLessThan(500)
    const { dana } = team.people
    const told = privately(team.slack, dana) as Message[]
    expect(mentions(told)).toEqual([])
    expect(JSON.stringify(told)).not.toContain('\u202e')
    // Its recipe names nothing that others have written.
    expect(givenRecipe(team, dana)).toMatch(
      /^git fetch origin &&\ngit switch -c hotfix-[0-9a-f]{7} origin\/production &&\ngit cherry-pick -x [0-9a-f]{12}\n/,
    )
  })

  it('refuses more than ten, and a branch that no environment follows', async () => {
    const { dana } = team.people
    const many = Array.from({ length: 11 }, (_, index) => `abcd${(4096 + index).toString(16)}`).join(' ')
    await team.command(dana, `/hotfix ${many} production`)
    await team.told(dana, 'too_many_commits')
    await team.command(dana, '/hotfix abcd123 Release-2.x')
    expect(await team.told(dana, 'not_followed_branch')).toContain(
      'git switch Release-2.x &&\ngit cherry-pick -x abcd123 &&\ngit push origin Release-2.x',
    )
    await team.command(dana, '/hotfix abcd123 master')
    expect(await team.told(dana, 'unknown_environment', 'master', 'integration')).not.toContain('git ')
  })

  it('refuses a migration that would give the revisions a second head', async () => {
    await team.repository.branch('heads', await team.repository.head('production'))
    const one = await team.repository.addRevision({ branch: 'heads', message: 'one more', sql: 'SELECT 1' })
    const two = await team.repository.addRevision({ branch: 'production', message: 'another', sql: 'SELECT 2' })
    const words = await leavesNothing(team, () =>
      hotfixRefused(team, `/hotfix ${one.sha} production`, 'migration_heads'),
    )
    expect(words).toContain(one.revision)
    expect(words).toContain(two.revision)
  })

  it('refuses when the remote holds what the branch lacks', async () => {
    await team.repository.branch('by-hand', await team.repository.head('production'))
    const stray = await team.repository.commit({ branch: 'by-hand', files: { 'stray.py': 's\n' }, message: 'Stray' })
    await team.heroku.pushBehind('complianceai-api-production', stray, team.repository.bare)
    await team.repository.delete('by-hand')
    const words = await leavesNothing(team, () =>
      hotfixRefused(team, `/hotfix ${onMaster.at(-1)} production`, 'remote_diverged'),
    )
    expect(words).toContain('Stray')
  })

  it('asks nobody for anything, and leaves nothing: no card was ever posted, and the mirror only knows its remotes', async () => {
    expect(team.slack.messages('product')).toEqual([])
    expect(team.bitbucket.pullRequests()).toEqual([])
    const [worker] = team.running
    await worker?.look?.()
    const all = (await git(`${team.env.DATA_DIR}/mirrors/api.git`, ['for-each-ref', '--format=%(refname)'])).stdout
    expect(
      all
        .trim()
        .split('\n')
        .filter((name) => !/^refs\/signoff\/[0-9a-f]{16}\//.test(name)),
    ).toEqual([])
  })
})
