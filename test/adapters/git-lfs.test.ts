/** Files that Git LFS keeps, by a real git-lfs from the stand-in: what it has stands in the checkout, and nothing else does. */
import { spawnSync } from 'node:child_process'
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createGit } from '../../src/adapters/git/git.ts'
import type { App } from '../../src/release/settings.ts'
import { type Bitbucket, startBitbucket } from '../../src/sandbox/bitbucket/bitbucket.ts'
import { createGitRepositories, type GitRepository } from '../support/git-repository.ts'

const isInstalled = spawnSync('git', ['lfs', 'version']).status === 0
if (!isInstalled) console.log('skipped: git-lfs is not installed (Debian: apt-get install git-lfs)')

const ATTRIBUTES = '*.csv filter=lfs diff=lfs merge=lfs -text\n'
const WORDS = 'id,word\n1,añejo\n2,\u0000bytes\n'

let repositories: Awaited<ReturnType<typeof createGitRepositories>>
let bitbucket: Bitbucket
let repository: GitRepository
let git: ReturnType<typeof createGit>
let app: App

function connect(password: string) {
  return createGit({
    mirrors: join(repositories.directory, 'mirrors'),
    credentials: (url) => (url.href === app.gitUrl ? { username: 'x-token-auth', password } : undefined),
    timeouts: { otherMs: 20_000, fetchMs: 20_000 },
  })
}

beforeEach(async () => {
  repositories = await createGitRepositories()
  bitbucket = await startBitbucket({ repository: 'team/api', directory: join(repositories.directory, 'bitbucket') })
  repository = await repositories.repository('work', bitbucket.bare)
  app = { name: 'api', repository: 'team/api', gitUrl: bitbucket.gitUrl, environments: [] }
  git = connect(bitbucket.token)
})
afterEach(async () => {
  await git.close()
  await bitbucket.close()
  await repositories.close()
})

async function checkedOut(commit: string, client = git) {
  await git.fetch(app, app.gitUrl, ['master'])
  const directory = join(repositories.directory, `checkout-${Math.random()}`)
  await mkdir(directory)
  return { directory, left: await client.checkout(app, commit, directory) }
}

describe.skipIf(!isInstalled)('W2: a file that Git LFS keeps', () => {
  it('stands in the checkout, byte for byte, and is downloaded once', async () => {
    const files = { '.gitattributes': ATTRIBUTES, 'data/words.csv': bitbucket.lfs.keep(WORDS) }
    const commit = await repository.commit('words', { files })
    for (const _again of [1, 2]) {
      const { directory, left } = await checkedOut(commit)
      expect(left).toEqual({ lfs: [], submodules: [] })
      expect(await readFile(join(directory, 'data/words.csv'), 'utf8')).toBe(WORDS)
    }
    expect(bitbucket.lfs.downloads()).toBe(1)
  })

  it('that the server lost is left out, beside one that is there', async () => {
    const lost = bitbucket.lfs.keep('x').replace(/size 1\n/, 'size 2\n')
    const files = { '.gitattributes': ATTRIBUTES, 'lost.csv': lost, 'there.csv': bitbucket.lfs.keep(WORDS) }
    const { directory, left } = await checkedOut(await repository.commit('words', { files }))
    expect(left.lfs).toEqual(['lost.csv'])
    expect((await readdir(directory)).sort()).toEqual(['.gitattributes', 'there.csv'])
  })

  it('is fetched from the repository’s own server, whatever .lfsconfig names', async () => {
    const files = {
      '.gitattributes': ATTRIBUTES,
      '.lfsconfig': '[lfs]\n\turl = http://127.0.0.1:9/evil\n\tfetchexclude = *\n',
      'data/words.csv': bitbucket.lfs.keep(WORDS),
    }
    const { left } = await checkedOut(await repository.commit('words', { files }))
    expect(left.lfs).toEqual([])
  })

  it('is left out where the token is refused', async () => {
    const files = { '.gitattributes': ATTRIBUTES, 'data/words.csv': bitbucket.lfs.keep(WORDS) }
    const commit = await repository.commit('words', { files })
    const other = connect('wrong')
    try {
      expect((await checkedOut(commit, other)).left.lfs).toEqual(['data/words.csv'])
    } finally {
      await other.close()
    }
  })

  it('is fetched again where what the mirror keeps was damaged, and goes with the commit that needs it', async () => {
    const files = { '.gitattributes': ATTRIBUTES, 'data/words.csv': bitbucket.lfs.keep(WORDS) }
    const first = await repository.commit('words', { files })
    await checkedOut(first)
    const objects = join(repositories.directory, 'mirrors', 'api.git', 'lfs', 'objects')
    const kept = async () => (await readdir(objects, { recursive: true })).filter((path) => /[0-9a-f]{64}$/.test(path))
    const [path = ''] = await kept()
    await rm(join(objects, path))
    await writeFile(join(objects, path), 'damaged')
    expect((await checkedOut(first)).left.lfs).toEqual([])
    const second = await repository.commit('others', { files: { 'data/words.csv': bitbucket.lfs.keep('id\n') } })
    await checkedOut(second)
    expect(await kept()).toHaveLength(1)
    expect((await checkedOut(first)).left.lfs).toEqual([])
  })
})
