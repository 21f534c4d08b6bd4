import { type SimpleGit, simpleGit } from 'simple-git'
import type { HistoryCommit } from '../../release/changes.ts'
import type { ChangedFile, PlannedCommit } from '../../release/plan.ts'
import type { CommitFacts, MergePreview } from '../../release/ports/git.ts'
import { readingEnvironment } from './environment.ts'
import { failure, type Mirror } from './mirror.ts'
import { objectId, pathInRepository } from './values.ts'

// The id of the empty tree in every repository. git knows it without an object.
const EMPTY_TREE = '4b825dc642cb6eb9a060e54bf8d69288fbee4904'
const MAX_FILE = 16 * 1024 * 1024

/** simple-git in the mirror, with a clean environment. Throws on every exit code but 0. */
function reader(mirror: Mirror, timeoutMs: number): SimpleGit {
  const environment = readingEnvironment()
  return simpleGit({
    baseDir: mirror.directory,
    timeout: { block: timeoutMs },
    allowEnvironment: Object.keys(environment).filter((name) => name.startsWith('GIT_')),
    // By default an exit code of 1 with empty stderr would count as success.
    errors: (error, result) =>
      error ?? (result.exitCode === 0 ? undefined : new Error(`git ended with ${result.exitCode}`)),
  }).env(environment)
}

/** A commit's tree and parents. Throws if the mirror has no such commit. */
export async function readCommit(mirror: Mirror, commit: string, timeoutMs: number): Promise<CommitFacts> {
  const text = await reader(mirror, timeoutMs).raw([
    'log',
    '-1',
    '-z',
    '--format=%H%x00%T%x00%P',
    '--end-of-options',
    objectId(commit),
  ])
  const [sha = '', tree = '', parents = ''] = text.split('\0')
  if (sha !== commit) throw new Error(`${commit} is not a commit`)
  return { sha, tree, parents: words(parents) }
}

/** As the port says; newest first, and never a parent before its child. */
export async function readCommits(
  mirror: Mirror,
  range: { from: readonly string[]; notFrom: readonly string[]; limit: number },
  timeoutMs: number,
) {
  const from = range.from.map(objectId)
  const ends = ['--end-of-options', ...from, ...range.notFrom.map((commit) => `^${objectId(commit)}`)]
  if (!Number.isSafeInteger(range.limit) || range.limit < 0) throw new TypeError('the limit must be a whole number')
  if (from.length === 0) return { count: 0, commits: [], authors: [] }
  const read = reader(mirror, timeoutMs)
  const format = '--format=%H%x00%P%x00%an%x00%ae%x00%cI%x00%aI%x00%s'
  const listed = await read.raw(['log', '-z', '--date-order', `--max-count=${range.limit + 1}`, format, ...ends])
  const found = rows(listed, 7)
  const isAll = found.length <= range.limit
  const count = isAll ? found.length : Number((await read.raw(['rev-list', '--count', ...ends])).trim())
  const written = isAll
    ? found.filter(([, parents = '']) => words(parents).length < 2).map(([, , ...by]) => by)
    : rows(await read.raw(['log', '-z', '--date-order', '--no-merges', '--format=%an%x00%ae', ...ends]), 2)

  const authors = new Map<string, { name: string; email: string }>()
  for (const [name = '', email = ''] of written) {
    if (!authors.has(email.toLowerCase())) authors.set(email.toLowerCase(), { name: plain(name), email: plain(email) })
  }
  const commits = found.slice(0, range.limit).map(
    ([sha = '', parents = '', name = '', email = '', at = '', authoredAt = '', title = '']): PlannedCommit => ({
      sha,
      title: plain(title),
      author: { name: plain(name), email: plain(email) },
      at,
      ...(Date.parse(authoredAt) !== Date.parse(at) && { authoredAt }),
      isMerge: words(parents).length > 1,
    }),
  )
  return { count, commits, authors: [...authors.values()] }
}

/** Of a message, enough for what a forge writes at its beginning. */
const MESSAGE = 2_000

/** As the port says; newest first. */
export async function readHistory(
  mirror: Mirror,
  range: { from: readonly string[]; notFrom: readonly string[]; limit: number },
  timeoutMs: number,
): Promise<{ commits: readonly HistoryCommit[]; isAll: boolean }> {
  if (range.from.length === 0) return { commits: [], isAll: true }
  const listed = await reader(mirror, timeoutMs).raw([
    'log',
    '-z',
    '--date-order',
    `--max-count=${range.limit + 1}`,
    '--format=%H%x00%P%x00%an%x00%ae%x00%B',
    '--end-of-options',
    ...range.from.map(objectId),
    ...range.notFrom.map((commit) => `^${objectId(commit)}`),
  ])
  const found = rows(listed, 5)
  const commits = found
    .slice(0, range.limit)
    .map(([sha = '', parents = '', name = '', email = '', message = '']): HistoryCommit => {
      const lines = message.slice(0, MESSAGE).split(/\r?\n/).map(plain)
      return {
        sha,
        parents: words(parents),
        message: lines.join('\n'),
        author: { name: plain(name), email: plain(email) },
      }
    })
  return { commits, isAll: found.length <= range.limit }
}

