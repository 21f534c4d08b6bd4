import type { Answer } from '../../release/ports/answers.ts'
import { toServiceError } from './errors.ts'
import type { Remote } from './remote-access.ts'

const PACKET = / packet: +[\w-]+[<>] /

/**
 * The commits of references by their full names, by git ls-remote. With the dumb protocol, git reads a one-line web page as
 * an empty list of branches, and plans depend on "no such branch". So over HTTP, an empty list counts only if the server
 * speaks git's protocol.
 */
export async function listByGit(
  remote: Remote,
  what: readonly string[],
  names: readonly string[],
  { timeoutMs, signal }: { readonly timeoutMs: number; readonly signal: AbortSignal | undefined },
): Promise<Answer<ReadonlyMap<string, string>>> {
  const isWeb = remote.address.web !== undefined
  const ended = await remote.git(['ls-remote', ...what, '--quiet', '--', remote.address.address, ...names], {
    directory: '/',
    timeoutMs,
    signal,
    tracePackets: isWeb,
  })
  const own = ended.stderr.filter((line) => !PACKET.test(line))
  if (ended.exitCode !== 0 || ended.stopped)
    return { ok: false, ...toServiceError({ ...ended, stderr: own }, remote.scrub) }
  if (isWeb && ended.stdout === '' && own.length === ended.stderr.length) {
    return { ok: false, failure: 'wrong', detail: 'the server does not speak git’s protocol' }
  }
  const found = new Map<string, string>()
  for (const line of ended.stdout.split('\n')) {
    const [, commit, name] = /^([0-9a-f]{40})\t(.+)$/.exec(line) ?? []
    if (commit !== undefined && name !== undefined) found.set(name, commit)
  }
  return { ok: true, value: found }
}
