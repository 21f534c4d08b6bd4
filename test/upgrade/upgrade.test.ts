/**
 * A store and a Slack workspace of the version before continue to work. The test runs that version from this repository's
 * history. Whatever it has stored, posted or opened, this version must understand.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Evidence } from '../../src/operations/audit/evidence.ts'
import { CLOSED, DISCUSSED, privateMessages, REJECTED, type Upgraded, upgrade } from './after.ts'
import { EXPORTED, type Left, REASON, runVersionBefore } from './before.ts'
import { count, HOLES, leaves, merges, plain, posted, pullRequestsOpened, records, shapes } from './seen.ts'
import { AFTER, extractVersionBefore, runCommand, type Version } from './versions.ts'
import { openWorkplace, type Workplace } from './workplace.ts'

/** Each wait ends when nothing moves any more. This only ends what moves forever. */
const MOST_MS = 900_000

describe('An upgrade from the version before', { timeout: MOST_MS }, () => {
  let before: Version
  let at: Workplace
  let left: Left
  let now: Upgraded
  beforeAll(async () => {
    before = await extractVersionBefore()
    at = await openWorkplace(before)
    left = await runVersionBefore(at, before)
    now = await upgrade(at, left)
  }, MOST_MS)
  afterAll(() => at?.close())

  const numberOf = (environment: string) => left.numbers[environment] ?? 0
  async function stateOf(number: number): Promise<string | undefined> {
    const [row] = await at.store.query<{ state: string }>(`select state from release where number = ${number}`)
    return row?.state
  }
  /** The states of the releases that the version before created. */
  async function states(...environments: readonly string[]): Promise<Readonly<Record<string, string | undefined>>> {
    const all = environments.map(async (environment) => [environment, await stateOf(numberOf(environment))] as const)
    return Object.fromEntries(await Promise.all(all))
  }
  async function pushes(...environments: readonly string[]): Promise<Readonly<Record<string, number>>> {
    const all = environments.map(async (environment) => [environment, (await at.pushed(environment)).length] as const)
    return Object.fromEntries(await Promise.all(all))
  }

  it('begins with jobs and messages of every kind, and with interrupted work', () => {
    const kinds = (of: readonly { readonly kind: string }[]) => [...new Set(of.map(({ kind }) => kind))].sort()
    expect(kinds(left.jobs)).toEqual(['carry', 'plan', 'preflight', 'preview', 'run', 'tidy'])
    expect(kinds(left.jobs.filter(({ state }) => state !== 'created'))).toEqual(['carry', 'plan', 'run'])
    expect(kinds(left.waiting)).toEqual(['announcement', 'card', 'line', 'outcome', 'private'])
    const said = left.waiting.map(({ message }) => (message.line ?? message.message) as { is: string } | undefined)
    expect(said.map((each) => each?.is)).toEqual(
      expect.arrayContaining([
        ...['done', 'ended', 'help', 'migrations', 'planning', 'refusal', 'signed', 'step ended', 'step failed'],
      ]),
    )
    expect(left.botExitCode).toBe(0)
  })

  it('completes every job, delivery and message, and shows no message with a missing fact', async () => {
    expect(now.undone).toEqual([])
    const givenUp = await at.store.query<{ reason: string }>(
      `select kind, key, reason from outbox where state = 'given up'`,
    )
    // Somebody was to be told in private of what has been settled meanwhile.
    expect(givenUp.filter(({ reason }) => reason !== 'no longer true')).toEqual([])
    expect(await at.store.query(`select data from pgboss.job where state in ('failed', 'cancelled')`)).toEqual([])
    expect([...now.bot.bugs(), ...now.worker.bugs()]).toEqual([])
    const shown = at.slack.log.slice(now.callsBefore).map(({ method, args }) => `${method} ${JSON.stringify(args)}`)
    expect(shown.filter((call) => HOLES.test(call))).toEqual([])
  })

  it('counts earlier sign-offs, and accepts clicks on buttons that were posted earlier', async () => {
    expect(await states('api production', 'web left')).toEqual(all('succeeded', 'api production', 'web left'))
    expect(await pushes('api production', 'web left')).toEqual(all(1, 'api production', 'web left'))
    expect(await at.migrationsRun('api production')).toBe(1)
    const signed = await at.store.query<{ kind: string }>(
      `select kind from sign_off where release = ${numberOf('api production')} order by position`,
    )
    expect(signed.map(({ kind }) => kind).sort()).toEqual(['approval', 'qa', 'talked over'])
  })

  it('resumes what was interrupted between its intent and its outcome, and repeats nothing', async () => {
    const running = ['web pushing', 'web migrating', 'web recording', 'api patch']
    expect(await states(...running)).toEqual(all('succeeded', ...running))
    expect(await pushes(...running)).toEqual(all(1, ...running))
    expect(await at.migrationsRun('web migrating')).toBe(1)
    expect(await states('api ca')).toEqual(all('awaiting sign-off', 'api ca'))
    expect(await at.store.events(numberOf('api patch'))).toContain('hotfix_carried')
  })

  it('retries and closes releases that needed attention', async () => {
    expect(await states('api eu', 'web closing')).toEqual({ 'api eu': 'succeeded', 'web closing': 'closed' })
    expect(await pushes('api eu', 'web closing')).toEqual(all(1, 'api eu', 'web closing'))
    expect(await at.migrationsRun('api eu')).toBe(1)
    const [closed] = await at.store.query<{ reason: string }>(
      `select end_reason as reason from release where number = ${numberOf('web closing')}`,
    )
    expect(closed?.reason).toBe(CLOSED)
  })

  it('runs the jobs that were queued', async () => {
    const going = ['web approved', 'web announced', 'web announcing']
    expect(await states(...going)).toEqual(all('succeeded', ...going))
    expect(await pushes(...going)).toEqual(all(1, ...going))
    expect(await states('web queued', 'web checked')).toEqual(all('awaiting sign-off', 'web queued', 'web checked'))
    const branches = await at.branches()
    expect(branches.filter((name) => name.startsWith('signoff/'))).toEqual([
      `signoff/${numberOf('api ca')}-ca`,
      `signoff/hotfix-${numberOf('api patch')}`,
    ])
    const open = at.bitbucket.pullRequests().filter(({ state }) => state === 'OPEN')
    expect(open.map(({ destination }) => destination.branch).sort()).toEqual(['ca', 'master'])
  })

  it('accepts modals that were opened earlier', async () => {
    expect(await states('web rejecting', 'web urgent')).toEqual({
      'web rejecting': 'rejected',
      'web urgent': 'succeeded',
    })
    const notes = await at.store.query<{ note: string }>(
      'select note from sign_off where note is not null order by note',
    )
    expect(notes.map(({ note }) => note)).toEqual([REASON, REJECTED, DISCUSSED].sort())
    expect((await at.store.release('web again')).state).toBe('succeeded')
    expect(await states('api apac')).toEqual({ 'api apac': 'outdated' })
    expect(await at.store.release('api apac')).toMatchObject({ state: 'awaiting sign-off', kind: 'hotfix' })
  })

  it('accepts clicks on buttons of ended releases and of private messages', async () => {
    expect((await at.store.release('web failing')).number).toBeGreaterThan(numberOf('web failing'))
    expect((await at.store.release('web failing')).state).toBe('succeeded')
    expect(await states('api careful')).toEqual(all('succeeded', 'api careful'))
    expect(await pushes('web failing', 'web again', 'api careful')).toEqual(
      all(1, 'web failing', 'web again', 'api careful'),
    )
  })

  it('ignores a delivery that was handled earlier', async () => {
    const cancelled = await at.store.events(numberOf('api us'))
    expect(cancelled.filter((type) => type === 'cancel_asked')).toHaveLength(1)
    expect(await at.store.query(`select from inbox where id like '%:cancel:%'`)).toHaveLength(1)
  })

  it('merges, records, opens and announces everything once', async () => {
    expect(await merges(at)).toBe(2)
    expect(await pullRequestsOpened(at)).toEqual({ production: 1, eu: 1, us: 1, ca: 1, apac: 1, master: 1 })
    const recorded = ['api production', 'api eu', 'api patch', 'api careful']
    recorded.push('web recording', 'web approved', 'web left', 'web urgent')
    expect(await records(at)).toEqual(all(1, ...recorded.map((environment) => String(numberOf(environment)))))
    const announced = posted(at).filter(({ key }) => key.endsWith(':announcement'))
    expect(count(announced.map(({ key }) => key))).toEqual(
      all(1, ...['api production', 'web announced', 'web announcing'].map((name) => `${numberOf(name)}:announcement`)),
    )
  })

  it('posts each waiting message once, with its facts, in order', async () => {
    const messages = posted(at)
    const keys = messages.map(({ key }) => key)
    expect(Object.entries(count(keys)).filter(([, times]) => times > 1)).toEqual([])
    const replies = left.waiting.filter(({ kind }) => kind === 'line' || kind === 'outcome')
    for (const { key, message } of replies) {
      const words = messages.find((each) => each.key === key)?.words
      for (const fact of factsOf(message.line)) expect(words, `${key}`).toContain(fact)
    }
    // An outcome goes before the lines that wait: it is what people look for.
    const lines = replies.filter(({ kind }) => kind === 'line')
    for (const release of new Set(lines.map((line) => line.release))) {
      const inOrder = lines.filter((each) => each.release === release).map(({ key }) => key ?? '')
      expect(keys.filter((key) => inOrder.includes(key))).toEqual(inOrder)
    }
    const toNora = left.waiting.filter(({ message }) => message.to === at.people.nora)
    expect(toNora.length).toBeGreaterThan(3)
    // One more is the preview, whose job was queued.
    expect(now.privateAfter - now.privateBefore).toBe(toNora.length + 1)
  })

  it('binds the same facts, reads the same configuration and holds the same locks', async () => {
    // The version before knows one form of the digest, this one writes another: in each form there is one.
    const seen = await at.store.digests()
    const forms = Map.groupBy(seen, (each) => Object.values(each).every((digest) => digest.startsWith('2:')))
    expect([...forms.values()].map((same) => same.length)).toEqual(seen.map(() => 1))
    expect(seen.length).toBeGreaterThan(0)
    expect(await at.store.locks()).toEqual(left.locks)
    const old = await at.store.release('api us')
    await at.command(at.people.dana, '/deploy api us')
    const planned = await at.store.reaches('api us', 'awaiting sign-off')
    expect(planned.number).toBeGreaterThan(old.number)
    expect(planned.bound).toBe(old.bound)
    expect(planned.bound).toContain('"remote"')
  })

  it('stores what the version before stored under the same names', async () => {
    const all = [...(await at.store.written())]
    const old = shapes(left.written)
    const fresh = shapes(new Map(all.filter(([id]) => !left.written.has(id))))
    const missing = [...old].flatMap(([what, keys]) => {
      const now = fresh.get(what)
      if (now === undefined) return []
      return keys.filter((key) => !now.includes(key)).map((key) => `${what}: ${key}`)
    })
    expect(missing).toEqual([])
    // The version after has no reason to write these in this test.
    const notAgain = [
      ...['event step_failed migrate', 'event step_failed push', 'event step_failed confirm', 'event attention_needed'],
      ...[
        'event cancel_asked',
        'posting line step failed',
        'posting line migrations',
        'posting line waiting',
        'job carry',
        'job preview',
      ],
      ...['done', 'ended', 'help', 'planning', 'refusal', 'go'].map((is) => `posting private ${is}`),
    ]
    expect([...old.keys()].filter((what) => !fresh.has(what) && !notAgain.includes(what))).toEqual([])
  })

  it('shows old releases in status, history and details', async () => {
    const { nora } = at.people
    const next = async (act: () => Promise<void>) => {
      const seen = privateMessages(at, nora).length
      await act()
      const message = await at.slack.waitFor(() => privateMessages(at, nora)[seen], {
        what: 'an answer',
        silenceMs: 60_000,
      })
      return plain(at.slack.plainText(message))
    }
    const status = await next(() => at.command(nora, '/deploy status'))
    const history = await next(() => at.command(nora, '/deploy history api integration'))
    await at.press(nora, 'api integration', 'details')
    const view = await at.slack.waitFor(() => at.slack.openView(nora), { what: 'the details', silenceMs: 60_000 })
    const details = plain(at.slack.plainText(view))
    const [commit = ''] = await at.pushed('api integration')
    for (const text of [status, history, details]) expect(text).not.toMatch(HOLES)
    expect(history).toContain(`#${numberOf('api integration')}`)
    expect(details).toContain(commit.slice(0, 7))
    expect(status).toContain(commit.slice(0, 7))
    expect(status).toContain(`#${numberOf('api ca')}`)
  })

  describe('beside a worker of the version before', () => {
    it('does not touch the run of that worker while it is suspended', async () => {
      const number = numberOf('web rolling')
      const tries = await at.store.retryJob(number)
      await at.store.until('a retry by the new worker', async () => (await at.store.retryJob(number)) > tries)
      expect(await at.store.release('web rolling')).toMatchObject({
        state: 'running',
        steps: { push: 'running unknown' },
      })
    })

    it('does everything once while only that worker runs beside the new bot', async () => {
      expect(await now.worker.stop()).toBe(0)
      left.pausedWorker.signal('SIGCONT')
      const number = numberOf('web rolling')
      await at.store.until('the end of the run', async () => {
        await at.store.retryJob(number)
        return (await stateOf(number)) === 'succeeded'
      })
      await at.repository.commit({ files: { 'notes.md': 'rolling\n' }, message: 'Note it' })
      await at.command(at.people.dana, '/deploy api integration')
      const { number: last } = await at.store.reaches(
        'api integration',
        'succeeded',
        (release) => release.number > numberOf('api integration'),
      )
      await at.store.until('all messages to be posted', async () => (await at.store.waiting()).length === 0)
      expect(await pushes('web rolling', 'api integration')).toEqual({ 'web rolling': 1, 'api integration': 2 })
      expect(Object.entries(count(posted(at).map(({ key }) => key))).filter(([, times]) => times > 1)).toEqual([])
      expect((await at.store.events(last)).filter((type) => type === 'run_started')).toHaveLength(1)
      expect(await left.pausedWorker.stop()).toBe(0)
    })
  })

  describe('the record', () => {
    it('is one chain over both versions, and contains the head of every thread', async () => {
      const hashes = (await at.store.query<{ hash: string }>('select hash from event')).map(({ hash }) => hash)
      const outcomes = posted(at).filter(({ key }) => /^\d+:(outcome|attention:\d+)$/.test(key))
      const heads = outcomes.map(({ words }) => {
        const digits = words.match(/\b[0-9a-f]{12,64}\b/g) ?? []
        return digits.find((each) => hashes.some((hash) => hash.startsWith(each))) ?? `none in: ${words}`
      })
      expect(heads.length).toBeGreaterThan(15)
      const verify = (of: readonly string[]) => runCommand(AFTER, ['audit', 'verify', '--head', ...of], at)
      expect(await verify(heads)).toMatchObject({ exitCode: 0 })
      expect(await verify(['0123456789abcdef'])).toMatchObject({ exitCode: 1 })
    })

    it('audit: lists every release of both versions, with tables that say the same as the events', async () => {
      const { exitCode, printed } = await runCommand(AFTER, ['releases', '--format', 'csv'], at)
      const [row] = await at.store.query<{ last: number }>('select last from release_number')
      const lines = printed.split('\r\n')
      expect(printed).toContain(`with numbers from #1 to #${row?.last}. No number is missing.`)
      expect(lines).toHaveLength((row?.last ?? 0) + 2)
      expect(printed).not.toContain('say otherwise')
      expect(printed).not.toMatch(HOLES)
      expect(exitCode).toBe(0)
    })

    it('audit: says what the version before did not record, and records it from now on', async () => {
      const exported = async (environment: string, format: string) => {
        const args = ['audit', 'export', '--release', String(numberOf(environment)), '--format', format]
        const { exitCode, printed } = await runCommand(AFTER, args, at)
        expect(exitCode).toBe(0)
        expect(printed).not.toMatch(HOLES)
        return printed
      }
      const missing = 'The rules in force were not recorded by the version that made this release.'
      for (const format of ['markdown', 'html']) expect(await exported('api integration', format)).toContain(missing)
      // It was planned by the version before, and approved after the upgrade.
      const shown = JSON.parse(await exported('api production', 'json')) as Evidence
      expect(shown.decisions.rules).toBeUndefined()
      expect(shown.decisions.signOffs.find(({ kind }) => kind === 'approval')?.groups?.[0]?.members).toContain(
        at.people.tom,
      )
      expect(shown.separation.verdict).toBe('separated')
      expect(shown.disagreements).toEqual([])
    })

    it.each(EXPORTED)('has at least the facts about %s that it had before', async (environment) => {
      const number = numberOf(environment)
      const asked = ['audit', 'export', '--release', String(number)]
      const [json, markdown] = await Promise.all([
        runCommand(AFTER, asked, at),
        runCommand(AFTER, [...asked, '--format', 'markdown'], at),
      ])
      expect([json.exitCode, markdown.exitCode]).toEqual([0, 0])
      const stored = await at.store.textOf(number)
      const facts = (printed: string) => {
        const found = leaves(JSON.parse(printed), ['found'])
        // A sentence that is not stored comes from the program. A later version may word it differently.
        return count(found.filter((each) => !/\s/.test(each) || stored.includes(JSON.stringify(each).slice(1, -1))))
      }
      const after = facts(json.printed)
      const lost = Object.entries(facts(left.evidence[environment] ?? '')).filter(
        ([fact, times]) => (after[fact] ?? 0) < times,
      )
      expect(lost).toEqual([])
      expect(markdown.printed).not.toMatch(HOLES)
      const { fingerprint } = JSON.parse(left.evidence[environment] ?? '{}') as { fingerprint?: string }
      expect(markdown.printed).toContain(fingerprint)
    })
  })
})

const all = <T>(value: T, ...names: readonly string[]): Readonly<Record<string, T>> =>
  Object.fromEntries(names.map((name) => [name, value]))

/** The parts of a stored line that every version must show: what people wrote, and what steps found. */
function factsOf(line: unknown): readonly string[] {
  if (typeof line !== 'object' || line === null) return []
  const { said, note, reason, text, person } = line as Record<string, unknown>
  const facts = [said, note, reason, text, (person as { name?: unknown } | undefined)?.name]
  return facts.flatMap((fact) => (typeof fact === 'string' ? plain(fact) : []))
}
