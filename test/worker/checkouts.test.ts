/** The folders in which an app's code runs, over real git: exact after anything was written into them, few, and gone afterwards. */
import { spawn } from 'node:child_process'
import { chmod, lstat, mkdir, readdir, readFile, rm, symlink, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createGit } from '../../src/adapters/git/git.ts'
import type { App } from '../../src/release/settings.ts'
import { type Checkouts, createCheckouts } from '../../src/worker/checkouts.ts'
import { createGitRepositories, type GitRepository } from '../support/git-repository.ts'
import { waitUntil } from '../support/waiting.ts'

let repositories: Awaited<ReturnType<typeof createGitRepositories>>
let origin: GitRepository
let git: ReturnType<typeof createGit>
let checkouts: Checkouts
let prepared: string[]
let warned: string[]

const app = (name = 'api'): App => ({
  name,
  repository: `team/${name}`,
  gitUrl: origin.directory,
  environments: [],
})
const around = () => join(repositories.directory, 'checkouts')
const directory = () => join(around(), String(process.pid))
const folders = async () => (await readdir(directory())).filter((name) => !name.endsWith('.index'))

beforeEach(async () => {
  repositories = await createGitRepositories()
  origin = await repositories.repository('origin')
  git = createGit({ mirrors: join(repositories.directory, 'mirrors'), credentials: () => undefined })
  prepared = []
  warned = []
  checkouts = createCheckouts({
    directory: directory(),
    git: {
      checkout: git.checkout,
      async prepareCheckout(of, commit, folder) {
        await git.prepareCheckout(of, commit, folder)
        prepared.push(folder)
      },
    },
    log: { warn: (_fields, message) => warned.push(message) },
  })
  await checkouts.open()
})
afterEach(async () => {
  checkouts.close()
  await git.close()
  await repositories.close()
})

async function commitOf(name: string, files: Parameters<GitRepository['commit']>[1]): Promise<string> {
  const commit = await origin.commit(name, files)
  await git.fetch(app(), origin.directory, ['master'])
  return commit
}

const elsewhere = () => join(repositories.directory, 'elsewhere')

/** The files of a folder with their content, and where its links lead. */
async function contentOf(folder: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {}
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    if (entry.isDirectory()) continue
    const isExecutable = entry.isFile() && ((await lstat(path)).mode & 0o111) !== 0
    found[path.slice(folder.length + 1)] = `${await readFile(path, 'utf8')}${isExecutable ? 'executable' : ''}`
  }
  return found
}

const seen = (commit: string, of = app()) => checkouts.use(of, commit, (folder) => contentOf(folder))
const spareOf = (count: number) =>
  waitUntil(() => (prepared.length === count ? prepared.at(-1) : undefined), { what: `spare ${count}` })
const rest = (count: number) =>
  waitUntil(async () => (await folders()).length === count, { what: `${count} folders, not more` })

const FIRST = { 'a.txt': 'a\n', 'dir/b.txt': 'b\n', 'dir/deep/c.txt': 'c\n', link: { link: 'a.txt' } }

