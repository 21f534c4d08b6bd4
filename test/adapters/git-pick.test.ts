import { execFile, spawnSync } from 'node:child_process'
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

    // Kept by a name until it is told to forget it; the commits themselves stay for those who know their ids.
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

/** Writes a commit of exactly these bytes to origin's branch: git itself neither requires nor checks UTF-8. */
async function rawCommit(branch: string, lines: (tree: string, parent: string) => readonly (string | Buffer)[]) {
  const parent = (await origin.head(branch)) ?? base
  const changed = await origin.commit('changed', { branch: 'scratch', parents: [parent], files: { 'a.txt': 'raw\n' } })
  const tree = (await plainGit(origin.directory, ['rev-parse', `${changed}^{tree}`])).stdout.trim()
  const input = Buffer.concat(lines(tree, parent).map((part) => Buffer.from(part as string)))
  const args = ['hash-object', '--literally', '-t', 'commit', '-w', '--stdin']
  const commit = spawnSync('git', args, { cwd: origin.directory, input }).stdout.toString().trim()
  await origin.branch(branch, commit)
  await origin.branch('scratch', null)
  return commit
}

/** The bytes of a commit in the mirror, each as one character. */
async function bytesOf(commit: string): Promise<string> {
  const cwd = join(repositories.directory, 'mirrors', 'api.git')
  return spawnSync('git', ['cat-file', 'commit', commit], { cwd }).stdout.toString('latin1')
}

const latin1 = (text: string) => Buffer.from(text, 'latin1')
const COMMITTED = 'committer Bo <bo@example.test> 1796000100 +0100\n'

describe('W4: a pick keeps every byte of the author and of the message', () => {
  it.each<[string, readonly (string | Buffer)[], readonly (string | Buffer)[]]>([
    [
      'Latin-1 without an encoding header',
      [latin1('author Jos\xe9 M\xfcller <jos\xe9@example.test> 1796000000 +0100\n'), COMMITTED],
      ['\n', latin1('F\xfcr die Gr\xf6\xdfe\n\nKost\xa0\n')],
    ],
    [
      'Latin-1 with its encoding header',
      [latin1('author Jos\xe9 <jose@example.test> 1796000000 +0100\n'), COMMITTED, 'encoding ISO-8859-1\n'],
      ['\n', latin1('F\xfcr alle\n')],
    ],
    [
      'Shift_JIS with its encoding header',
      ['author Taro <taro@example.test> 1796000000 +0900\n', COMMITTED, 'encoding Shift_JIS\n'],
      ['\n', Buffer.from([0x8f, 0x43, 0x90, 0xb3, 0x0a])],
    ],
    ['UTF-8', ['author Zoë O’Neil <zoe@example.test> 1796000000 -0330\n', COMMITTED], ['\n', 'Größe 🎉\n\nKörper\n']],
    [
      'tabs and odd spaces in the name',
      ['author  Ada\tNowak\u00a0  <ada @example.test> 1796000000 +0000\n', COMMITTED],
      ['\n', 'Odd\n'],
    ],
    ['no name, no address', ['author  <> 1796000000 +0000\n', COMMITTED], ['\n', 'Nobody\n']],
    ['a time zone that does not exist', ['author A <a@b.c> 1796000000 +51800\n', COMMITTED], ['\n', 'Zone\n']],
    ['lines that end in CR LF', ['author A <a@b.c> 1796000000 +0000\n', COMMITTED], ['\n', 'Fix\r\n\r\nBody\r\n']],
    ['a message that is like headers', ['author A <a@b.c> 1796000000 +0000\n', COMMITTED], ['\n', 'author B <b>\n']],
  ])('%s', async (_, headers, message) => {
    const fix = await rawCommit('master', (tree, parent) => [
      `tree ${tree}\nparent ${parent}\n`,
      ...headers,
      ...message,
    ])
    await fetchAll()
    const picked = await git.pick(app, wanted([fix]))
    const made = picked.pick === 'made' ? (picked.commits[0]?.made ?? '') : ''
    const [before, after] = [await bytesOf(fix), await bytesOf(made)]
    const lineOf = (bytes: string, name: string) => bytes.split('\n').find((line) => line.startsWith(`${name} `))
    expect(lineOf(after, 'author')).toBe(lineOf(before, 'author'))
    expect(lineOf(after.split('\n\n')[0] ?? '', 'encoding')).toBe(lineOf(before.split('\n\n')[0] ?? '', 'encoding'))
    expect(lineOf(after, 'committer')).toBe(`committer Signoff <signoff@signoff.invalid> ${AT.getTime() / 1000} +0000`)
    const messageOf = (bytes: string) => bytes.slice(bytes.indexOf('\n\n') + 2)
    const kept = messageOf(before).replace(/[\r\n]+$/, '')
    expect(messageOf(after)).toBe(`${kept}\n\n(cherry picked from commit ${fix})\nSignoff-Release: 14\n`)
    // What git makes of it for people is the same, too.
    const shown = (commit: string) =>
      spawnSync('git', ['log', '-1', '--format=%an|%ae|%ad|%s', commit], {
        cwd: join(repositories.directory, 'mirrors', 'api.git'),
      }).stdout.toString('latin1')
    expect(shown(made)).toBe(shown(fix))
    expect(await git.pick(app, wanted([fix]))).toEqual(picked)
  })

  it('a signature and a tag in the headers are not taken over, nor is anything in them', async () => {
    const fix = await rawCommit('master', (tree, parent) => [
      `tree ${tree}\nparent ${parent}\nauthor A <a@b.c> 1796000000 +0000\n${COMMITTED}`,
      'mergetag object 1234\n type commit\n encoding latin1\n tagger T <t@b.c> 1796000000 +0000\n \n A tag\n',
      'gpgsig -----BEGIN PGP SIGNATURE-----\n \n author B <b@b.c> 1 +0000\n -----END PGP SIGNATURE-----\n',
      '\nSigned\n',
    ])
    await fetchAll()
    const picked = await git.pick(app, wanted([fix]))
    const bytes = await bytesOf(picked.pick === 'made' ? (picked.commits[0]?.made ?? '') : '')
    expect(
      bytes
        .split('\n\n')[0]
        ?.split('\n')
        .map((line) => line.split(' ')[0]),
    ).toEqual(['tree', 'parent', 'author', 'committer'])
    expect(bytes).toContain('\nauthor A <a@b.c> 1796000000 +0000\n')
  })

  it('trailers stay together where lines end in CR LF', async () => {
    const fix = await rawCommit('master', (tree, parent) => [
      `tree ${tree}\nparent ${parent}\nauthor A <a@b.c> 1796000000 +0000\n${COMMITTED}`,
      '\nFix\r\n\r\nBody\r\n\r\nReviewed-by: Ben\r\nTicket: 7\r\n',
    ])
    await fetchAll()
    const picked = await git.pick(app, wanted([fix]))
    const bytes = await bytesOf(picked.pick === 'made' ? (picked.commits[0]?.made ?? '') : '')
    expect(bytes.endsWith(`Ticket: 7\n(cherry picked from commit ${fix})\nSignoff-Release: 14\n`)).toBe(true)
  })
})