/** Files that differ, renamed ones by their new path; binary files have no line counts. */
export async function readChangedFiles(
  mirror: Mirror,
  ends: { from: string | null; to: string; limit: number },
  timeoutMs: number,
): Promise<{ count: number; list: readonly ChangedFile[] }> {
  const text = await reader(mirror, timeoutMs).raw([
    'diff',
    '--numstat',
    '-z',
    '--find-renames',
    '--no-ext-diff',
    '--no-textconv',
    '--end-of-options',
    ends.from === null ? EMPTY_TREE : objectId(ends.from),
    objectId(ends.to),
    '--',
  ])
  const fields = text.split('\0')
  const list: ChangedFile[] = []
  for (let at = 0; at < fields.length - 1; at += 1) {
    const [added = '', removed = '', ...path] = (fields[at] ?? '').split('\t')
    const renamed = path.join('\t') === ''
    list.push({
      path: (renamed ? fields[at + 2] : path.join('\t')) ?? '',
      added: lines(added),
      removed: lines(removed),
    })
    if (renamed) at += 2
  }
  return { count: list.length, list: list.slice(0, ends.limit) }
}

/** Previews a merge with git's own merge. Unrelated histories are not clean, and have no files. Throws if git fails. */
export async function previewMerge(mirror: Mirror, ours: string, theirs: string): Promise<MergePreview> {
  const { clean, tree, files, messages } = await mergeTrees(mirror, ours, theirs)
  return clean ? { clean, tree } : { clean, files, messages }
}

/** As previewMerge; where it is not clean, `tree` has the files with git's conflict marks. */
export async function mergeTrees(
  mirror: Mirror,
  ours: string,
  theirs: string,
): Promise<{ clean: boolean; tree: string; files: readonly string[]; messages: readonly string[] }> {
  const args = ['merge-tree', '--write-tree', '-z', '--name-only', '--messages', objectId(ours), objectId(theirs)]
  const ended = await mirror.git(args)
  const unrelated = ended.stderr.find((line) => line.includes('unrelated histories'))
  if (unrelated !== undefined) return { clean: false, tree: EMPTY_TREE, files: [], messages: [unrelated] }
  if (ended.exitCode !== 0 && ended.exitCode !== 1) throw failure(args, ended)
  const fields = ended.stdout.split('\0')
  const tree = objectId(fields[0] ?? '')
  if (ended.exitCode === 0) return { clean: true, tree, files: [], messages: [] }
  const end = fields.indexOf('', 1)
  return {
    clean: false,
    tree,
    files: [...new Set(fields.slice(1, end))],
    messages: mergeMessages(fields.slice(end + 1)),
  }
}

/** The entry of a path in a commit or tree; undefined: no such path. */
export async function entryAt(mirror: Mirror, commit: string, path: string) {
  const inside = pathInRepository(path)
  objectId(commit)
  if (inside === '') {
    const tree = await mirror.read(['rev-parse', '--verify', '--end-of-options', `${commit}^{tree}`])
    return { mode: '040000', type: 'tree', id: tree.trim().split('\n').at(-1) ?? '', size: 0 }
  }
  const text = await mirror.read(['ls-tree', '-z', '--long', '--full-tree', commit, '--', inside])
  const [mode = '', type = '', id = '', size = ''] = words(text.split('\t')[0] ?? '')
  return id === '' ? undefined : { mode, type, id, size: Number(size) || 0 }
}

/** The tree of a folder; undefined: no such folder, or its content is partly elsewhere (a link or submodule). */
export async function folderAt(mirror: Mirror, commit: string, path: string): Promise<string | undefined> {
  const inside = pathInRepository(path)
  if (inside === '') return (await entryAt(mirror, commit, inside))?.id
  const text = await mirror.read(['ls-tree', '-r', '-t', '-z', '--full-tree', objectId(commit), '--', inside])
  const entries = text.split('\0').map((entry) => {
    const [facts = '', ...name] = entry.split('\t')
    const [mode = '', type = '', id = ''] = words(facts)
    return { mode, type, id, name: name.join('\t') }
  })
  const isElsewhere = entries.some(({ mode }) => mode === '120000' || mode === '160000')
  return isElsewhere ? undefined : entries.find(({ type, name }) => type === 'tree' && name === inside)?.id
}

/** A file's text; undefined: no such path, or not a regular file. */
export async function readFileAt(mirror: Mirror, commit: string, path: string): Promise<string | undefined> {
  const entry = await entryAt(mirror, commit, path)
  if (entry?.type !== 'blob' || entry.mode === '120000') return undefined
  if (entry.size > MAX_FILE) throw new Error(`${path} is larger than ${MAX_FILE} bytes`)
  return mirror.read(['cat-file', 'blob', entry.id])
}

/** Each message is a count of paths, the paths, a short type and the text (git-merge-tree(1)). */
function mergeMessages(fields: readonly string[]): string[] {
  const messages: string[] = []
  for (let at = 0; at < fields.length - 1; ) {
    const paths = Number(fields[at])
    const [type = '', message = ''] = fields.slice(at + paths + 1, at + paths + 3)
    if (type !== 'Auto-merging') messages.push(plain(message.trim()))
    at += paths + 3
  }
  return messages
}

function rows(text: string, width: number): string[][] {
  const fields = text.split('\0').slice(0, -1)
  return Array.from({ length: fields.length / width }, (_, row) => fields.slice(row * width, (row + 1) * width))
}

const words = (text: string) => text.split(' ').filter((word) => word !== '')
const lines = (count: string) => (count === '-' ? 0 : Number(count))
const plain = (text: string) => text.replaceAll(/\p{Cc}+/gu, ' ')
