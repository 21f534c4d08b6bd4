import { spawnSync } from 'node:child_process'
import { mkdir, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createGit } from '../../src/adapters/git/git.ts'
import type { App } from '../../src/release/settings.ts'
import { git as plainGit } from '../../src/sandbox/bare-git.ts'
import { createGitRepositories, type GitRepository } from '../support/git-repository.ts'

const BEN = { name: 'Ben Ortiz', email: 'ben@example.test' }
const NOWHERE = 'f'.repeat(40)

let repositories: Awaited<ReturnType<typeof createGitRepositories>>
let origin: GitRepository
let git: ReturnType<typeof createGit>
let app: App
let said: Record<string, unknown>[]

beforeEach(async () => {
  repositories = await createGitRepositories()
  origin = await repositories.repository('origin')
  app = { name: 'api', repository: 'team/api', gitUrl: origin.directory, environments: [] }
  said = []
  git = createGit({
    mirrors: join(repositories.directory, 'mirrors'),
    credentials: () => undefined,
    log: (_, facts) => said.push(facts),
    timeouts: { otherMs: 20_000 },
  })
})
afterEach(async () => {
  await git.close()
  await repositories.close()
})

const mirror = () => join(repositories.directory, 'mirrors', 'api.git')
const fetch = (...branches: string[]) => git.fetch(app, origin.directory, branches)

