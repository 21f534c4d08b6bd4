import type { ServiceError } from '../../release/ports/answers.ts'
import type { GitEnded } from './process.ts'

const REFUSED =
  /Authentication failed|could not read (Username|Password)|Invalid credentials|(error: |HTTP )40[13]\b|terminal prompts disabled/i
const NOT_THERE = /repository .*not found|does not appear to be a git repository|not a git repository|does not exist/i
const UNTRUSTED = /certificate/i
const UNREACHABLE =
  /could not resolve|failed to connect|couldn't connect|connection (was )?(refused|reset|closed|timed out)|timed out|timeout|RPC failed|early EOF|unexpected disconnect|hung up|empty reply|transfer closed|network is unreachable|no route to host|(error: |HTTP )(429|5\d\d)\b|(SSL|TLS)[ _]/i

/** Classifies the failure of a git that talked to a remote, by git's own messages (LC_ALL=C.UTF-8). */
export function toServiceError(ended: GitEnded, scrub: (text: string) => string): ServiceError {
  if (ended.stopped === 'timed out') return { failure: 'unreachable', detail: 'git got no answer in time' }
  if (ended.stopped === 'aborted') return { failure: 'unreachable', detail: 'git was stopped before an answer came' }
  const kinds = [
    ['refused', REFUSED],
    ['wrong', NOT_THERE],
    ['wrong', UNTRUSTED],
    ['unreachable', UNREACHABLE],
  ] as const
  // Lines of a hook or server begin with `remote:` and may contain anything.
  const own = ended.stderr.filter((text) => !text.startsWith('remote:'))
  for (const [failure, words] of kinds) {
    const line = own.find((text) => words.test(text))
    if (line !== undefined) return { failure, detail: detailOf(line, scrub), ...deniedBy(line, failure) }
  }
  const last = own.findLast((text) => /^(fatal|error): /.test(text)) ?? ended.stderr.at(-1)
  const ending = ended.exitCode === undefined ? 'git was killed' : `git ended with ${ended.exitCode}`
  const failure = ended.exitCode === undefined ? 'unreachable' : 'wrong'
  return { failure, detail: last === undefined ? ending : detailOf(last, scrub) }
}

function deniedBy(line: string, failure: ServiceError['failure']): Pick<ServiceError, 'denied'> {
  if (failure === 'wrong' && NOT_THERE.test(line)) return { denied: 'not found' }
  return failure === 'refused' && /\b403\b/.test(line) ? { denied: 'no access' } : {}
}

/** Whether the remote answered that the repository does not exist, so that nothing can have changed there. */
export function saysNotThere(ended: GitEnded): boolean {
  return ended.stderr.some((text) => text.startsWith('fatal:') && NOT_THERE.test(text))
}

function detailOf(line: string, scrub: (text: string) => string): string {
  return scrub(line.replace(/^(fatal|error|remote|warning): /, '')).slice(0, 300)
}
