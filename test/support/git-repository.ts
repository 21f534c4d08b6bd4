import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { branchHead, commitTree, git, type Person } from '../../src/sandbox/bare-git.ts'
import { createGitHttp, type GitHttp } from '../../src/sandbox/git-http.ts'
import { startSwitchableServer } from '../../src/sandbox/switchable-server.ts'

export interface CommitOptions {
  /** Default: the head of the branch. An empty list begins a history of its own. */
  readonly parents?: readonly string[]
  readonly branch?: string
  /** Text by path, over the files of the first parent; null deletes. `{ link }` is a symbolic link. */
  readonly files?: Readonly<Record<string, string | { link: string } | null>>
  readonly author?: Person
}

export interface GitRepository {
  readonly directory: string
  /** Makes a commit, moves the branch (default master) there, and gives its SHA. Equal calls give equal SHAs. */
  commit(title: string, options?: CommitOptions): Promise<string>
  /** Puts a branch at a commit; null deletes it. */
  branch(name: string, commit: string | null): Promise<void>
  head(branch: string): Promise<string | undefined>
  /** Installs a hook of the bare repository, as a shell script. */
  hook(name: string, script: string): Promise<void>
}

const ADA: Person = { name: 'Ada Nowak', email: 'ada@example.test' }
const FIRST_COMMIT = Date.UTC(2026, 10, 2, 9) / 1000

/** Temporary bare repositories, gone with `close`. */
export async function createGitRepositories(): Promise<{
  readonly directory: string
  /** `at`: a directory that may hold one already. */
  repository(name: string, at?: string): Promise<GitRepository>
  close(): Promise<void>
}> {
  const root = await mkdtemp(join(tmpdir(), 'signoff-git-'))
  return {
    directory: root,
    async repository(name, at) {
      const directory = at ?? join(root, `${name}.git`)
      await mkdir(directory, { recursive: true })
      await git(directory, ['init', '--quiet', '--bare', '.'])
      let made = 0
      const head = (branch: string) => branchHead(directory, branch)
      return {
        directory,
        head,
        async commit(
          title,
          { branch = 'master', files = { [`${title}.txt`]: `${title}\n` }, author = ADA, parents } = {},
        ) {
          const before = await head(branch)
          const onto = parents ?? (before === undefined ? [] : [before])
          const environment = { GIT_INDEX_FILE: join(directory, 'test-index') }
          await git(directory, ['read-tree', ...(onto[0] === undefined ? ['--empty'] : [onto[0]])], { environment })
          const entries: string[] = []
          for (const [path, content] of Object.entries(files)) {
            if (content === null) {
              entries.push(`0 ${'0'.repeat(40)}\t${path}\0`)
              continue
            }
            const link = typeof content !== 'string'
            const input = link ? content.link : content
            const blob = (await git(directory, ['hash-object', '-w', '--stdin'], { input })).stdout.trim()
            entries.push(`${link ? '120000' : '100644'} ${blob}\t${path}\0`)
          }
          await git(directory, ['update-index', '-z', '--index-info'], { environment, input: entries.join('') })
          const tree = (await git(directory, ['write-tree'], { environment })).stdout.trim()
          const date = `${FIRST_COMMIT + 60 * made++} +0000`
          const commit = await commitTree(directory, { tree, parents: onto, message: title, author, date })
          await git(directory, ['update-ref', `refs/heads/${branch}`, commit])
          return commit
        },
        async branch(name, commit) {
          await git(
            directory,
            ['update-ref', ...(commit === null ? ['-d'] : []), `refs/heads/${name}`, commit ?? ''].filter(Boolean),
          )
        },
        async hook(name, script) {
          await mkdir(join(directory, 'hooks'), { recursive: true })
          await writeFile(join(directory, 'hooks', name), `#!/bin/sh\n${script}\n`)
          await chmod(join(directory, 'hooks', name), 0o755)
        },
      }
    },
    close: () => rm(root, { recursive: true, force: true }),
  }
}

/** Serves `<directory>/<name>.git` at `<origin>/<name>.git`, with one user's Basic credentials. */
export async function serveGit(options: {
  directory: string
  user: string
  password: string
}): Promise<{ origin: string; http: GitHttp; asked: string[]; down(): Promise<void>; close(): Promise<void> }> {
  const asked: string[] = []
  const http = createGitHttp({
    repositoryAt: (path) =>
      /^\/[a-z]+\.git$/.test(path) && path !== '/gone.git' ? join(options.directory, path) : undefined,
    authorize(_, user, password, access) {
      asked.push(`${user}:${password}`)
      if (user === 'reader' && password === options.password) return access === 'read' ? 'allowed' : 'forbidden'
      return user === options.user && password === options.password ? 'allowed' : 'unknown'
    },
    realm: 'test',
  })
  const server = await startSwitchableServer((request, response) => {
    if (!http.handle(request, response)) response.writeHead(404).end()
  })
  return {
    origin: server.origin,
    http,
    asked,
    down: server.down,
    async close() {
      await http.close()
      await server.down()
    },
  }
}