describe('the mirror', () => {
  it('brings the branches that are asked for, and tells which are not there', async () => {
    const first = await origin.commit('first')
    const other = await origin.commit('other', { branch: 'feature/x' })
    await origin.commit('unasked', { branch: 'unasked', parents: [] })
    await plainGit(origin.directory, ['tag', 'v1', first])
    expect(await fetch('master', 'feature/x', 'nobody')).toEqual({
      ok: true,
      value: { master: first, 'feature/x': other, nobody: null },
    })
    expect(await git.has(app, first)).toBe(true)
    expect(await git.has(app, NOWHERE)).toBe(false)
    const references = await plainGit(mirror(), ['for-each-ref', '--format=%(refname:lstrip=3) %(objectname)'])
    expect(references.stdout.trim().split('\n').sort()).toEqual([`feature%2Fx ${other}`, `master ${first}`])
    expect(await readdir(mirror())).not.toContain('FETCH_HEAD')
    expect((await stat(mirror())).mode & 0o077).toBe(0)
  })

  it('looks without fetching, and says so for an empty repository', async () => {
    expect(await git.heads(origin.directory, ['master'])).toEqual({ ok: true, value: { master: null } })
    const first = await origin.commit('first')
    expect(await git.heads(origin.directory, ['master', 'aster'])).toEqual({
      ok: true,
      value: { master: first, aster: null },
    })
  })

  it('follows a branch that was moved back, and one that became a folder of branches', async () => {
    const first = await origin.commit('first')
    await origin.commit('second')
    await fetch('master')
    await origin.branch('master', first)
    expect(await fetch('master')).toEqual({ ok: true, value: { master: first } })
    await origin.branch('master', null)
    await origin.branch('master/next', first)
    expect(await fetch('master/next')).toEqual({ ok: true, value: { 'master/next': first } })
  })

  it('serves many fetches that start at once', async () => {
    const first = await origin.commit('first')
    const next = await origin.commit('next', { branch: 'next' })
    const other = createGit({ mirrors: join(repositories.directory, 'mirrors'), credentials: () => undefined })
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, index) =>
        (index % 2 === 0 ? git : other).fetch(app, origin.directory, index % 3 === 0 ? ['master', 'next'] : ['master']),
      ),
    )
    for (const answer of answers) expect(answer).toMatchObject({ ok: true, value: { master: first } })
    expect(await git.has(app, next)).toBe(true)
    expect((await readdir(join(repositories.directory, 'mirrors'))).sort()).toEqual(['api.git'])
    await other.close()
  })

  it('goes on past the lock of a process that died', async () => {
    const first = await origin.commit('first')
    await fetch('master')
    const folder = join(mirror(), 'refs', 'signoff', (await readdir(join(mirror(), 'refs', 'signoff')))[0] ?? '')
    for (const branch of ['master', 'other']) {
      await writeFile(join(folder, `${branch}.lock`), '')
      await utimes(join(folder, `${branch}.lock`), 1, 1)
    }
    const second = await origin.commit('second')
    await origin.branch('other', first)
    expect(await fetch('master', 'other')).toEqual({ ok: true, value: { master: second, other: first } })
  }, 30_000)

  it('is made again when the app has another git URL', async () => {
    const first = await origin.commit('first')
    await fetch('master')
    const elsewhere = await repositories.repository('elsewhere')
    await elsewhere.commit('second life', { parents: [] })
    const moved = { ...app, gitUrl: elsewhere.directory }
    await git.fetch(moved, elsewhere.directory, ['master'])
    expect(await git.has(moved, first)).toBe(false)
  })

  it('notices a half-written history and fetches it again', async () => {
    const first = await origin.commit('first')
    await git.has(app, first)
    // The commit alone, as an interrupted unpack would have left it.
    const raw = (await plainGit(origin.directory, ['cat-file', 'commit', first])).stdout
    await plainGit(mirror(), ['hash-object', '-t', 'commit', '-w', '--literally', '--stdin'], { input: raw })
    expect(await git.has(app, first)).toBe(true)
    await fetch('master')
    expect(await git.fileAt(app, first, 'first.txt')).toBe('first\n')
  })

  it('T14: fetches again what the mirror has lost, though its references are where they should be', async () => {
    const first = await origin.commit('first')
    await fetch('master')
    const packs = join(mirror(), 'objects', 'pack')
    for (const file of await readdir(packs)) await rm(join(packs, file))
    expect(await fetch('master')).toEqual({ ok: true, value: { master: first } })
    expect(await git.fileAt(app, first, 'first.txt')).toBe('first\n')
  })

  it('T14: puts its references where the remote is, also back, and past the lock of a killed git', async () => {
    const first = await origin.commit('first')
    await origin.commit('second')
    await fetch('master')
    await origin.branch('master', first)
    const third = await origin.commit('third')
    await origin.branch('other', first)
    const kept = (await plainGit(mirror(), ['for-each-ref', '--format=%(refname)'])).stdout.trim()
    await writeFile(join(mirror(), `${kept}.lock`), '')
    const old = new Date(Date.now() - 60_000)
    await utimes(join(mirror(), `${kept}.lock`), old, old)
    expect(await fetch('master', 'other')).toEqual({ ok: true, value: { master: third, other: first } })
    const now = (await plainGit(mirror(), ['for-each-ref', '--format=%(objectname)'])).stdout.trim().split('\n')
    expect(now.toSorted()).toEqual([first, third].toSorted())
    expect(await git.fileAt(app, third, 'third.txt')).toBe('third\n')
  })

  it('puts many packs into one and loses nothing', async () => {
    const commits: string[] = []
    for (let made = 0; made < 3; made += 1) {
      commits.push(await origin.commit(`change${made}`))
      await fetch('master')
    }
    const packs = join(mirror(), 'objects', 'pack')
    const some = (await readdir(packs)).find((file) => file.endsWith('.pack')) ?? ''
    for (let copy = 0; copy < 70; copy += 1) await writeFile(join(packs, `copy-${copy}${some}.keepme.pack`), '')
    commits.push(await origin.commit('last'))
    await fetch('master')
    for (const commit of commits) expect(await git.has(app, commit)).toBe(true)
    expect((await readdir(packs)).filter((file) => /^pack-.*\.pack$/.test(file))).toHaveLength(1)
  })

  it('takes no settings and no hooks that somebody planted', async () => {
    const first = await origin.commit('first')
    await fetch('master')
    const planted = join(repositories.directory, 'planted')
    await mkdir(join(mirror(), 'hooks'), { recursive: true })
    for (const hook of ['pre-push', 'reference-transaction', 'post-index-change']) {
      await writeFile(join(mirror(), 'hooks', hook), `#!/bin/sh\necho ${hook} >> ${planted}\n`, { mode: 0o755 })
    }
    const configuration = await readFile(join(mirror(), 'config'), 'utf8')
    const hostile = `${configuration}[core]\n\tfsmonitor = touch ${planted}\n[url "ext::sh -c 'touch ${planted}' "]\n\tinsteadOf = /\n`
    await writeFile(join(mirror(), 'config'), hostile)
    const second = await origin.commit('second')
    expect(await fetch('master')).toEqual({ ok: true, value: { master: second } })
    await git.push(app, origin.directory, { commit: first, branch: 'release', expected: null })
    const checkout = join(repositories.directory, 'checkout')
    await mkdir(checkout)
    await git.checkout(app, first, checkout)
    expect(await origin.head('release')).toBe(first)
    await expect(readFile(planted)).rejects.toThrow('ENOENT')
    expect(await readFile(join(mirror(), 'config'), 'utf8')).toBe(configuration)
  })
})

