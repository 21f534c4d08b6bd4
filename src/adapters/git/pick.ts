import { defined } from '../../lib/defined.ts'
import type { PickRequest, PickResult } from '../../release/ports/git.ts'
import type { Mirror } from './mirror.ts'
import { entryAt, mergeTrees, readFileAt } from './reading.ts'
import { objectId } from './values.ts'

const COMMITTER = 'Signoff <signoff@signoff.invalid>'
/** The author and date of helper commits for a merge's base: constant, so that the same commit is created once. */
const NOBODY = `${COMMITTER} 0 +0000`
const EMPTY_TREE = '4b825dc642cb6eb9a060e54bf8d69288fbee4904'
const KEPT = 'refs/signoff/picks/'
const LONGEST_CONFLICT = 16
const LONGEST_LINE = 200
const MAX_FILES_READ = 10
const MAX_CONFLICT_FILE = 1024 * 1024

/**
 * A commit as it is stored. git neither requires nor checks that authors and messages are UTF-8, so that each character
 * here is one byte (Latin-1): what is read is written again unchanged.
 */
interface Original {
  readonly tree: string
  readonly parents: readonly string[]
  /** Name, address, seconds and zone. */
  readonly author: string
  /** The encoding that the commit declares for author and message. */
  readonly encoding?: string
  readonly message: string
}

/**
 * Makes the picked commits, each on top of the one before. git 2.39 merges only with the base that the two histories have,
 * so the branch's side is a helper commit with the branch's files on the pick's parent: this is what cherry-pick computes.
 */
