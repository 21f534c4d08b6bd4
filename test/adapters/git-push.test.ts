import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createGit } from '../../src/adapters/git/git.ts'
import type { PushAnswer } from '../../src/release/ports/git.ts'
import type { App } from '../../src/release/settings.ts'
import { createGitRepositories, type GitRepository, serveGit } from '../support/git-repository.ts'

const PASSWORD = 's3cr3t/p@ss word'

let repositories: Awaited<ReturnType<typeof createGitRepositories>>
let served: Awaited<ReturnType<typeof serveGit>>
let origin: GitRepository
let remote: GitRepository
let git: ReturnType<typeof createGit>
let app: App
let commits: { first: string; second: string; third: string; aside: string }
let credentials: { username: string; password: string } | undefined

beforeEach(async () => {
  repositories = await createGitRepositories()
  origin = await repositories.repository('origin')
  remote = await repositories.repository('remote')
  served = await serveGit({ directory: repositories.directory, user: 'releaser', password: PASSWORD })
  app = { name: 'api', repository: 'team/api', gitUrl: origin.directory, environments: [] }
  credentials = { username: 'releaser', password: PASSWORD }
  git = createGit({
    mirrors: join(repositories.directory, 'mirrors'),
    credentials: () => credentials,
    timeouts: { otherMs: 15_000, pushMs: 15_000, graceMs: 500 },
  })
  const first = await origin.commit('first')
  const second = await origin.commit('second')
  const third = await origin.commit('third')
  const aside = await origin.commit('aside', { branch: 'aside', parents: [first] })
  commits = { first, second, third, aside }
  await git.fetch(app, origin.directory, ['master', 'aside'])
})
afterEach(async () => {
  await git.close()
  await served.close()
  await repositories.close()
})

const url = (way: 'http' | 'path') => (way === 'http' ? `${served.origin}/remote.git` : remote.directory)

/** Everything that runs and has a text, such as one of our addresses, in its argument list. */
async function processesWith(mark: string): Promise<[pid: number, line: string][]> {
  const found: [number, string][] = []
  for (const pid of await readdir('/proc')) {
    if (!/^\d+$/.test(pid)) continue
    const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
    if (line.includes(mark)) found.push([Number(pid), line.replaceAll('\0', ' ')])
  }
  return found
}

const stillRunning = async (mark: string) => (await processesWith(mark)).map(([, line]) => line)

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 10_000; Date.now() < end; await sleep(20)) if (await holds()) return
  throw new Error('it never came about')
}

