import type { ServiceError } from '../../release/ports/answers.ts'
import type { GitEnded } from './process.ts'

const REFUSED =
  /Authentication failed|could not read (Username|Password)|Invalid credentials|(error: |HTTP )40[13]\b|terminal prompts disabled/i
const NOT_THERE = /repository .*not found|does not appear to be a git repository|not a git repository|does not exist/i
const ASKING =
  /^fatal: (unable to access |unable to update url base |invalid (server response|content-type)|protocol error: expected service|.*info\/refs not valid)|repository .*not found|does not appear to be a git repository|not a git repository/i
const SENDING = /RPC failed|send-pack|hung up|disconnect/i
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

/**
 * Whether git gave up while it asked for the branches, before it sent anything. Only that request fails with these words
 * (git's remote-curl.c, discover_refs); a request that may have had an effect fails with "RPC failed".
 */
export function isBeforeSending(ended: GitEnded): boolean {
  const isAfter = ended.stderr.some((text) => !text.startsWith('remote:') && SENDING.test(text))
  return !isAfter && ended.stderr.some((text) => text.startsWith('fatal:') && ASKING.test(text))
}

function deniedBy(line: string, failure: ServiceError['failure']): Pick<ServiceError, 'denied'> {
  if (failure === 'wrong' && NOT_THERE.test(line)) return { denied: 'not found' }
  return failure === 'refused' && /\b403\b/.test(line) ? { denied: 'no access' } : {}
}

function detailOf(line: string, scrub: (text: string) => string): string {
  return scrub(line.replace(/^(fatal|error|remote|warning): /, '')).slice(0, 300)
}
