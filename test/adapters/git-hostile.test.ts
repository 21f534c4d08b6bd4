import { createServer } from 'node:http'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createGit } from '../../src/adapters/git/git.ts'
import type { App } from '../../src/release/settings.ts'
import { createGitRepositories, type GitRepository, serveGit } from '../support/git-repository.ts'

const CREDENTIALS = { username: 'releaser', password: 's3cr3t/p@ss word' }
const COMMIT = 'c'.repeat(40)

let repositories: Awaited<ReturnType<typeof createGitRepositories>>
let served: Awaited<ReturnType<typeof serveGit>>
let remote: GitRepository
let git: ReturnType<typeof createGit>
let app: App
let asked: string[]

beforeEach(async () => {
  repositories = await createGitRepositories()
  remote = await repositories.repository('remote')
  served = await serve()
  app = { name: 'api', repository: 'team/api', gitUrl: remote.directory, environments: [] }
  asked = []
  git = createGit({
    mirrors: join(repositories.directory, 'mirrors'),
    credentials: (url) => {
      asked.push(url.href)
      return CREDENTIALS
    },
  })
})
afterEach(async () => {
  await git.close()
  await served.close()
  await repositories.close()
})

const serve = () =>
  serveGit({ directory: repositories.directory, user: CREDENTIALS.username, password: CREDENTIALS.password })

describe('hostile values', () => {
  it('are refused before git runs', async () => {
    // With nowhere to find git, anything that starts it fails in another way.
    const path = process.env.PATH
    process.env.PATH = '/nonexistent'
    try {
      for (const branch of [
        '-x',
        '--upload-pack=x',
        'a..b',
        'a@{1}',
        '@',
        'a b',
        'a~1',
        'a^',
        'a:b',
        'a?',
        'a*',
        'a[b',
        'a\\b',
      ]) {
        await expect(git.heads(remote.directory, [branch]), branch).rejects.toThrow('not a branch name')
      }
      for (const branch of [
        '',
        'HEAD',
        '/a',
        'a/',
        'a//b',
        'a.lock',
        'a.lock/b',
        '.a',
        'a/.b',
        'a.',
        'a\nb',
        'a\0b',
        'a\u007fb',
      ]) {
        await expect(git.fetch(app, remote.directory, [branch]), branch).rejects.toThrow('not a branch name')
      }
      for (const url of [
        'ext::sh -c "touch /tmp/x"',
        'ssh://git@example.test/a.git',
        'git@example.test:a.git',
        'git://example.test/a.git',
        'http://example.test/a.git',
        'http://127.0.0.1.example.test/a.git',
        'https://user:pa55@example.test/a.git',
        'https://token@example.test/a.git',
        'file://example.test/a.git',
        'relative/path.git',
        '--upload-pack=x',
        'https://example.test/a.git\n',
        'https:example.test/a.git',
        'https://example.test/a.git?x=1',
        '',
      ]) {
        const refused = await git.heads(url, ['master']).catch((error: unknown) => String(error))
        expect(refused, url).toMatch(/URL/)
        expect(refused).not.toContain('pa55')
      }
      for (const commit of ['HEAD', 'master', '--all', COMMIT.slice(0, 39), `${COMMIT} `, '']) {
        await expect(git.isAncestor(app, commit, COMMIT), commit).rejects.toThrow('not a full git object id')
        const facts = { commit, branch: 'master', expected: null }
        await expect(git.push(app, remote.directory, facts), commit).rejects.toThrow('not a full git object id')
      }
      await expect(git.has({ ...app, name: '../api' }, COMMIT)).rejects.toThrow('not the name of an app')
    } finally {
      process.env.PATH = path
    }
  })

  it('of a path URL with odd characters are only a path', async () => {
    const answer = await git.heads(`${repositories.directory}/--upload-pack=touch`, ['master'])
    expect(answer).toMatchObject({ ok: false, failure: 'wrong' })
  })
})

describe('credentials', () => {
  it('go to no other host, even when the first one sends us there', async () => {
    const elsewhere = await serve()
    const redirecting = createServer((request, response) => {
      response.writeHead(302, { Location: `${elsewhere.origin}${request.url}` }).end()
    })
    await new Promise<void>((listening) => redirecting.listen(0, '127.0.0.1', listening))
    const address = redirecting.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    try {
      const answer = await git.heads(`http://127.0.0.1:${port}/remote.git`, ['master'])
      expect(answer.ok).toBe(false)
      expect(elsewhere.asked).toEqual([])
    } finally {
      redirecting.close()
      await elsewhere.close()
    }
  })

  it('are asked for with the URL, and never for a path', async () => {
    expect((await git.heads(remote.directory, ['master'])).ok).toBe(true)
    expect(asked).toEqual([])
    const url = `${served.origin}/remote.git`
    expect((await git.heads(url, ['master'])).ok).toBe(true)
    expect(asked).toEqual([url])
  })
})
