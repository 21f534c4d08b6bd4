/** This machine: Node, git, env files and the clock. */
import { execFile } from 'node:child_process'
import { constants } from 'node:fs'
import { access, stat } from 'node:fs/promises'
import { promisify } from 'node:util'
import type { Environment } from '../../../release/settings.ts'
import { DISK_FIX, type Place, readDisk } from '../../disk.ts'
import { type Check, fail, pass, warn } from '../doctor.ts'

const MIN_NODE = 24
/** The first with `git merge-tree --write-tree`. */
const MIN_GIT: readonly [number, number] = [2, 38]

export function nodeCheck(version: string = process.versions.node): Check {
  return {
    name: 'Node',
    run: async () =>
      Number.parseInt(version, 10) >= MIN_NODE
        ? pass(version)
        : fail(`${version} is too old`, `install Node ${MIN_NODE} or later`),
  }
}

/** `versionOf` returns the output of `git --version`, and throws when there is no git. */
export function gitCheck(versionOf: (signal: AbortSignal) => Promise<string> = gitVersion): Check {
  return {
    name: 'git',
    async run(signal) {
      let printed: string
      try {
        printed = await versionOf(signal)
      } catch {
        return fail('not found on PATH', 'install git')
      }
      const [version = '', major = '', minor = ''] = /(\d{1,4})\.(\d{1,4})[.\w]{0,40}/.exec(printed) ?? []
      if (version === '') return fail("can't read the version of git", 'install git again')
      const isOld = Number(major) < MIN_GIT[0] || (Number(major) === MIN_GIT[0] && Number(minor) < MIN_GIT[1])
      return isOld
        ? fail(`${version} is too old`, `install git ${MIN_GIT.join('.')} or later, which can preview merges`)
        : pass(version)
    },
  }
}

/** Passes PATH and no other variable of this process. */
async function gitVersion(signal: AbortSignal): Promise<string> {
  const env = { PATH: process.env.PATH ?? '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C' }
  const { stdout } = await promisify(execFile)('git', ['--version'], { env, signal, timeout: 10_000 })
  return stdout
}

/** None where this role writes to no place. */
export function diskChecks(places: readonly Place[], read = readDisk): readonly Check[] {
  if (places.length === 0) return []
  return [
    {
      name: 'disk',
      async run() {
        const { level, message } = await read(places)
        if (level === 'ok') return pass(message)
        return level === 'low' ? warn(message, DISK_FIX) : fail(message, DISK_FIX)
      },
    },
  ]
}

const OTHERS_MAY_READ = 0o004

/** One check for each of the environment's env files. */
export function envFileChecks(environment: Environment): readonly Check[] {
  return environment.migrations.flatMap(({ name, envFile: path }) => {
    if (path === undefined) return []
    return {
      name: `env file ${[environment.app, environment.name, name].filter(Boolean).join('/')}`,
      async run() {
        try {
          const found = await stat(path)
          if (!found.isFile()) return fail('env_file is not a file', 'set env_file in releases.yml to a file')
          await access(path, constants.R_OK)
          return (found.mode & OTHERS_MAY_READ) === 0
            ? pass('exists, and is not readable by everyone')
            : warn('everyone on this machine can read it', 'run chmod 600 on it')
        } catch (error) {
          const isMissing = error instanceof Error && 'code' in error && error.code === 'ENOENT'
          return isMissing
            ? fail('the file does not exist', 'create it, or fix env_file in releases.yml')
            : fail('this user may not read it', 'run chown to give it to the user of the worker')
        }
      },
    }
  })
}

const WARN_SKEW_MS = 30_000
/** Slack's requests are refused from this skew on. */
const FAIL_SKEW_MS = 5 * 60_000

/**
 * Compares this machine's clock with another. `skewMs` returns this clock minus the other, or undefined when the other
 * gives no time.
 *
 * @param other whose clock, such as `Slack`
 */
export function clockCheck(other: string, skewMs: (signal: AbortSignal) => Promise<number | undefined>): Check {
  return {
    name: `clock and ${other}`,
    async run(signal) {
      const skew = await skewMs(signal)
      if (skew === undefined) return warn(`no time from ${other}`, `see the check of ${other}`)
      const size = Math.abs(skew)
      const message = `this clock is ${(size / 1_000).toFixed(1)} s ${skew < 0 ? 'behind' : 'ahead'}`
      const fix = 'synchronize the clock (NTP)'
      if (size >= FAIL_SKEW_MS) return fail(`${message}: requests will be refused`, fix)
      return size >= WARN_SKEW_MS ? warn(message, fix) : pass(message)
    },
  }
}

/** In place of the store's checks, since the embedded store runs only while the service does. */
export const stoppedStoreCheck: Check = {
  name: 'store',
  run: async () =>
    warn('the embedded store is stopped, since Signoff is not running', 'start Signoff, or set STORE_URL'),
}

/**
 * Connects to the store, compares clocks, and tries what its connections must give. `now` returns the store's time; the
 * message of what it or `sessions` throws is printed.
 */
export function storeChecks(
  store: { now(): Promise<Date>; readonly sessions?: () => Promise<void> },
  clock: () => number = Date.now,
): readonly Check[] {
  const skew = async () => {
    const before = clock()
    const theirs = (await store.now()).getTime()
    return (before + clock()) / 2 - theirs
  }
  let measured: Promise<number> | undefined
  const skewOnce = () => {
    measured ??= skew()
    return measured
  }
  return [
    {
      name: 'store',
      async run() {
        try {
          await skewOnce()
          return pass('answers')
        } catch (error) {
          const message = error instanceof Error ? error.message : 'does not answer'
          return fail(
            message,
            message.includes('STORE_URL') ? undefined : 'check STORE_URL, and that Postgres is running',
          )
        }
      },
    },
    clockCheck('the store', () => skewOnce().catch(() => undefined)),
    ...(store.sessions === undefined ? [] : [sessionsCheck(store.sessions, skewOnce)]),
  ]
}

function sessionsCheck(sessions: () => Promise<void>, answers: () => Promise<unknown>): Check {
  return {
    name: 'store connection',
    async run() {
      const isAway = await answers().then(
        () => false,
        () => true,
      )
      // The check of the store says so.
      if (isAway) return undefined
      await sessions()
      return pass('locks and notifications hold')
    },
  }
}
