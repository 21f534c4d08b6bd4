/** What is committed to be said reaches Slack once and in order, whatever Slack answers meanwhile. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTeam, type Team } from '../support/team.ts'

describe('the outbox', () => {
  let team: Team
  beforeAll(async () => {
    team = await startTeam({ progress: 'plan' })
  })
  afterAll(() => team?.close())

  const textOf = (args: Record<string, unknown>) => String(args.text)
  const posts = () => team.slack.log.filter(({ method }) => method === 'chat.postMessage')
  const said = [/^\*\d migrations?\*/, /^Fetched/, /^Verified/, /^Migrated/, /^Pushed/, /^Confirmed/, /succeeded/]

  function isToldInOrder(lines: readonly RegExp[]) {
    const thread = team.thread()
    expect(thread.length).toBe(lines.length)
    for (const [index, line] of lines.entries()) expect(thread[index]).toMatch(line)
  }

  it('looks for a message whose answer was lost, and does not post it again', async () => {
    const { dana } = team.people
    team.slack.fault({
      kind: 'reset_after',
      method: 'chat.postMessage',
      when: (args) => /being planned|awaits|is running|approved|was asked|Release #1 of/.test(textOf(args)),
    })
    team.slack.fault({
      kind: 'http_500_after',
      method: 'chat.postMessage',
      when: (args) => textOf(args).startsWith('Verified'),
    })
    team.slack.fault({
      kind: 'cut_body',
      method: 'chat.postMessage',
      when: (args) => textOf(args).startsWith('Pushed'),
    })
    await team.command(dana, '/deploy integration')
    await team.succeeded(1)
    expect(posts().filter(({ fault }) => fault !== undefined).length).toBe(3)
    isToldInOrder(said)
    const roots = team.slack.messages('product').filter(({ isBroadcast }) => !isBroadcast)
    expect(roots.length).toBe(1)
  })

  it('shows running steps as a plan', () => {
    const planned = team.slack.log.filter(
      ({ method, args, ok }) => method === 'chat.update' && ok && JSON.stringify(args.blocks).includes('"type":"plan"'),
    )
    expect(planned.length).toBeGreaterThan(0)
  })

  it('shows them as lines once Slack refuses a plan, and loses nothing', async () => {
    const hasPlan = (args: Record<string, unknown>) => JSON.stringify(args.blocks ?? []).includes('"type":"plan"')
    team.slack.fault({ kind: 'error', error: 'invalid_blocks', when: hasPlan, times: Infinity })
    const { sha } = await team.repository.addRevision({ message: 'add notes', sql: 'create table notes (id int)' })
    await team.command(team.people.dana, '/deploy integration')
    await team.succeeded(2)
    isToldInOrder(said)
    const refused = team.slack.log.filter(({ error }) => error === 'invalid_blocks')
    expect(refused.length).toBe(1)
    const updates = team.slack.log.filter(
      ({ method, at, ok }) => method === 'chat.update' && ok && at > (refused[0]?.at ?? 0),
    )
    expect(updates.some(({ args }) => JSON.stringify(args.blocks).includes('Now: '))).toBe(true)
    await expect.poll(() => team.words(team.card()), { timeout: 30_000 }).toContain(`Live now: ${sha.slice(0, 7)}`)
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
      when: (args) => textOf(args).startsWith('Fetched'),
    })
    await team.command(dana, '/deploy integration')
    const limited = await team.slack.waitFor(() => posts().find(({ error }) => error === 'ratelimited'), {
      what: 'the limit',
      timeoutMs: 20_000,
    })
    const asked = Date.now()
    await team.command(lin, '/deploy')
    const view = await team.slack.waitFor(() => team.slack.openView(lin), { what: 'a modal' })
    expect(Date.now() - asked).toBeLessThan(1_000)
    await team.slack.closeView({ user: lin, view })
    await team.succeeded(3)
    const next = posts().find(({ at }) => at > limited.at)
    expect((next?.at ?? 0) - limited.at).toBeGreaterThanOrEqual(seconds * 1_000 - 50)
    isToldInOrder([/^Fetched/, /^Verified/, /^Pushed/, /^Confirmed/, /succeeded/])
  })

  it('says everything in order after Slack was away', async () => {
    const { sha } = await team.repository.addRevision({
      message: 'more notes',
      sql: 'create table more_notes (id int)',
    })
    await team.command(team.people.dana, '/deploy integration')
    await team.until('Release #4')
    team.slack.down()
    await expect.poll(() => team.stepsDone(4), { timeout: 20_000 }).toContain('report')
    team.slack.up()
    await team.succeeded(4)
    isToldInOrder(said)
    await expect.poll(() => team.words(team.card()), { timeout: 30_000 }).toContain(`Live now: ${sha.slice(0, 7)}`)
    await team.slack.waitFor(() => team.slack.sockets > 0, { what: 'the bot to come back' })
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