describe('commits', () => {
  it('lists what is new, newest first, with an exact count and everyone who wrote', async () => {
    const first = await origin.commit('first')
    const second = await origin.commit('second', { author: BEN })
    const side = await origin.commit('side', {
      branch: 'side',
      parents: [first],
      author: { ...BEN, email: 'BEN@example.test' },
    })
    const odd = await origin.commit('tab\tand "quotes" òò é', { branch: 'side' })
    const merge = await origin.commit('merge', {
      parents: [second, odd],
      author: { name: 'Merge Bot', email: 'bot@example.test' },
    })
    await fetch('master')
    const range = { from: [merge], notFrom: [first] }
    const all = await git.commits(app, { ...range, limit: 10 })
    expect(all.commits.map((commit) => commit.sha)).toEqual([merge, odd, side, second])
    expect(all.commits.map((commit) => commit.isMerge)).toEqual([true, false, false, false])
    expect(all.commits[1]?.title).toBe('tab and "quotes" òò é')
    expect(all.commits[3]).toEqual({
      sha: second,
      title: 'second',
      author: BEN,
      at: '2026-11-02T09:01:00+00:00',
      isMerge: false,
    })
    const cut = await git.commits(app, { ...range, limit: 1 })
    expect(cut.count).toBe(4)
    expect(cut.commits).toHaveLength(1)
    expect(cut.authors.map(({ name }) => name)).toEqual(['Ada Nowak', 'Ben Ortiz'])
    expect(await git.commits(app, { from: [first], notFrom: [merge], limit: 5 })).toEqual({
      count: 0,
      commits: [],
      authors: [],
    })
    await expect(git.commits(app, { from: [NOWHERE], notFrom: [], limit: 5 })).rejects.toThrow()
    const facts = await git.commit(app, merge)
    expect(facts).toEqual({ sha: merge, tree: await git.folderAt(app, merge, '.'), parents: [second, odd] })
    await expect(git.commit(app, facts.tree)).rejects.toThrow()
  })

  it('reads parents and messages, newest first, up to a limit', async () => {
    const first = await origin.commit('first')
    const side = await origin.commit('side', { branch: 'side', parents: [first], author: BEN })
    const message = `Merged in side (pull request #12)\n\nÒne title\n\n${'long '.repeat(1_000)}`
    const merge = await origin.commit(message, { parents: [first, side], files: { 'side.txt': 'side\n' } })
    await fetch('master')
    const all = await git.history(app, { from: [merge], notFrom: [first], limit: 2 })
    expect(all.isAll).toBe(true)
    expect(all.commits.map(({ sha, parents }) => [sha, parents])).toEqual([
      [merge, [first, side]],
      [side, [first]],
    ])
    expect(all.commits[0]?.message.split('\n').slice(0, 3)).toEqual(message.split('\n').slice(0, 3))
    expect(all.commits[0]?.message.length).toBeLessThanOrEqual(2_000)
    expect(all.commits[1]?.author).toEqual(BEN)
    expect(await git.history(app, { from: [merge], notFrom: [first], limit: 1 })).toMatchObject({ isAll: false })
    expect(await git.history(app, { from: [], notFrom: [], limit: 5 })).toEqual({ commits: [], isAll: true })
    await expect(git.history(app, { from: [NOWHERE], notFrom: [], limit: 5 })).rejects.toThrow()
  })

  it('tells ancestors, and throws where it cannot', async () => {
    const first = await origin.commit('first')
    const second = await origin.commit('second')
    await fetch('master')
    expect(await git.isAncestor(app, first, second)).toBe(true)
    expect(await git.isAncestor(app, second, first)).toBe(false)
    await expect(git.isAncestor(app, NOWHERE, second)).rejects.toThrow()
  })
})