describe('T3: the next checkout of an app', () => {
  it('is the spare, with what differs written into it, and is exact', async () => {
    const first = await commitOf('first', { files: FIRST })
    expect(await seen(first)).toEqual({ 'a.txt': 'a\n', 'dir/b.txt': 'b\n', 'dir/deep/c.txt': 'c\n', link: 'a\n' })
    const spare = await spareOf(1)
    const changed = { 'a.txt': 'A\n', 'new/d.txt': 'd\n', 'dir/deep/c.txt': null }
    const second = await commitOf('second', { files: changed })
    const used = await checkouts.use(app(), second, async (folder) => [folder, await contentOf(folder)])
    expect(used).toEqual([spare, { 'a.txt': 'A\n', 'dir/b.txt': 'b\n', 'new/d.txt': 'd\n', link: 'A\n' }])
    // It may as well be an earlier one.
    await spareOf(2)
    expect(Object.keys(await seen(first)).sort()).toEqual(['a.txt', 'dir/b.txt', 'dir/deep/c.txt', 'link'])
  })

  it('is never one in which the code of the app has run', async () => {
    const first = await commitOf('first', { files: FIRST })
    const used: string[] = []
    for (let times = 1; times <= 3; times++) {
      await checkouts.use(app(), first, async (folder) => {
        expect(await contentOf(folder)).not.toHaveProperty('planted.py')
        used.push(folder)
        await writeFile(join(folder, 'a.txt'), 'changed\n')
        await writeFile(join(folder, 'planted.py'), 'raise SystemExit\n')
      })
      await spareOf(times)
    }
    expect(new Set(used).size).toBe(3)
    await rest(1)
    expect(warned).toEqual([])
  })

  it.each<[string, (spare: string) => Promise<unknown>]>([
    ['a changed file', (spare) => writeFile(join(spare, 'a.txt'), 'x\n')],
    [
      'a changed file with the times of before',
      async (spare) => {
        await writeFile(join(spare, 'a.txt'), 'x\n')
        await utimes(join(spare, 'a.txt'), 1, 1)
      },
    ],
    ['a file more', (spare) => writeFile(join(spare, 'dir/env.py'), 'x\n')],
    ['a file that .gitignore names', (spare) => writeFile(join(spare, 'x.pyc'), 'x\n')],
    ['a missing file', (spare) => rm(join(spare, 'dir/deep/c.txt'))],
    ['an executable file', (spare) => chmod(join(spare, 'a.txt'), 0o755)],
    [
      'a link in the place of a folder',
      async (spare) => {
        await rm(join(spare, 'dir'), { recursive: true })
        await mkdir(elsewhere())
        await symlink(elsewhere(), join(spare, 'dir'))
      },
    ],
    ['an index that is damaged', (spare) => writeFile(`${spare}.index`, 'nothing')],
    ['a lock of the index', (spare) => writeFile(`${spare}.index.lock`, '')],
    ['nothing at all', (spare) => rm(spare, { recursive: true })],
  ])('is exact although somebody has left %s in the spare', async (_what, change) => {
    const first = await commitOf('first', { files: { ...FIRST, '.gitignore': '*.pyc\n' } })
    const before = await seen(first)
    await change((await spareOf(1)) ?? '')
    expect(await seen(first)).toEqual(before)
    expect(await readdir(elsewhere()).catch(() => [])).toEqual([])
    expect(warned).toEqual([])
  })

  it('W2, W13: leaves out the same links and pointers as the first', async () => {
    const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${'0'.repeat(64)}\nsize 12\n`
    const files = { '.gitattributes': '*.csv filter=lfs\n', 'w.csv': pointer, up: { link: '../../..' }, 'a.txt': 'a\n' }
    const first = await commitOf('first', { files })
    const look = () => checkouts.use(app(), first, async (folder, left) => [await readdir(folder), left])
    const before = await look()
    await spareOf(1)
    expect(before).toEqual([['.gitattributes', 'a.txt'], { lfs: ['w.csv'], submodules: [] }])
    expect(await look()).toEqual(before)
  })

  it('is written whole where two are needed at once', async () => {
    const first = await commitOf('first', { files: FIRST })
    await seen(first)
    await spareOf(1)
    const both = await Promise.all([1, 2].map(() => checkouts.use(app(), first, async (folder) => folder)))
    expect(new Set(both).size).toBe(2)
  })
})

it('T3: keeps four spares, and none of the app whose spare is the oldest', async () => {
  const first = await commitOf('first', { files: FIRST })
  for (const [at, name] of ['a', 'b', 'c', 'd', 'e'].entries()) {
    await git.fetch(app(name), origin.directory, ['master'])
    await seen(first, app(name))
    await spareOf(at + 1)
  }
  await rest(4)
  expect(await folders()).not.toContain(prepared[0]?.split('/').at(-1))
})

it('deletes the checkouts of dead workers, and its own of before, and no others', async () => {
  const other = spawn('sleep', ['60'])
  const alive = String(other.pid)
  for (const name of [alive, '999999999', 'old-1', String(process.pid)]) {
    await mkdir(join(around(), name, 'checkout-1'), { recursive: true })
    await writeFile(join(around(), name, 'checkout-1', '.env'), 'SECRET=1\n')
  }
  await checkouts.open()
  expect(await folders()).toEqual([])
  await waitUntil(async () => (await readdir(around())).length === 2, { what: 'the deletion' })
  expect((await readdir(around())).sort()).toEqual([alive, String(process.pid)].sort())
  other.kill()
})
