import type { Answer } from '../../release/ports/answers.ts'
import type { Git, PushAnswer } from '../../release/ports/git.ts'
import { isBeforeSending, toServiceError } from './errors.ts'
import { failure, type Mirrors } from './mirror.ts'
import type { GitEnded } from './process.ts'
import type { Remotes } from './remote.ts'
import type { Remote } from './remote-access.ts'
import { branchName, objectId } from './values.ts'

type Rejection = 'hook' | 'stale' | 'not a fast-forward'

export type Pushes = Pick<Git, 'push' | 'deleteBranch'>

type Log = (message: string, facts: Record<string, unknown>) => void

export function createPushes(options: {
  mirrors: Mirrors
  remotes: Remotes
  pushMs: number
  timeoutMs: number
  log: Log
}): Pushes {
  // A listener that throws must not stop the push.
  const tell = (onLine: (line: string) => void, line: string) => {
    try {
      onLine(line)
    } catch (error) {
      options.log('a listener to a push threw; the push continues', { error: String(error) })
    }
  }

  return {
    async push(app, url, { commit, branch, expected, setsBack = false }, { signal, onLine } = {}) {
      const remote = options.remotes.at(url)
      const reference = `refs/heads/${branchName(branch)}`
      objectId(commit)
      if (expected !== null) objectId(expected)
      const mirror = await options.mirrors.of(app)
      if (expected === null || setsBack) await mirror.read(['cat-file', '-e', `${commit}^{commit}`])
      else {
        // A lease alone would also force: it permits git to drop commits (git-push(1)), which only a rollback may.
        const ancestor = await mirror.git(['merge-base', '--is-ancestor', expected, commit])
        if (ancestor.exitCode === 1) return { push: 'rejected', why: 'not a fast-forward', output: [] }
        if (ancestor.exitCode !== 0) throw failure(['merge-base'], ancestor)
      }
      const ended = await remote.git(pushArguments(remote, reference, commit, expected), {
        directory: mirror.directory,
        timeoutMs: options.pushMs,
        signal,
        ...(onLine && { onLine: (line: string) => tell(onLine, cleanLine(line, remote)) }),
      })
      return answerOf(ended, reference, remote)
    },

    async deleteBranch(app, url, branch, expected) {
      const remote = options.remotes.at(url)
      const reference = `refs/heads/${branchName(branch)}`
      if (!branch.startsWith('signoff/'))
        throw new TypeError(`only branches under signoff/ may be deleted, not ${branch}`)
      objectId(expected)
      const before = await options.remotes.heads(url, [branch])
      if (!before.ok) return before
      if (before.value[branch] === null) return { ok: true, value: undefined }
      if (before.value[branch] !== expected) return moved(branch)

      const mirror = await options.mirrors.of(app)
      const ended = await remote.git(pushArguments(remote, reference, '', expected), {
        directory: mirror.directory,
        timeoutMs: options.timeoutMs,
      })
      if (statusLine(ended.stdout, reference)?.flag === '-') return { ok: true, value: undefined }
      const after = await options.remotes.heads(url, [branch])
      if (!after.ok) return after
      if (after.value[branch] === null) return { ok: true, value: undefined }
      return after.value[branch] === expected ? { ok: false, ...toServiceError(ended, remote.scrub) } : moved(branch)
    },
  }
}

function moved(branch: string): Answer<void> {
  return { ok: false, failure: 'wrong', detail: `${branch} has moved: it is not at the expected commit` }
}

function pushArguments(remote: Remote, reference: string, commit: string, expected: string | null): string[] {
  return [
    'push',
    '--porcelain',
    '--no-verify',
    '--no-follow-tags',
    '--recurse-submodules=no',
    `--force-with-lease=${reference}:${expected ?? ''}`,
    '--',
    remote.address.address,
    `${commit}:${reference}`,
  ]
}

/** The remote's answer is the reference's porcelain line: the exit code does not show whether it moved (git-push(1), OUTPUT). */
function answerOf(ended: GitEnded, reference: string, remote: Remote): PushAnswer {
  const status = statusLine(ended.stdout, reference)
  const output = ended.stderr.map((line) => cleanLine(line, remote))
  if (status?.flag === '!') output.push(remote.scrub(status.summary))
  const rest = { output: output.slice(-500) }
  if (status === undefined) {
    if (ended.stopped !== undefined) return { push: 'unknown', ...rest }
    const error = toServiceError(ended, remote.scrub)
    if (error.failure === 'refused') return { push: 'not allowed', ...rest }
    return isBeforeSending(ended) ? { push: 'not sent', ...error, ...rest } : { push: 'unknown', ...rest }
  }
  if (status.flag === '=') return { push: 'already', ...rest }
  if (status.flag !== '!') return { push: 'moved', ...rest }
  if (status.summary.startsWith('[remote failure]')) return { push: 'unknown', ...rest }
  return { push: 'rejected', why: rejectionOf(status.summary), ...rest }
}

function rejectionOf(summary: string): Rejection {
  if (/stale info|fetch first|failed to update ref|already exists|incorrect old value|cannot lock ref/.test(summary)) {
    return 'stale'
  }
  return /non-fast-forward|needs force/.test(summary) ? 'not a fast-forward' : 'hook'
}

function statusLine(stdout: string, reference: string): { flag: string; summary: string } | undefined {
  for (const line of stdout.split('\n')) {
    const [flag = '', names = '', summary = ''] = line.split('\t')
    if (flag.length === 1 && names.endsWith(`:${reference}`)) return { flag, summary }
  }
  return undefined
}

const cleanLine = (line: string, remote: Remote) => remote.scrub(line.replace(/^remote: ?/, ''))
