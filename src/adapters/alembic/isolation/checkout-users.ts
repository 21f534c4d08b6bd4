/** The users as which a worker that is root runs the app's code: one for each checkout. */
import { lstat } from 'node:fs/promises'
import { createLineReader } from '../../../lib/lines.ts'
import { runInGroup } from '../../../lib/process-group.ts'

export interface User {
  readonly uid: number
  readonly gid: number
}

/** Numbers that Debian leaves for such a use. */
const FIRST_USER = 60_100
const USERS = 900

/**
 * Returns the user to whom a checkout was given, or a new one to whom it is given now, with all that is in it. `path`: where
 * chown is searched for. Throws if it can't be given. Safe to call concurrently.
 */
export function createCheckoutUsers(path: string): (checkout: string) => Promise<User> {
  let last = process.pid % USERS
  const giving = new Map<string, Promise<User>>()

  async function give(checkout: string): Promise<User> {
    const { uid } = await lstat(checkout)
    if (uid >= FIRST_USER && uid < FIRST_USER + USERS) return { uid, gid: uid }
    last = (last + 1) % USERS
    const user = { uid: FIRST_USER + last, gid: FIRST_USER + last }
    await giveTo(user, checkout, path)
    return user
  }

  return (checkout) => {
    const given = giving.get(checkout) ?? give(checkout).finally(() => giving.delete(checkout))
    giving.set(checkout, given)
    return given
  }
}

/** Links are not followed. */
async function giveTo({ uid, gid }: User, folder: string, path: string): Promise<void> {
  const said: string[] = []
  const ended = await runInGroup({
    command: ['chown', '-hR', `${uid}:${gid}`, '--', folder],
    directory: '/',
    environment: { PATH: path },
    stdout: { add() {}, end() {} },
    stderr: createLineReader((line) => void said.push(line), { longest: 500, breaks: '\n' }),
    timeoutMs: 120_000,
    graceMs: 1_000,
    orphanMs: 0,
  })
  if (!ended.started || ended.exitCode !== 0) throw new Error(said.at(-1) ?? "the checkout's owner can't be changed")
}
