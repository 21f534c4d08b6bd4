/** What is committed to be said reaches Slack once and in order, whatever Slack answers meanwhile. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Json } from '../../src/sandbox/slack/workspace.ts'
import { keysIn, lines } from '../support/channel.ts'
import { startTeam, type Team } from '../support/team.ts'

describe('the outbox', () => {
  let team: Team
  beforeAll(async () => {
    team = await startTeam({ progress: 'plan' })
  })
  afterAll(() => team?.close())

  /** Whether a message, as Slack gets it, carries a key that begins so: `3:done:push`. */
  const says = (args: Json, key: string) =>
    keysIn({ metadata: args.metadata as Json | undefined }).some((each) => each.startsWith(key))
  const hasPlan = (args: Json) => JSON.stringify(args.blocks ?? []).includes('"type":"plan"')
  const plans = () => team.slack.log.filter(({ method, args, ok }) => method === 'chat.update' && ok && hasPlan(args))
  const posts = () => team.slack.log.filter(({ method }) => method === 'chat.postMessage')
  const steps = ['sync', 'verify', 'migrate', 'push', 'confirm'] as const

  /** Everything that a release to integration says, once; its lines in this order. The outcome waits for no line. */
  function isToldInOrder(number: number, done: readonly string[] = steps) {
    const migrations = done.includes('migrate') ? [`${number}:migrations`] : []
    const keys = [...migrations, ...done.map((step) => `${number}:done:${step}:1`)]
    const told = lines(team.slack, number).flatMap(keysIn)
    expect(told.filter((key) => key !== `${number}:outcome`)).toEqual(keys)
    expect(told.length).toBe(keys.length + 1)
  }

  it('looks for a message whose answer was lost, and does not post it again', async () => {
    const { dana } = team.people
    team.slack.fault({
      kind: 'reset_after',
      method: 'chat.postMessage',
      when: (args) => says(args, '1:card'),
    })
    team.slack.fault({
      kind: 'http_500_after',
      method: 'chat.postMessage',
      when: (args) => says(args, '1:done:verify'),
    })
    team.slack.fault({
      kind: 'cut_body',
      method: 'chat.postMessage',
      when: (args) => says(args, '1:done:push'),
    })
    // What a quick run would say in one message, and not show on the card, is said apart.
    const build = Promise.withResolvers<void>()
    team.heroku.slowRelease(build.promise, { pushWaits: true })
    await team.command(dana, '/deploy integration')
    await team.until.line(1, 'done:verify')
    await team.waitFor('the steps on the card', () => plans().length > 0)
    build.resolve()
    await team.until.succeeded(1)
    expect(posts().filter(({ fault }) => fault !== undefined).length).toBe(3)
    isToldInOrder(1)
    const roots = team.slack.messages('product').filter(({ isBroadcast }) => !isBroadcast)
    expect(roots.length).toBe(1)
  })

  it('shows running steps as a plan', () => {
    expect(plans().length).toBeGreaterThan(0)
  })

  it('shows them as lines once Slack refuses a plan, and loses nothing', async () => {
    team.slack.fault({ kind: 'error', error: 'invalid_blocks', when: hasPlan, times: Infinity })
    const { sha } = await team.repository.addRevision({ message: 'add notes', sql: 'create table notes (id int)' })
    const rejected = () => team.slack.log.filter(({ error }) => error === 'invalid_blocks')
    const build = Promise.withResolvers<void>()
    team.heroku.slowRelease(build.promise, { pushWaits: true })
    await team.command(team.people.dana, '/deploy integration')
    await team.waitFor('the plan to be refused', () => rejected().length > 0)
    build.resolve()
    await team.until.succeeded(2)
    isToldInOrder(2)
    const refused = rejected()
    expect(refused.length).toBe(1)
    const updates = team.slack.log.filter(
      ({ method, at, ok }) => method === 'chat.update' && ok && at > (refused[0]?.at ?? 0),
    )
    expect(updates.length).toBeGreaterThan(0)
    expect(updates.filter(({ args }) => hasPlan(args))).toEqual([])
    expect(team.words(team.card(2))).toContain(sha.slice(0, 7))
    team.slack.clearFaults()
  })

  it('waits as long as Slack says, and modals open meanwhile', async () => {
    const { dana, lin } = team.people
    await team.repository.commit({ files: { 'NOTES.md': 'limits\n' }, message: 'Note the limits' })
    const seconds = 2
    team.slack.fault({
      kind: 'rate_limited',
      method: 'chat.postMessage',
      retryAfter: seconds,
      times: Number.POSITIVE_INFINITY,
      when: (args) => says(args, '3:done:sync'),
    })
    const limits = () => posts().filter(({ error }) => error === 'ratelimited')
    await team.command(dana, '/deploy integration')
    await team.waitFor('the limit', () => limits().length > 0)
    await team.command(lin, '/deploy')
    const view = await team.modal(lin)
    await team.slack.closeView({ user: lin, view })
    // Until then nothing could be posted, and nothing was tried before its time.
    team.slack.clearFaults()
    await team.until.succeeded(3)
    for (const limited of limits()) {
      const next = posts().find(({ at }) => at > limited.at)
      expect((next?.at ?? 0) - limited.at).toBeGreaterThanOrEqual(seconds * 1_000 - 50)
    }
    isToldInOrder(3, ['sync', 'verify', 'push', 'confirm'])
  })

  it('says everything in order after Slack was away', async () => {
    const { sha } = await team.repository.addRevision({
      message: 'more notes',
      sql: 'create table more_notes (id int)',
    })
    await team.command(team.people.dana, '/deploy integration')
    await team.waitFor('its card', () => team.card(4))
    team.slack.down()
    await team.eventually(async () => expect(await team.stepsDone(4)).toContain('report'))
    team.slack.up()
    await team.until.succeeded(4)
    isToldInOrder(4)
    expect(team.words(team.card(4))).toContain(sha.slice(0, 7))
    await team.waitFor('the bot to come back', () => team.slack.sockets > 0)
  })

  it('never lets Slack unfurl, and never asks it to read names', () => {
    expect(posts().length).toBeGreaterThan(20)
    for (const { args } of posts()) {
      expect([String(args.unfurl_links), String(args.unfurl_media)]).toEqual(['false', 'false'])
      expect(args).not.toHaveProperty('link_names')
      expect(args).not.toHaveProperty('parse')
    }
  })
})
