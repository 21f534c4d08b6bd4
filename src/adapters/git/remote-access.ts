import { type Credentials, gitEnvironment, lfsEnvironment, redirectedEnvironment } from './environment.ts'
import { isBeforeSending } from './errors.ts'
import type { GitEnded, GitProcesses } from './process.ts'
import { createScrubber } from './scrubber.ts'
import { type GitAddress, gitAddress } from './values.ts'

// git's words where it follows no redirect (remote-curl.c, discover_refs).
const REDIRECTED = /^fatal: unable to access .*: The requested URL returned error: 30[1278]$/

/** A remote for one call: how to reach it, and how to keep its secret out of messages. */
export interface Remote {
  readonly address: GitAddress
  readonly credentials: Credentials | undefined
  readonly scrub: (text: string) => string
  /** Runs git with only this remote's transport and credentials. */
  git(args: readonly string[], options: RemoteOptions): Promise<GitEnded>
  /** Runs git-lfs with the same. */
  lfs(args: readonly string[], options: RemoteOptions): Promise<GitEnded>
}

interface RemoteOptions {
  readonly directory: string
  readonly timeoutMs: number
  readonly signal?: AbortSignal | undefined
  readonly onLine?: (line: string) => void
  /** Writes each exchanged packet to stderr, without headers and credentials. */
  readonly tracePackets?: boolean
}

/** Returns how to reach the remote at a URL; throws for a URL that is not allowed. */
export function remoteAccess(options: {
  readonly processes: GitProcesses
  readonly credentials: (url: URL) => Credentials | undefined
}): (url: string) => Remote {
  return (url) => {
    const address = gitAddress(url)
    const credentials = address.web && options.credentials(address.web)
    const runIn =
      (environment: Readonly<Record<string, string>>): Remote['git'] =>
      (args, call) =>
        options.processes.run({
          args,
          // Outside of any repository unless the call names one.
          ...call,
          environment: {
            ...environment,
            GIT_DIR: call.directory === '/' ? '/nonexistent' : call.directory,
            ...(call.tracePackets && { GIT_TRACE_PACKET: '1' }),
          },
        })
    return {
      address,
      credentials,
      scrub: createScrubber(credentials),
      async git(args, call) {
        const ended = await runIn(gitEnvironment({ address, credentials }))(args, call)
        // Only a hosted service may redirect (environment.ts). Nothing was sent yet, so that a push is not made twice.
        const isRedirected = ended.stderr.some((line) => REDIRECTED.test(line)) && isBeforeSending(ended)
        if (address.protocol !== 'https' || credentials === undefined || !isRedirected) return ended
        return runIn(redirectedEnvironment({ address, credentials }))(args, call)
      },
      lfs: runIn(lfsEnvironment({ address, credentials })),
    }
  }
}