describe.each(['http', 'path'] as const)('pushing over %s', (way) => {
  const push = (commit: string, expected: string | null, branch = 'master') =>
    git.push(app, url(way), { commit, branch, expected })

  it.each<[string, (is: typeof commits) => [string | null, string, string | null], object, 'moved' | 'stays']>([
    ['a new branch', (is) => [null, is.first, null], { push: 'moved' }, 'moved'],
    ['forward', (is) => [is.first, is.second, is.first], { push: 'moved' }, 'moved'],
    ['what is there already', (is) => [is.second, is.second, is.second], { push: 'already' }, 'stays'],
    [
      'what is there already, expected elsewhere',
      (is) => [is.second, is.second, is.first],
      { push: 'already' },
      'stays',
    ],
    ['not forward', (is) => [is.second, is.aside, is.second], { push: 'rejected', why: 'not a fast-forward' }, 'stays'],
    ['backward', (is) => [is.second, is.first, is.second], { push: 'rejected', why: 'not a fast-forward' }, 'stays'],
    [
      'when the branch is further',
      (is) => [is.second, is.third, is.first],
      { push: 'rejected', why: 'stale' },
      'stays',
    ],
    [
      'when the branch is elsewhere',
      (is) => [is.aside, is.second, is.first],
      { push: 'rejected', why: 'stale' },
      'stays',
    ],
    [
      'when the branch has come to be',
      (is) => [is.first, is.second, null],
      { push: 'rejected', why: 'stale' },
      'stays',
    ],
    ['when the branch is gone', (is) => [null, is.second, is.first], { push: 'rejected', why: 'stale' }, 'stays'],
  ])('%s', async (_, facts, answer, then) => {
    const [holds, commit, expected] = facts(commits)
    if (holds !== null) await git.push(app, remote.directory, { commit: holds, branch: 'master', expected: null })
    expect(await remote.head('master')).toBe(holds ?? undefined)
    expect(await push(commit, expected)).toMatchObject(answer)
    expect(await remote.head('master')).toBe(then === 'moved' ? commit : (holds ?? undefined))
  })

  it.each<[string, (is: typeof commits) => [string, string, string], object, 'moved' | 'stays']>([
    ['backward', (is) => [is.third, is.first, is.third], { push: 'moved' }, 'moved'],
    ['to another line', (is) => [is.second, is.aside, is.second], { push: 'moved' }, 'moved'],
    ['from elsewhere', (is) => [is.third, is.first, is.second], { push: 'rejected', why: 'stale' }, 'stays'],
  ])('sets a branch back for a rollback: %s', async (_, facts, answer, then) => {
    const [holds, commit, expected] = facts(commits)
    await git.push(app, remote.directory, { commit: holds, branch: 'master', expected: null })
    const pushed = await git.push(app, url(way), { commit, branch: 'master', expected, setsBack: true })
    expect(pushed).toMatchObject(answer)
    expect(await remote.head('master')).toBe(then === 'moved' ? commit : holds)
  })

  it('sets no branch back where the remote denies it, and tells it from other rejections', async () => {
    await git.push(app, remote.directory, { commit: commits.third, branch: 'master', expected: null })
    const { execFileSync } = await import('node:child_process')
    execFileSync('git', ['--git-dir', remote.directory, 'config', 'receive.denyNonFastForwards', 'true'])
    const push = { commit: commits.first, branch: 'master', expected: commits.third, setsBack: true }
    expect(await git.push(app, url(way), push)).toMatchObject({ push: 'rejected', why: 'not a fast-forward' })
    expect(await remote.head('master')).toBe(commits.third)
  })

  it('lets one of two pushers through', async () => {
    await push(commits.first, null)
    const answers = await Promise.all([push(commits.second, commits.first), push(commits.aside, commits.first)])
    expect(answers.map((answer) => answer.push).sort()).toEqual(['moved', 'rejected'])
    expect(answers.find((answer) => answer.push === 'rejected')).toMatchObject({ why: 'stale' })
  })

  it('tells what a hook said, line by line, and that it said no', async () => {
    await remote.hook(
      'pre-receive',
      'printf "\\033[1mBuilding\\033[0m\\n"; echo " ! HTTP 403 from elsewhere" >&2; exit 1',
    )
    const lines: string[] = []
    const answer = await git.push(
      app,
      url(way),
      { commit: commits.first, branch: 'master', expected: null },
      { onLine: (line) => lines.push(line) },
    )
    expect(answer).toMatchObject({ push: 'rejected', why: 'hook' })
    expect(answer.output).toEqual(expect.arrayContaining(['Building', ' ! HTTP 403 from elsewhere']))
    expect(answer.output.at(-1)).toBe('[remote rejected] (pre-receive hook declined)')
    expect(lines.slice(0, 2)).toEqual(['Building', ' ! HTTP 403 from elsewhere'])
    expect(await remote.head('master')).toBeUndefined()
  })

  it('keeps the last 500 lines of a long build', async () => {
    await remote.hook('pre-receive', 'seq 1 3000')
    const answer = await push(commits.first, null)
    expect(answer.push).toBe('moved')
    expect(answer.output).toHaveLength(500)
    expect(answer.output).toContain('3000')
  })

  it('deletes a branch of ours, once, and only where it was put', async () => {
    const branch = 'signoff/12-production'
    await push(commits.first, null, branch)
    expect(await git.deleteBranch(app, url(way), branch, commits.second)).toMatchObject({ ok: false, failure: 'wrong' })
    expect(await git.deleteBranch(app, url(way), branch, commits.first)).toEqual({ ok: true, value: undefined })
    expect(await remote.head(branch)).toBeUndefined()
    expect(await git.deleteBranch(app, url(way), branch, commits.first)).toEqual({ ok: true, value: undefined })
    await expect(git.deleteBranch(app, url(way), 'master', commits.first)).rejects.toThrow(
      'only branches under signoff/',
    )
  })

  it('leaves nothing running when it is stopped, and does not know how it ended', async () => {
    const begun = join(repositories.directory, 'begun')
    await remote.hook('pre-receive', `touch ${begun}; echo building >&2; sleep 300`)
    const stop = new AbortController()
    const answering = git.push(
      app,
      url(way),
      { commit: commits.first, branch: 'master', expected: null },
      { signal: stop.signal, onLine: () => stop.abort() },
    )
    await until(async () => (await readdir(repositories.directory)).includes('begun'))
    // Over HTTP the stand-in answers only when the hook ends, so the line may never come.
    const seen = await stillRunning(url(way))
    stop.abort()
    expect((await answering).push).toBe('unknown')
    expect(seen.join('\n')).not.toContain(PASSWORD)
    expect((await stillRunning(url(way))).filter((line) => !line.includes('http-backend'))).toEqual([])
  })
})

