/** What the adapters say where a call goes wrong, with a secret in all of it. */
import { WebAPIHTTPError, WebAPIRateLimitedError, WebAPIRequestError } from '@slack/web-api'
import type { FaultKind } from './faults.ts'

/** A secret that every failing tool repeats, as programs write it: none of it may be stored or said. */
export const SECRET = 'hunter2/very+secret&word'
export const SECRET_FORMS: readonly string[] = [
  SECRET,
  encodeURIComponent(SECRET),
  Buffer.from(SECRET).toString('base64'),
]
/** What a tool says that tells everything it was given. */
export const TELLS_ALL = `--with ${SECRET_FORMS.join(' and ')}`
const DETAIL = `no answer in time (${TELLS_ALL})`

/** What the adapters say where an answer is lost; throws where they throw. Undefined: such a call can't be lost. */
export function lost(call: string, kind: FaultKind): { readonly answer: unknown } | undefined {
  const [port = '', method = ''] = call.split('.', 2)
  const is429 = kind === '429'
  const unreachable = { ok: false, failure: 'unreachable', detail: DETAIL }
  switch (port) {
    case 'git':
      if (method === 'push') return { answer: { push: 'unknown', output: [DETAIL] } }
      return ['heads', 'fetch', 'fetchAll', 'fetchNamed', 'deleteBranch'].includes(method)
        ? { answer: unreachable }
        : undefined
    case 'forge':
      if (method !== 'merge') return { answer: unreachable }
      return { answer: is429 ? { merge: 'refused', detail: '429' } : { merge: 'unknown', detail: DETAIL } }
    case 'platform':
      return { answer: unreachable }
    case 'migrator':
      if (method === 'upgrade') return { answer: { upgrade: 'unknown', output: [DETAIL] } }
      return { answer: { ok: false, why: 'database unreachable', detail: DETAIL } }
    case 'directory':
      return { answer: SILENT[method] }
    case 'slack':
    case 'interactive':
      if (is429) throw new WebAPIRateLimitedError(30)
      if (kind === '5xx before' || kind === '5xx after') throw new WebAPIHTTPError(503, 'Unavailable', {})
      throw new WebAPIRequestError(new Error(DETAIL))
    default:
      return undefined
  }
}

const SILENT: Record<string, unknown> = {
  person: { is: 'unknown' },
  channel: { unreachable: 'Slack did not answer' },
  groupIds: {},
}

/** What calls answer that write to the local disk, which has no room. Throws where they throw. */
const DISK_FULL: Readonly<Record<string, (detail: string) => unknown>> = {
  'git.fetch': (detail) => ({ ok: false, failure: 'wrong', detail }),
  'git.fetchNamed': (detail) => ({ ok: false, failure: 'wrong', detail }),
  'git.fetchAll': (detail) => ({ ok: false, failure: 'wrong', detail }),
  'migrator.upgrade': (detail) => ({ upgrade: 'failed', output: [`OSError: [Errno 28] ${detail}`] }),
  'git.push': noRoom,
  'git.checkout': noRoom,
}

function noRoom(detail: string): never {
  throw new Error(`ENOSPC: ${detail}`)
}

export function needsDisk(call: string): boolean {
  return DISK_FULL[call] !== undefined
}

export function diskFull(call: string): unknown {
  const answer = DISK_FULL[call]
  if (answer === undefined) throw new TypeError(`${call} needs no disk, and can't find it full`)
  return answer(`No space left on device (${TELLS_ALL})`)
}

/** The service won't, in its own words. */
export function wrong(call: string): { readonly answer: unknown } | undefined {
  const detail = `HTTP 400 ${TELLS_ALL}`
  switch (call) {
    case 'forge.merge':
      return { answer: { merge: 'refused', detail } }
    case 'git.push':
      return { answer: { push: 'rejected', why: 'hook', output: [`remote: ! ${detail}`] } }
    case 'migrator.upgrade':
      return { answer: { upgrade: 'failed', output: [`Error: ${detail}`] } }
    case 'migrator.status':
    case 'migrator.revisions':
      return { answer: { ok: false, why: 'unreadable', detail } }
    case 'directory.channel':
      return { answer: { unreachable: detail } }
    default:
      return /^(forge|platform|git\.(heads|fetch|fetchAll|fetchNamed|deleteBranch)$)/.test(call)
        ? { answer: { ok: false, failure: 'wrong', detail } }
        : undefined
  }
}
