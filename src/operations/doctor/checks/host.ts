/** This machine: Node, git, env files and the clock. */
import { execFile } from 'node:child_process'
import { constants } from 'node:fs'
import { access, stat } from 'node:fs/promises'
import { promisify } from 'node:util'
import type { Environment } from '../../../release/settings.ts'
import { type Check, good, odd, wrong } from '../doctor.ts'

const OLDEST_NODE = 24
/** The first with `git merge-tree --write-tree`. */
const OLDEST_GIT: readonly [number, number] = [2, 38]

export function nodeCheck(version: string = process.versions.node): Check {
  return {
    name: 'Node',
    look: async () =>
      Number.parseInt(version, 10) >= OLDEST_NODE
        ? good(version)
        : wrong(`${version} is too old`, `install Node ${OLDEST_NODE} or later`),
  }
}

/** `versionOf` gives what `git --version` prints; it throws where there is no git. */
export function gitCheck(versionOf: (signal: AbortSignal) => Promise<string> = gitVersion): Check {
  return {
    name: 'git',
    async look(signal) {
      let printed: string
      try {
        printed = await versionOf(signal)
      } catch {
        return wrong('there is no program git', 'install git')
      }
      const [version = '', major = '', minor = ''] = /(\d{1,4})\.(\d{1,4})[.\w]{0,40}/.exec(printed) ?? []
      if (version === '') return wrong('git does not say its version', 'install git')
      const isOld = Number(major) < OLDEST_GIT[0] || (Number(major) === OLDEST_GIT[0] && Number(minor) < OLDEST_GIT[1])
      return isOld
        ? wrong(`${version} is too old`, `install git ${OLDEST_GIT.join('.')} or later, which can foresee merges`)
        : good(version)
    },
  }
}

/** git gets PATH and nothing else of ours. */
async function gitVersion(signal: AbortSignal): Promise<string> {
  const env = { PATH: process.env.PATH ?? '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C' }
  const { stdout } = await promisify(execFile)('git', ['--version'], { env, signal, timeout: 10_000 })
  return stdout
}

const OTHERS_MAY_READ = 0o004

/** One check for the env file of an environment; none where it names no env file. */
export function envFileChecks(environment: Environment): readonly Check[] {
  const path = environment.migrations?.envFile
  if (path === undefined) return []
  return [
    {
      name: `env file ${environment.app}/${environment.name}`,
      async look() {
        try {
          const found = await stat(path)
          if (!found.isFile()) return wrong('env_file is not a file', 'name a file in releases.yml')
          await access(path, constants.R_OK)
          return (found.mode & OTHERS_MAY_READ) === 0
            ? good('there, and not for everyone')
            : odd('everyone on this machine can read it', 'chmod 600 it')
        } catch (error) {
          const isMissing = error instanceof Error && 'code' in error && error.code === 'ENOENT'
          return isMissing
            ? wrong('env_file names a file that is not there', 'put it there, or mend env_file in releases.yml')
            : wrong('it can not be read by this user', 'chown it to the user that the worker runs as')
        }
      },
    },
  ]
}

/** From when on somebody should look, and from when on Slack's requests are refused. */
const ODD_SKEW_MS = 30_000
const WRONG_SKEW_MS = 5 * 60_000

/**
 * Compares this machine's clock with another. `skewMs` is ours less theirs; undefined where it does not say.
 *
 * @param other whose clock, such as `Slack`
 */
export function clockCheck(other: string, skewMs: (signal: AbortSignal) => Promise<number | undefined>): Check {
  return {
    name: `clock and ${other}`,
    async look(signal) {
      const skew = await skewMs(signal)
      if (skew === undefined) return odd(`${other} does not say its time`, `see the check of ${other}`)
      const size = Math.abs(skew)
      const says = `this clock is ${(size / 1_000).toFixed(1)} s ${skew < 0 ? 'behind' : 'ahead'}`
      const mend = 'synchronise it (NTP)'
      if (size >= WRONG_SKEW_MS) return wrong(`${says}: requests would be refused`, mend)
      return size >= ODD_SKEW_MS ? odd(says, mend) : good(says)
    },
  }
}

/** The embedded store is there only while the service runs. */
export const storeOfStoppedService: Check = {
  name: 'store',
  look: async () =>
    odd('the service is not running, and its embedded store runs with it', 'start it, or set STORE_URL'),
}

/** Reaches the store and compares clocks. `now` gives the store's time; what it throws is told. */
export function storeChecks(store: { now(): Promise<Date> }, clock: () => number = Date.now): readonly Check[] {
  const skew = async () => {
    const before = clock()
    const theirs = (await store.now()).getTime()
    return (before + clock()) / 2 - theirs
  }
  let asked: Promise<number> | undefined
  const once = () => {
    asked ??= skew()
    return asked
  }
  return [
    {
      name: 'store',
      async look() {
        try {
          await once()
          return good('answers')
        } catch (error) {
          const says = error instanceof Error ? error.message : 'does not answer'
          return wrong(says, says.includes('STORE_URL') ? undefined : 'see STORE_URL and whether it runs')
        }
      },
    },
    clockCheck('the store', () => once().catch(() => undefined)),
  ]
}