describe('merges', () => {
  it('previews a clean one and its tree, a conflict and its files, and none between unrelated histories', async () => {
    const base = await origin.commit('base', { files: { 'a.txt': 'one\n', 'b.txt': 'one\n' } })
    const ours = await origin.commit('ours', { files: { 'a.txt': 'ours\n' } })
    const theirs = await origin.commit('theirs', { branch: 'theirs', parents: [base], files: { 'b.txt': 'theirs\n' } })
    const against = await origin.commit('against', { branch: 'against', parents: [base], files: { 'a.txt': 'no\n' } })
    const alone = await origin.commit('alone', { branch: 'alone', parents: [] })
    await fetch('master', 'theirs', 'against', 'alone')
    const clean = await git.previewMerge(app, ours, theirs)
    if (!clean.clean) throw new Error('it was to be clean')
    expect((await git.changedFiles(app, ours, clean.tree, 10)).list).toEqual([{ path: 'b.txt', added: 1, removed: 1 }])
    expect(await git.previewMerge(app, ours, against)).toEqual({
      clean: false,
      files: ['a.txt'],
      messages: ['CONFLICT (content): Merge conflict in a.txt'],
    })
    expect(await git.previewMerge(app, ours, alone)).toMatchObject({ clean: false, files: [] })
  })
})