describe('a remote over HTTP', () => {
  const push = (commit = commits.first): Promise<PushAnswer> =>
    git.push(app, url('http'), { commit, branch: 'master', expected: null })

  it('is reached with credentials that no process list, mirror or answer shows', async () => {
    await remote.hook('pre-receive', `touch ${join(repositories.directory, 'begun')}; sleep 1`)
    const answering = push()
    await until(async () => (await readdir(repositories.directory)).includes('begun'))
    const seen = await stillRunning('git')
    expect(seen.some((line) => line.includes('send-pack') || line.includes('remote-http'))).toBe(true)
    expect(seen.join('\n')).not.toMatch(/s3cr3t|releaser/)
    expect((await answering).push).toBe('moved')
    expect(served.asked).toContain(`releaser:${PASSWORD}`)
    expect(await git.heads(url('http'), ['master'])).toEqual({ ok: true, value: { master: commits.first } })
    expect(await git.fetch(app, url('http'), ['master'])).toEqual({ ok: true, value: { master: commits.first } })
  })

  it('says no to a wrong password, to none, and to one that may only read', async () => {
    for (const wrong of [{ username: 'releaser', password: 'wr0ng-one' }, undefined]) {
      credentials = wrong
      const heads = await git.heads(url('http'), ['master'])
      expect(heads).toMatchObject({ ok: false, failure: 'refused' })
      expect(await git.fetch(app, url('http'), ['master'])).toMatchObject({ ok: false, failure: 'refused' })
      const pushed = await push()
      expect(pushed.push).toBe('not allowed')
      expect(JSON.stringify([heads, pushed])).not.toContain('wr0ng-one')
    }
    credentials = { username: 'reader', password: PASSWORD }
    expect((await git.heads(url('http'), ['master'])).ok).toBe(true)
    expect((await push()).push).toBe('not allowed')
  })

  it('is told apart: not there, down, silent', async () => {
    const gone = await git.heads(`${served.origin}/gone.git`, ['master'])
    expect(gone).toMatchObject({ ok: false, failure: 'wrong', detail: expect.stringContaining('not found') })
    expect(await git.heads(join(repositories.directory, 'nothing'), ['master'])).toMatchObject({ failure: 'wrong' })
    served.http.hangNextPush()
    const hasty = createGit({
      mirrors: join(repositories.directory, 'mirrors'),
      credentials: () => credentials,
      timeouts: { pushMs: 400, graceMs: 200 },
    })
    const facts = { commit: commits.first, branch: 'master', expected: null }
    expect((await hasty.push(app, url('http'), facts)).push).toBe('unknown')
    await served.down()
    expect(await git.heads(url('http'), ['master'])).toMatchObject({ ok: false, failure: 'unreachable' })
    expect(await push()).toMatchObject({ push: 'not sent', failure: 'unreachable' })
    await hasty.close()
  })

  it.each(['before', 'after'] as const)(
    'cut %s it took the push leaves the outcome unknown and nothing running',
    async (when) => {
      served.http.cutNextPush(when)
      expect((await push()).push).toBe('unknown')
      expect(await remote.head('master')).toBe(when === 'after' ? commits.first : undefined)
      expect(await stillRunning(url('http'))).toEqual([])
      expect((await push()).push).toBe(when === 'after' ? 'already' : 'moved')
    },
  )

  it.each<[number, string | undefined, object]>([
    [503, undefined, { push: 'not sent', failure: 'unreachable' }],
    [500, undefined, { push: 'not sent', failure: 'unreachable' }],
    [429, 'Rate limit for this resource has been exceeded', { push: 'not sent', failure: 'unreachable' }],
    [402, 'Your plan has expired', { push: 'not sent', failure: 'wrong' }],
    [404, undefined, { push: 'not sent', failure: 'wrong' }],
    [410, undefined, { push: 'not sent', failure: 'wrong' }],
    [403, 'fatal: RPC failed', { push: 'not allowed' }],
    // A page instead of git's answer, such as a login or an incident page.
    [200, '<html>We are sorry</html>', { push: 'not sent', failure: 'wrong' }],
  ])('W17: answers %i before anything was sent, so that nothing can have changed', async (status, text, answer) => {
    served.http.refuseNextPushes({ status, ...(text !== undefined && { text }) }, 1)
    const pushed = await push()
    expect(pushed).toMatchObject(answer)
    expect(JSON.stringify(pushed)).not.toContain(PASSWORD)
    if (text !== undefined && status !== 200) expect(pushed.output.join('\n')).toContain(text)
    expect(await remote.head('master')).toBeUndefined()
    expect(await push()).toMatchObject({ push: 'moved' })
  })

  it('W17: a name that leads nowhere is an error before anything was sent', async () => {
    const nowhere = 'http://localhost:1/remote.git'
    const facts = { commit: commits.first, branch: 'master', expected: null }
    expect(await git.push(app, nowhere, facts)).toMatchObject({ push: 'not sent', failure: 'unreachable' })
    expect(await git.push(app, `${served.origin}/gone.git`, facts)).toMatchObject({
      push: 'not sent',
      failure: 'wrong',
      detail: expect.stringContaining('not found'),
    })
  })

  it.each([500, 502, 503, 504])('W17: an answer of %i after the push was sent leaves it unknown', async (status) => {
    served.http.failNextPush(status)
    expect((await push()).push).toBe('unknown')
    expect(await remote.head('master')).toBe(commits.first)
  })

  it('is only looked at when the mirror holds its commits already', async () => {
    await git.push(app, remote.directory, { commit: commits.first, branch: 'master', expected: null })
    await git.heads(url('http'), ['master'])
    const requests = served.asked.length
    expect(await git.fetch(app, url('http'), ['master'])).toEqual({ ok: true, value: { master: commits.first } })
    expect(served.asked).toHaveLength(2 * requests)
    const more = await remote.commit('more')
    expect(await git.fetch(app, url('http'), ['master'])).toEqual({ ok: true, value: { master: more } })
    expect(served.asked.length).toBeGreaterThan(3 * requests)
  })

  it('gets no push from helpers whose git was killed', async () => {
    served.http.hangNextPush()
    const arrived = served.http.pushArrived()
    const answering = push()
    await arrived
    for (const [pid, line] of await processesWith(url('http'))) {
      if (line.startsWith('git push')) process.kill(pid, 'SIGKILL')
    }
    expect((await answering).push).toBe('unknown')
    expect(await stillRunning(url('http'))).toEqual([])
  }, 10_000)

  it('is pushed to even when nobody can be told of it', async () => {
    await remote.hook('pre-receive', 'echo building')
    const facts = { commit: commits.first, branch: 'master', expected: null }
    const answer = await git.push(app, url('http'), facts, {
      onLine: () => {
        throw new Error('Slack is away')
      },
    })
    expect(answer.push).toBe('moved')
  })

  it('ends all that runs when it is closed', async () => {
    served.http.hangNextPush()
    const arrived = served.http.pushArrived()
    const answering = push()
    await arrived
    await git.close()
    expect((await answering).push).toBe('unknown')
    expect(await stillRunning(url('http'))).toEqual([])
  })
})
