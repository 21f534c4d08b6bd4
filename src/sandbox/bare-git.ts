import { spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

export type Person = { name: string; email: string }

export type GitResult = { code: number; stdout: string; stderr: string }

export type MergeTree = { kind: 'clean'; tree: string } | { kind: 'conflicts'; paths: string[] }

/**
 * The environment of every git process of the sandbox: no user or system configuration, no prompt, no background garbage
 * collection, any owner of the directory. `extra` adds to it.
 */
export function gitEnvironment(extra: Record<string, string> = {}): Record<string, string> {
  const settings: [string, string][] = [
    ['safe.directory', '*'],
    ['gc.auto', '0'],
    ['maintenance.auto', 'false'],
    ['receive.autogc', 'false'],
    ['init.defaultBranch', 'master'],
    ['credential.helper', ''],
    ['core.fsync', 'none'],
  ]
  const configuration = settings.flatMap(([key, value], index) => [
    [`GIT_CONFIG_KEY_${index}`, key],
    [`GIT_CONFIG_VALUE_${index}`, value],
  ])
  return {
    PATH: process.env.PATH ?? '/usr/local/bin:/usr/bin:/bin',
    HOME: '/nonexistent',
    LC_ALL: 'C.UTF-8',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_TERMINAL_PROMPT: '0',
    GIT_CONFIG_COUNT: String(settings.length),
    ...Object.fromEntries(configuration),
    ...extra,
  }
}

/**
 * Runs git in `directory` and returns its exit code and output. Throws with git's own message if the exit code is not
 * in `accept` (default: only 0).
 */
export async function git(
  directory: string,
  args: readonly string[],
  options: { input?: string; environment?: Record<string, string>; accept?: readonly number[] } = {},
): Promise<GitResult> {
  const child = spawn('git', args, { cwd: directory, env: gitEnvironment(options.environment) })
  const stdout: Buffer[] = []
  const stderr: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk))
  child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk))
  // If git exits without reading its input, the pipe breaks; the exit code tells what happened.
  child.stdin.on('error', () => {})
  child.stdin.end(options.input ?? '')
  const code = await new Promise<number>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (exitCode) => resolve(exitCode ?? 128))
  })
  const result = { code, stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString() }
  if (!(options.accept ?? [0]).includes(code)) {
    throw new Error(`git ${args[0]} ended with ${code}: ${result.stderr.trim()}`)
  }
  return result
}

/** The full SHA of a revision in a bare repository; undefined if there is no such commit. */
export async function commitOf(bare: string, revision: string): Promise<string | undefined> {
  const found = await git(bare, ['rev-parse', '--verify', '--quiet', '--end-of-options', `${revision}^{commit}`], {
    accept: [0, 1, 128],
  })
  return found.code === 0 ? found.stdout.trim() : undefined
}

/**
 * The commit of a branch; undefined if the branch doesn't exist. Called often, so it reads the ref's own file if there is
 * one, and asks git only for packed refs.
 */
export async function branchHead(bare: string, branch: string): Promise<string | undefined> {
  if (/^[\w-]+(?:[/.][\w-]+)*$/.test(branch)) {
    const text = await readFile(join(bare, 'refs', 'heads', branch), 'utf8').catch(() => '')
    if (/^[0-9a-f]{40}\n$/.test(text)) return text.trim()
  }
  return commitOf(bare, `refs/heads/${branch}`)
}

/** The commit of each branch, by name. */
export async function branchHeads(bare: string): Promise<Map<string, string>> {
  const { stdout } = await git(bare, ['for-each-ref', '--format=%(objectname) %(refname:strip=2)', 'refs/heads/'])
  const lines = stdout.split('\n').filter((line) => line !== '')
  return new Map(lines.map((line) => [line.slice(41), line.slice(0, 40)]))
}

/** Whether the history of `descendant` contains `ancestor`. Throws if one of them doesn't exist. */
export async function isAncestor(bare: string, ancestor: string, descendant: string): Promise<boolean> {
  return (await git(bare, ['merge-base', '--is-ancestor', ancestor, descendant], { accept: [0, 1] })).code === 0
}

/** The result that git computes for a merge of `from` into `into`. Changes no ref. */
export async function mergeTree(bare: string, into: string, from: string): Promise<MergeTree> {
  const merged = await git(bare, ['merge-tree', '--write-tree', '-z', '--name-only', '--no-messages', into, from], {
    accept: [0, 1],
  })
  const [tree = '', ...paths] = merged.stdout.split('\0')
  if (merged.code === 1) return { kind: 'conflicts', paths: paths.filter((path) => path !== '') }
  return { kind: 'clean', tree }
}

/** Creates a commit object for a tree and returns its SHA. Moves no ref. `date` has git's format, `<seconds> +0000`. */
export async function commitTree(
  bare: string,
  commit: { tree: string; parents: readonly string[]; message: string; author: Person; date: string },
): Promise<string> {
  const parents = commit.parents.flatMap((parent) => ['-p', parent])
  const made = await git(bare, ['commit-tree', commit.tree, ...parents, '-F', '-'], {
    input: commit.message,
    environment: {
      GIT_AUTHOR_NAME: commit.author.name,
      GIT_AUTHOR_EMAIL: commit.author.email,
      GIT_AUTHOR_DATE: commit.date,
      GIT_COMMITTER_NAME: commit.author.name,
      GIT_COMMITTER_EMAIL: commit.author.email,
      GIT_COMMITTER_DATE: commit.date,
    },
  })
  return made.stdout.trim()
}

/**
 * Moves a branch from `expected` to `sha` atomically; undefined as `expected` means that the branch must not exist. Returns
 * false and changes nothing if the branch is elsewhere.
 */
export async function moveBranch(
  bare: string,
  branch: string,
  sha: string,
  expected: string | undefined,
): Promise<boolean> {
  const moved = await git(bare, ['update-ref', `refs/heads/${branch}`, sha, expected ?? '0'.repeat(40)], {
    accept: [0, 1, 128],
  })
  return moved.code === 0
}

/** Deletes a branch at any commit. Safe to repeat. */
export async function deleteBranch(bare: string, branch: string): Promise<void> {
  await git(bare, ['update-ref', '-d', `refs/heads/${branch}`])
}