describe('files', () => {
  it('counts what changed, with renames, odd names and files that are not text', async () => {
    const long = Array.from({ length: 20 }, (_, line) => `line ${line}\n`).join('')
    const first = await origin.commit('first', { files: { 'old name.txt': long, 'gone.txt': 'x\n' } })
    const second = await origin.commit('second', {
      files: { 'old name.txt': null, 'gone.txt': null, 'né {w} => ".txt': `${long}more\n`, 'dir/b.bin': '\0\x01' },
    })
    await fetch('master')
    expect(await git.changedFiles(app, first, second, 10)).toEqual({
      count: 3,
      list: [
        { path: 'dir/b.bin', added: 0, removed: 0 },
        { path: 'gone.txt', added: 0, removed: 1 },
        { path: 'né {w} => ".txt', added: 1, removed: 0 },
      ],
    })
    expect(await git.changedFiles(app, null, first, 1)).toEqual({
      count: 2,
      list: [{ path: 'gone.txt', added: 1, removed: 0 }],
    })
    expect(await git.changedFiles(app, first, first, 1)).toEqual({ count: 0, list: [] })
  })

  it('gives ids and texts of paths, and refuses paths that lead elsewhere', async () => {
    const files = { 'm/versions/a.py': 'é = 1\n\n', link: { link: 'm' }, 'n/versions': { link: '../m/versions' } }
    const first = await origin.commit('first', { files })
    await fetch('master')
    const tree = await git.folderAt(app, first, 'm/versions/')
    expect(tree).toMatch(/^[0-9a-f]{40}$/)
    expect(await git.folderAt(app, first, './m/versions')).toBe(tree)
    for (const path of ['m/version', 'm/versions/a.py', 'link', 'link/versions', 'n']) {
      expect(await git.folderAt(app, first, path), path).toBeUndefined()
    }
    expect(await git.fileAt(app, first, 'm/versions/a.py')).toBe('é = 1\n\n')
    expect(await git.fileAt(app, first, 'm')).toBeUndefined()
    expect(await git.fileAt(app, first, 'link')).toBeUndefined()
    await expect(git.folderAt(app, NOWHERE, 'm')).rejects.toThrow()
    for (const path of ['../m', '/m', 'm/../m', '-m', 'm//versions', 'm\nx', 'm/./versions']) {
      await expect(git.folderAt(app, first, path), path).rejects.toThrow('not a path inside')
    }
  })

  it('checks out the exact bytes, whatever attributes say, and no link that leads outside', async () => {
    const files = {
      '.gitattributes': '*.txt text eol=crlf ident\nsecret.txt export-ignore\n*.txt filter=evil\n',
      'secret.txt': '$Id$\nkept\n',
      'dir/a.txt': 'a\n',
      inside: { link: 'dir/a.txt' },
      absolute: { link: '/etc/passwd' },
      outside: { link: 'dir/../../elsewhere' },
      '.env': { link: '../.env' },
      'dir/up': { link: '..' },
      through: { link: 'dir/up/../x' },
    }
    const first = await origin.commit('first', { files })
    await fetch('master')
    const directory = join(repositories.directory, 'checkout')
    await mkdir(directory)
    await writeFile(join(repositories.directory, 'elsewhere'), '')
    await git.checkout(app, first, directory)
    expect((await readdir(directory)).sort()).toEqual(['.gitattributes', 'dir', 'inside', 'secret.txt'])
    expect(await readFile(join(directory, 'secret.txt'), 'utf8')).toBe('$Id$\nkept\n')
    expect(await readFile(join(directory, 'inside'), 'utf8')).toBe('a\n')
    expect(said).toEqual([{ app: 'api', leftOut: ['.env', 'absolute', 'outside', 'through'] }])
    await expect(git.checkout(app, first, directory)).rejects.toThrow('empty directory')
    expect((await readdir(mirror())).filter((file) => file.startsWith('index-'))).toEqual([])
  })

  const POINTER = `version https://git-lfs.github.com/spec/v1\noid sha256:${'0'.repeat(64)}\nsize 12\n`

  async function checkedOut(commit: string) {
    await fetch('master')
    const directory = join(repositories.directory, 'checkout')
    await mkdir(directory)
    return { directory, left: await git.checkout(app, commit, directory) }
  }

  it('W2: leaves out what Git LFS keeps elsewhere, so that no pointer is taken for data', async () => {
    const commit = await origin.commit('first', {
      files: {
        'data/.gitattributes': '*.csv filter=lfs diff=lfs merge=lfs -text\n',
        'data/words.csv': POINTER,
        'data/words.txt': `A text that mentions\n${POINTER}`,
        'data/small.csv': 'a,b\n',
      },
    })
    const { directory, left } = await checkedOut(commit)
    expect(left).toEqual({ lfs: ['data/words.csv'], submodules: [] })
    expect((await readdir(join(directory, 'data'))).sort()).toEqual(['.gitattributes', 'small.csv', 'words.txt'])
  })

  it('W2: takes the text of a pointer for a file where nothing names Git LFS', async () => {
    const commit = await origin.commit('first', { files: { 'docs/lfs.txt': POINTER } })
    const { directory, left } = await checkedOut(commit)
    expect(left).toEqual({ lfs: [], submodules: [] })
    expect(await readFile(join(directory, 'docs/lfs.txt'), 'utf8')).toBe(POINTER)
  })

  /** A commit of this tree, as master. */
  async function commitOf(tree: string): Promise<string> {
    const by = ['-c', 'user.name=Ben', '-c', 'user.email=ben@example.test']
    const commit = (await plainGit(origin.directory, [...by, 'commit-tree', tree, '-m', 'x'])).stdout.trim()
    await plainGit(origin.directory, ['update-ref', 'refs/heads/master', commit])
    return commit
  }

  it('W13: names its submodules', async () => {
    const first = await origin.commit('first', { files: { 'a.txt': 'a\n' } })
    const listed = (await plainGit(origin.directory, ['ls-tree', first])).stdout
    const input = `${listed}160000 commit ${first}\tlibs-shared\n`
    const tree = (await plainGit(origin.directory, ['mktree', '--missing'], { input })).stdout.trim()
    const { directory, left } = await checkedOut(await commitOf(tree))
    expect(left).toEqual({ lfs: [], submodules: ['libs-shared'] })
    expect(await readdir(join(directory, 'libs-shared'))).toEqual([])
  })

  it('W14: writes links and files whose names are no UTF-8', async () => {
    const blob = async (text: string) =>
      (await plainGit(origin.directory, ['hash-object', '-w', '--stdin'], { input: text })).stdout.trim()
    const [file, inside, outside] = [await blob('a\n'), await blob('a.txt'), await blob('../elsewhere')]
    const entries = [
      `100644 blob ${file}\ta.txt`,
      `100644 blob ${file}\tcaf\xe9.txt`,
      `120000 blob ${inside}\tlink-\xe9`,
      `120000 blob ${outside}\tout-\xe9`,
    ]
    const input = Buffer.from(`${entries.join('\n')}\n`, 'latin1')
    const made = spawnSync('git', ['mktree'], { cwd: origin.directory, input, encoding: 'utf8' })
    expect(made.stderr).toBe('')
    const tree = made.stdout.trim()
    const { directory } = await checkedOut(await commitOf(tree))
    const names = (await readdir(directory, { encoding: 'buffer' })).map((name) => name.toString('latin1')).sort()
    expect(names).toEqual(['a.txt', 'caf\xe9.txt', 'link-\xe9'])
    expect(said).toEqual([{ app: 'api', leftOut: ['out-\ufffd'] }])
  })
})