export async function pickCommits(mirror: Mirror, wanted: PickRequest): Promise<PickResult> {
  const kept = keptAs(wanted.keepAs)
  if (!/^[A-Za-z][A-Za-z-]*: [\w#./ -]+$/.test(wanted.trailer)) throw new TypeError('not a trailer')
  const committer = `${COMMITTER} ${Math.floor(wanted.at.getTime() / 1000)} +0000`
  const commits: { from: string; made: string; tree: string }[] = []
  let onto = objectId(wanted.onto)
  let ontoTree = await treeOf(mirror, onto)
  for (const from of wanted.commits) {
    const original = await read(mirror, objectId(from))
    const [parent, ...more] = original.parents
    if (more.length > 0) throw new TypeError(`${from} is a merge commit`)
    const sides = await sidesOf(mirror, ontoTree, from, original.tree, parent)
    const merged = await mergeTrees(mirror, sides.ours, sides.theirs)
    if (!merged.clean) {
      const called = { [sides.ours]: wanted.ontoName, [sides.theirs]: from.slice(0, 7) }
      return { pick: 'conflict', commit: from, ...(await conflict(mirror, merged, called)) }
    }
    if (merged.tree === ontoTree) return { pick: 'empty', commit: from }
    const message = pickedMessage(original.message, from, wanted.trailer)
    const made = await write(mirror, {
      tree: merged.tree,
      parents: [onto],
      author: original.author,
      committer,
      ...defined({ encoding: original.encoding }),
      message,
    })
    commits.push({ from, made, tree: merged.tree })
    onto = made
    ontoTree = merged.tree
  }
  if (commits.length > 0) await mirror.setReferences({ [kept]: onto })
  return { pick: 'made', commits }
}

/** The names under which picks are kept in the mirror. */
export async function keptPicks(mirror: Mirror): Promise<readonly string[]> {
  const names = await mirror.read(['for-each-ref', '--format=%(refname:strip=3)', KEPT])
  return names.split('\n').filter((name) => name !== '')
}

/** Deletes the references of picks. Their objects stay until the mirror is pruned. */
export function forgetPicks(mirror: Mirror, names: readonly string[]): Promise<void> {
  return mirror.setReferences(Object.fromEntries(names.map((name) => [keptAs(name), null])))
}

function keptAs(name: string): string {
  if (!/^[\w-]{1,60}$/.test(name)) throw new TypeError('not a name under which picks can be kept')
  return `${KEPT}${name}`
}

/** The commits whose ids begin with the prefix; other objects are ignored. */
export async function commitsNamed(mirror: Mirror, prefix: string): Promise<readonly string[]> {
  if (!/^[0-9a-f]{4,40}$/.test(prefix)) throw new TypeError('not the beginning of a commit id')
  const found = await mirror.read(['rev-parse', `--disambiguate=${prefix}`])
  if (found.trim() === '') return []
  const typed = await mirror.read(['cat-file', '--batch-check=%(objectname) %(objecttype)'], { input: found })
  return typed
    .split('\n')
    .filter((line) => line.endsWith(' commit'))
    .map((line) => objectId(line.slice(0, 40)))
}

/** Whether any of the tips is the commit or a descendant of it. */
export async function isReachable(mirror: Mirror, commit: string, tips: readonly string[]): Promise<boolean> {
  if (tips.length === 0) return false
  const input = `${objectId(commit)}\n${tips.map((tip) => `^${objectId(tip)}\n`).join('')}`
  return (await mirror.read(['rev-list', '--max-count=1', '--stdin'], { input })).trim() === ''
}

/** Checks ancestry, then git's patch ids (git-cherry(1)): a `-` means that the head has the same change. */
export async function hasChange(
  mirror: Mirror,
  commit: string,
  head: string,
): Promise<'the commit' | 'the same change' | undefined> {
  if (await isReachable(mirror, commit, [head])) return 'the commit'
  const [parent] = (await read(mirror, commit)).parents
  const args = ['cherry', objectId(head), objectId(commit), ...(parent === undefined ? [] : [parent])]
  const listed = await mirror.read(args)
  return listed.split('\n').includes(`- ${commit}`) ? 'the same change' : undefined
}

/**
 * Whether a tree has a commit's change, by applying it again: nothing changes (`applied`), something does (`missing`), or
 * it conflicts with what the tree has instead (`unclear`).
 */
export async function changeIn(
  mirror: Mirror,
  commit: string,
  tree: string,
): Promise<'applied' | 'missing' | 'unclear'> {
  const { tree: own, parents } = await read(mirror, objectId(commit))
  const sides = await sidesOf(mirror, objectId(tree), commit, own, parents[0])
  const merged = await mergeTrees(mirror, sides.ours, sides.theirs)
  if (!merged.clean) return 'unclear'
  return merged.tree === tree ? 'applied' : 'missing'
}

async function treeOf(mirror: Mirror, commit: string): Promise<string> {
  return objectId((await mirror.read(['rev-parse', '--verify', '--end-of-options', `${commit}^{tree}`])).trim())
}

async function read(mirror: Mirror, commit: string): Promise<Original> {
  const text = await mirror.read(['cat-file', 'commit', commit], { encoding: 'latin1' })
  const end = text.indexOf('\n\n')
  // Lines that begin with a space continue the header before, such as a signature, and may contain anything.
  const headers = text.slice(0, end === -1 ? undefined : end).split('\n')
  const all = (name: string) =>
    headers.filter((line) => line.startsWith(`${name} `)).map((line) => line.slice(name.length + 1))
  const [tree = ''] = all('tree')
  const [author] = all('author')
  const [encoding] = all('encoding')
  if (author === undefined) throw new Error(`${commit} has no author`)
  const message = end === -1 ? '' : text.slice(end + 2)
  return {
    tree: objectId(tree),
    parents: all('parent').map(objectId),
    author,
    ...defined({ encoding }),
    // Not trimEnd: it would take bytes of other encodings for Unicode's spaces.
    message: message.replace(/[ \t\r\n\v\f]+$/, ''),
  }
}

async function sidesOf(mirror: Mirror, ontoTree: string, pick: string, pickTree: string, parent: string | undefined) {
  const upon = (base: string, tree: string) =>
    write(mirror, { tree, parents: [base], author: NOBODY, committer: NOBODY, message: 'stand-in' })
  if (parent !== undefined) return { ours: await upon(parent, ontoTree), theirs: pick }
  // A root commit adds all of its files: both sides get an empty commit as parent.
  const nothing = await write(mirror, {
    tree: EMPTY_TREE,
    parents: [],
    author: NOBODY,
    committer: NOBODY,
    message: 'nothing',
  })
  return { ours: await upon(nothing, ontoTree), theirs: await upon(nothing, pickTree) }
}

/**
 * Writes the commit as a raw object: git-commit-tree(1) would normalize the author's name. Literally, because an author
 * that newer versions of git reject is the picked commit's own.
 */
async function write(mirror: Mirror, commit: Original & { readonly committer: string }): Promise<string> {
  if (commit.tree === EMPTY_TREE) await mirror.read(['hash-object', '-t', 'tree', '-w', '--stdin'], { input: '' })
  const text = [
    `tree ${commit.tree}`,
    ...commit.parents.map((parent) => `parent ${parent}`),
    `author ${commit.author}`,
    `committer ${commit.committer}`,
    ...(commit.encoding === undefined ? [] : [`encoding ${commit.encoding}`]),
    '',
    `${commit.message}\n`,
  ].join('\n')
  const args = ['hash-object', '--literally', '-t', 'commit', '-w', '--stdin']
  return objectId((await mirror.read(args, { input: text, encoding: 'latin1' })).trim())
}

/** The message with the line of `git cherry-pick -x` and our trailer, appended to existing trailers or as a new paragraph. */
function pickedMessage(message: string, from: string, trailer: string): string {
  const last = message
    .split(/\r?\n\r?\n/)
    .slice(1)
    .at(-1)
  const endsInTrailers = last
    ?.split(/\r?\n/)
    .every((line) => /^([A-Za-z0-9-]+: |\(cherry picked from commit )/.test(line))
  const added = `(cherry picked from commit ${from})\n${trailer}`
  if (message === '') return added
  return `${message}${endsInTrailers === true ? '\n' : '\n\n'}${added}`
}

/** The conflicting files, and the lines of the first conflict. */
async function conflict(
  mirror: Mirror,
  merged: { tree: string; files: readonly string[]; messages: readonly string[] },
  called: Readonly<Record<string, string>>,
): Promise<Pick<Extract<PickResult, { pick: 'conflict' }>, 'files' | 'lines'>> {
  const files: { path: string; line?: number }[] = []
  let lines: readonly string[] = []
  for (const [index, path] of merged.files.entries()) {
    const text = index < MAX_FILES_READ ? await smallTextAt(mirror, merged.tree, path) : undefined
    const found = text === undefined ? undefined : firstHunk(text, called)
    if (found !== undefined && lines.length === 0) lines = found.lines
    files.push({ path, ...(found && { line: found.line }) })
  }
  const named = (line: string) => cutLine(withNames(line, called))
  return { files, lines: lines.length > 0 ? lines : merged.messages.slice(0, LONGEST_CONFLICT).map(named) }
}

async function smallTextAt(mirror: Mirror, tree: string, path: string): Promise<string | undefined> {
  // A path that we don't accept is listed but not read.
  if (path.startsWith('-') || /\p{Cc}/u.test(path)) return undefined
  const entry = await entryAt(mirror, tree, path)
  if (entry?.type !== 'blob') return undefined
  return entry.size > MAX_CONFLICT_FILE ? undefined : readFileAt(mirror, tree, path)
}

function firstHunk(
  text: string,
  called: Readonly<Record<string, string>>,
): { line: number; lines: readonly string[] } | undefined {
  const all = text.split('\n')
  const sides = Object.keys(called)
  const start = all.findIndex((line) => line.startsWith('<<<<<<< ') && sides.some((side) => line.includes(side)))
  if (start === -1) return undefined
  const length = all.slice(start).findIndex((line) => line.startsWith('>>>>>>> ')) + 1
  const whole = all.slice(start, length === 0 ? undefined : start + length)
  const shown = whole.length <= LONGEST_CONFLICT ? whole : [...whole.slice(0, LONGEST_CONFLICT - 1), '…']
  return { line: start + 1, lines: shown.map((line) => cutLine(withNames(line, called))) }
}

/** Replaces the ids of the merge's sides by the names that people know. */
function withNames(line: string, called: Readonly<Record<string, string>>): string {
  return Object.entries(called).reduce((words, [side, name]) => words.replaceAll(side, name), line)
}

function cutLine(line: string): string {
  return line.length <= LONGEST_LINE ? line : `${line.slice(0, LONGEST_LINE - 1)}…`
}
