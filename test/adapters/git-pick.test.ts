import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createGit } from '../../src/adapters/git/git.ts'
import type { PickRequest } from '../../src/release/ports/git.ts'
import type { App } from '../../src/release/settings.ts'
import { git as plainGit } from '../../src/sandbox/bare-git.ts'
import { createGitRepositories, type GitRepository } from '../support/git-repository.ts'

const run = promisify(execFile)
const AT = new Date('2026-11-22T10:00:00Z')

let repositories: Awaited<ReturnType<typeof createGitRepositories>>
let origin: GitRepository
let git: ReturnType<typeof createGit>
let app: App
let base: string

beforeEach(async () => {
  repositories = await createGitRepositories()
  origin = await repositories.repository('origin')
  app = { name: 'api', repository: 'team/api', gitUrl: origin.directory, environments: [] }
  git = createGit({ mirrors: join(repositories.directory, 'mirrors'), credentials: () => undefined })
  base = await origin.commit('base', { files: { 'a.txt': '1\n2\n3\n4\n5\n6\n7\n8\n', 'b.txt': 'b\n' } })
  await origin.branch('production', base)
})
afterEach(async () => {
  await git.close()
  await repositories.close()
})

const fetchAll = () => git.fetchAll(app, origin.directory)
const wanted = (commits: string[], onto = base): PickRequest => ({
  onto,
  commits,
  at: AT,
  trailer: 'Signoff-Release: 14',
  keepAs: '14',
  ontoName: 'production',
})

/** What a person at a shell would get. */
async function byHand(onto: string, commits: readonly string[]): Promise<string> {
  const clone = join(repositories.directory, `clone-${Math.random()}`)
  const inClone = (...args: string[]) =>
    run('git', ['-c', 'user.name=T', '-c', 'user.email=t@example.test', ...args], { cwd: clone })
  await run('git', ['clone', '--quiet', origin.directory, clone])
  await inClone('checkout', '--quiet', onto)
  await inClone('cherry-pick', '-x', ...commits)
  return (await inClone('rev-parse', 'HEAD^{tree}')).stdout.trim()
}

async function message(commit: string): Promise<string> {
  return (await plainGit(join(repositories.directory, 'mirrors', 'api.git'), ['log', '-1', '--format=%B', commit]))
    .stdout
}

describe('picking', () => {
  it('gives the tree of git cherry-pick, keeps author, date and message, and is the same each time', async () => {
    await origin.commit('not wanted', { files: { 'b.txt': 'other\n' } })
    const fix = await origin.commit('Fix it', {
      files: { 'a.txt': '1\n2\n3\n4\n5\n6\n7\neight\n' },
      author: { name: 'Zoë O’Neil', email: 'zoe@example.test' },
    })
    await fetchAll()
    const picked = await git.pick(app, wanted([fix]))
    const [made] = picked.pick === 'made' ? picked.commits : []
    expect(made?.tree).toBe(await byHand(base, [fix]))
    expect(await git.commit(app, made?.made ?? '')).toMatchObject({ parents: [base], tree: made?.tree })
    const { stdout } = await plainGit(join(repositories.directory, 'mirrors', 'api.git'), [
      'log',
      '-1',
      '--date=raw',
      '--format=%an|%ae|%cn|%ct',
      made?.made ?? '',
    ])
    expect(stdout.trim()).toBe(`Zoë O’Neil|zoe@example.test|Signoff|${AT.getTime() / 1000}`)
    const dates = await Promise.all(
      [fix, made?.made ?? ''].map((each) =>
        plainGit(join(repositories.directory, 'mirrors', 'api.git'), ['log', '-1', '--format=%ad', each]),
      ),
    )
    expect(dates[0]?.stdout).toBe(dates[1]?.stdout)
    expect((await message(made?.made ?? '')).trimEnd()).toBe(
      `Fix it\n\n(cherry picked from commit ${fix})\nSignoff-Release: 14`,
    )
    expect(await git.pick(app, wanted([fix]))).toEqual(picked)

    // Kept by a name until it is told to forget it; the commits themselves stay for whoever knows their ids.
    expect(await git.keptPicks(app)).toEqual(['14'])
    await git.forgetPicks(app, ['14', '15'])
    await git.forgetPicks(app, ['14'])
    expect(await git.keptPicks(app)).toEqual([])
    expect(await git.has(app, made?.made ?? '')).toBe(true)
    await expect(git.forgetPicks(app, ['../heads/x'])).rejects.toThrow('not a name')
  })

  it('picks several in order, and in the wrong order says what conflicts, as git would', async () => {
    const first = await origin.commit('first', { files: { 'a.txt': '1\n2\n3\n4 changed\n5\n6\n7\n8\n' } })
    const second = await origin.commit('second', { files: { 'a.txt': '1\n2\n3\n4 changed twice\n5\n6\n7\n8\n' } })
    await fetchAll()
    const good = await git.pick(app, wanted([first, second]))
    expect(good.pick === 'made' && good.commits.at(-1)?.tree).toBe(await byHand(base, [first, second]))
    await expect(byHand(base, [second, first])).rejects.toThrow()
    expect(await git.pick(app, wanted([second, first]))).toEqual({
      pick: 'conflict',
      commit: second,
      files: [{ path: 'a.txt', line: 4 }],
      lines: ['<<<<<<< production', '4', '=======', '4 changed twice', `>>>>>>> ${second.slice(0, 7)}`],
    })
  })

  it('tells a file that is changed here and gone there, by git’s own words', async () => {
    const gone = await origin.commit('gone', { branch: 'production', files: { 'b.txt': null } })
    const change = await origin.commit('change', { files: { 'b.txt': 'changed\n' } })
    await fetchAll()
    const picked = await git.pick(app, wanted([change], gone))
    expect(picked).toMatchObject({ pick: 'conflict', files: [{ path: 'b.txt' }] })
    expect(picked.pick === 'conflict' && picked.lines.join()).toMatch(
      /modify\/delete.*b\.txt deleted in production and modified in [0-9a-f]{7}\./,
    )
  })

  it('takes the first commit of a history, and tells a change of which nothing is left', async () => {
    const root = await origin.commit('root', { branch: 'other', parents: [], files: { 'new.txt': 'new\n' } })
    const same = await origin.commit('same', { branch: 'other2', parents: [], files: { 'b.txt': 'b\n' } })
    await fetchAll()
    const picked = await git.pick(app, wanted([root]))
    expect(picked.pick === 'made' && picked.commits[0]?.tree).toBe(await byHand(base, [root]))
    expect(await git.pick(app, wanted([same]))).toEqual({ pick: 'empty', commit: same })
  })

  it('refuses merges, and leaves the mirror’s branches alone', async () => {
    const side = await origin.commit('side', { branch: 'side', parents: [base] })
    const head = await origin.commit('more')
    const merge = await origin.commit('merge', { parents: [head, side] })
    await fetchAll()
    await expect(git.pick(app, wanted([merge]))).rejects.toThrow('merge')
    const references = await plainGit(join(repositories.directory, 'mirrors', 'api.git'), [
      'for-each-ref',
      '--format=%(refname)',
    ])
    expect(references.stdout).not.toContain('picks')
  })

  it('keeps trailers together, and survives names and messages that are meant to harm', async () => {
    const nasty = '--amend `id` $(id) <!channel> \u202e'
    const one = await origin.commit(`${nasty}\n\nBody\n\nReviewed-by: Ben\nTicket: 7`, {
      files: { '--option': 'x\n', [`${'long'.repeat(50)}.txt`]: `${'y'.repeat(5000)}\n` },
      author: { name: 'a"b\\c', email: 'x@example.test' },
    })
    await fetchAll()
    const picked = await git.pick(app, wanted([one]))
    const made = picked.pick === 'made' ? (picked.commits[0]?.made ?? '') : ''
    expect((await message(made)).trimEnd()).toBe(
      `${nasty}\n\nBody\n\nReviewed-by: Ben\nTicket: 7\n(cherry picked from commit ${one})\nSignoff-Release: 14`,
    )
    const clash = await origin.commit('clash', { branch: 'production', files: { '--option': `${'z'.repeat(5000)}\n` } })
    await fetchAll()
    const conflict = await git.pick(app, wanted([one], clash))
    expect(conflict).toMatchObject({ pick: 'conflict', files: [{ path: '--option' }] })
    expect(conflict.pick === 'conflict' && conflict.lines.every((line) => line.length <= 200)).toBe(true)
  })
})

describe('finding', () => {
  it('finds commits by the beginning of their ids, and only what a branch has counts as reachable', async () => {
    const head = await origin.commit('head', { branch: 'feature', parents: [base] })
    const heads = await fetchAll()
    expect(heads).toEqual({ ok: true, value: { master: base, production: base, feature: head } })
    expect(await git.commitsNamed(app, head.slice(0, 7))).toEqual([head])
    expect(await git.commitsNamed(app, head)).toEqual([head])
    expect(await git.commitsNamed(app, 'f'.repeat(40))).toEqual([])
    const { tree } = await git.commit(app, head)
    expect(await git.commitsNamed(app, tree)).toEqual([])
    expect(await git.isReachable(app, head, [base])).toBe(false)
    expect(await git.isReachable(app, base, [head])).toBe(true)
    await expect(git.commitsNamed(app, '--all')).rejects.toThrow(TypeError)
  })

  it('knows a change again that is there under another id', async () => {
    const fix = await origin.commit('fix', { files: { 'a.txt': 'one\n2\n3\n4\n5\n6\n7\n8\n' } })
    await origin.commit('other', { branch: 'production', files: { 'b.txt': 'other\n' } })
    const again = await origin.commit('same fix', {
      branch: 'production',
      files: { 'a.txt': 'one\n2\n3\n4\n5\n6\n7\n8\n' },
    })
    await fetchAll()
    expect(await git.hasChange(app, fix, fix)).toBe('the commit')
    expect(await git.hasChange(app, fix, again)).toBe('the same change')
    expect(await git.hasChange(app, fix, base)).toBeUndefined()
  })
})
