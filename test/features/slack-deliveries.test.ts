/** What Slack delivers is handled once, whatever is repeated, forged, late or lost on the way. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { announcements, BUTTON, filledIn, type Pressed } from '../support/channel.ts'
import { INTEGRATION, startTeam, type Team } from '../support/team.ts'

type Payload = Record<string, unknown>

describe.each(['socket', 'http'] as const)('deliveries by %s', (mode) => {
  let team: Team
  beforeAll(async () => {
    team = await startTeam({ mode })
  })
  afterAll(() => team?.close())

  const releases = () => team.query<{ number: number; state: string }>('select number, state from release order by 1')
  const count = async (what: string) => {
    const [row] = await team.query<{ count: string }>(`select count(*) from event where type = '${what}'`)
    return Number(row?.count)
  }
  const command = (user: string, text: string) =>
    team.slack.captureCommand({ user, channel: 'product', command: '/deploy', text })
  /** Hands it over; by socket once the bot has one. */
  const deliver: Team['slack']['deliver'] = async (...delivery) => {
    if (mode === 'socket') await team.waitFor('the bot to be connected', () => team.slack.sockets > 0)
    return team.slack.deliver(...delivery)
  }
  const press = (user: string, pressed: Pressed) =>
    team.slack.captureClick({ user, channel: 'product', ts: team.card()?.ts ?? '', actionId: BUTTON[pressed] })
  const changed = <D extends { payload: Payload; envelopeId: string }>(
    delivery: D,
    change: (payload: Payload) => void,
  ): D => {
    const copy = structuredClone(delivery)
    copy.envelopeId = crypto.randomUUID()
    change(copy.payload)
    return copy
  }

  it('a command that comes three times, and again under new envelopes, makes one release', async () => {
    const delivery = command(team.people.dana, 'production')
    await deliver(delivery, { repeat: 3 })
    await team.until.awaitingSignOff(1)
    await deliver(delivery, { repeat: 2, sameId: false, inTurn: true })
    await team.told(team.people.dana, 'environment_busy')
    expect(await releases()).toEqual([{ number: 1, state: 'awaiting sign-off' }])
    expect(team.bitbucket.pullRequests().length).toBe(1)
  })

  it('an opened Home that is delivered three times is drawn once, and of another workspace or app never', async () => {
    const { tom, lin } = team.people
    const publishes = (user: string) =>
      team.slack.log.filter(({ method, args }) => method === 'views.publish' && args.user_id === user).length
    const opened = (user: string) => {
      const delivery = team.slack.captureHomeOpened({ user })
      if (delivery === undefined) throw new Error('the manifest does not subscribe to app_home_opened')
      return delivery
    }
    await deliver(changed(opened(lin), (payload) => Object.assign(payload, { team_id: 'T0OTHER' })))
    await deliver(changed(opened(lin), (payload) => Object.assign(payload, { api_app_id: 'A0OTHER' })))
    await deliver(opened(tom), { repeat: 3 })
    await team.waitFor('the Home', () => team.slack.homeView(tom))
    const asked = 'select person from home where asked_at is not null'
    await team.eventually(async () => expect(await team.query(asked)).toEqual([]))
    expect(publishes(tom)).toBe(1)
    expect(publishes(lin)).toBe(0)
    expect(await team.query('select person from home')).toEqual([{ person: tom }])
    // Slack sends the whole view with the next one: the inbox keeps none of it.
    await deliver(opened(tom))
    const kept = "select payload from inbox where payload::text like '%As of%'"
    expect(await team.query(kept)).toEqual([])
    await team.waitFor('the Home again', () => publishes(tom) === 2)
  })

  it('payloads of another workspace, app, message or channel, and forged buttons, change nothing', async () => {
    const { tom, lin } = team.people
    const real = press(tom, 'approval')
    const others = [
      changed(real, (payload) => Object.assign(payload, { team: { id: 'T0OTHER', domain: 'other' } })),
      changed(real, (payload) => Object.assign(payload, { api_app_id: 'A0OTHER' })),
      changed(real, (payload) => {
        delete payload.api_app_id
      }),
    ]
    for (const other of others) await deliver(other)
    const stale = [
      changed(real, (payload) => Object.assign(payload.container as Payload, { message_ts: '1700000000.000100' })),
      changed(real, (payload) => Object.assign(payload.container as Payload, { channel_id: 'C0OTHER' })),
      changed(real, (payload) =>
        Object.assign((payload.actions as Payload[])[0] ?? {}, { value: 'made-up', action_ts: '1.1' }),
      ),
      changed(real, (payload) =>
        Object.assign((payload.actions as Payload[])[0] ?? {}, { action_id: 'emergency', action_ts: '1.2' }),
      ),
      // O15: the store takes no such character, so that looking the token up failed at every sweep for an hour.
      changed(real, (payload) =>
        Object.assign((payload.actions as Payload[])[0] ?? {}, { value: 'made-\u0000up', action_ts: '1.3' }),
      ),
    ]
    for (const delivery of stale) {
      await deliver(delivery)
      await team.told(tom, 'stale_button')
    }
    expect(team.slack.ephemerals(tom)).toHaveLength(stale.length)
    expect(await count('sign_off_given')).toBe(0)
    expect(team.slack.ephemerals(lin)).toEqual([])
    expect((await releases()).length).toBe(1)
  })

  it('one click that comes often counts once, and two people who click at once have one effect, and one reads why not', async () => {
    const { lin, tom, dana } = team.people
    await deliver(press(lin, 'qa'), { repeat: 3 })
    await team.until.signed(1, 'qa', lin)
    await Promise.all([deliver(press(tom, 'approval'), { repeat: 2, sameId: false }), deliver(press(dana, 'approval'))])
    await team.hears(dana, /`(own_release|already_decided)`/)
    await team.until.succeeded(1)
    expect(await count('sign_off_given')).toBe(2)
    expect(await count('release_approved')).toBe(1)
    expect((await team.bitbucket.log()).filter(({ kind }) => kind === 'pull request merged').length).toBe(1)
    expect(announcements(team.slack)).toHaveLength(1)
  })

  it('a click on what is over is answered with how it stands', async () => {
    const { tom } = team.people
    const [token] = await team.query<{ token: string }>("select token from button_token where action = 'approve'")
    const click = changed(press(tom, 'details'), (payload) => {
      const action = (payload.actions as Payload[])[0] ?? {}
      Object.assign(action, { action_id: 'approve', value: token?.token, action_ts: '2.1' })
    })
    await deliver(click)
    await team.told(tom, 'already_decided', '#1')
  })

  it('what a crash left unhandled is handled by the sweep, once', async () => {
    const delivery = command(team.people.dana, 'integration')
    const id = `command:${delivery.payload.trigger_id}`
    const row = JSON.stringify(delivery.payload).replaceAll("'", "''")
    await team.query(
      `insert into inbox (id, payload, received_at) values ('${id}', '${row}', now() - interval '31 seconds')`,
    )
    await team.hears(team.people.dana, '#2', 'api', 'integration')
    await team.until.succeeded(2)
    expect(team.heroku.runs(INTEGRATION)).toBe(await team.repository.head('master'))
    const [left] = await team.query<{ count: string }>('select count(*) from inbox where handled_at is null')
    expect(left?.count).toBe('0')
    await deliver(delivery)
    expect((await releases()).length).toBe(2)
  })

  it('a modal that a crash left unopened is answered: nothing was changed', async () => {
    const delivery = command(team.people.lin, '')
    const row = JSON.stringify(delivery.payload).replaceAll("'", "''")
    const insert = `insert into inbox (id, payload, received_at) values ('command:${delivery.payload.trigger_id}', '${row}', now() - interval '40 seconds')`
    await team.toldNext(team.people.lin, () => team.query(insert))
    expect(team.slack.openView(team.people.lin)).toBeUndefined()
  })

  it('modals open, and what is written into them arrives', async () => {
    const { dana, tom } = team.people
    await team.repository.commit({ files: { 'NOTES.md': `${mode}\n` }, message: 'Note how it came' })
    await team.command(dana, '/deploy')
    await team.submit(dana, { app: 'api', environment: 'production' })
    await team.until.awaitingSignOff(3)
    await team.click(tom, 'rejection')
    const view = await team.modal(tom)
    const values = filledIn(view, { reason: 'Not on a Friday' })
    const sent = team.slack.captureSubmit({ user: tom, view, values })
    await deliver(sent, { repeat: 2 })
    await team.until.state(3, 'rejected')
    expect(team.words(team.card(3))).toContain('Not on a Friday')
    expect((await team.query("select 1 from sign_off where kind = 'rejection'")).length).toBe(1)
    const late = structuredClone(sent)
    late.envelopeId = crypto.randomUUID()
    Object.assign(late.payload.view as Payload, { id: 'V0LATER' })
    await deliver(late)
    await team.told(tom, 'already_decided', '#3')
  })

  if (mode === 'http') {
    it('requests that are wrongly signed, or more than five minutes off either way, are refused and not handled', async () => {
      const now = Math.floor(Date.now() / 1_000)
      const before = await team.query('select id from inbox')
      const seen = [
        ...(await deliver(command(team.people.lin, 'integration'), { secret: 'not the secret' })),
        ...(await deliver(command(team.people.lin, 'integration'), { timestamp: now - 301 })),
        ...(await deliver(command(team.people.lin, 'integration'), { timestamp: now + 310 })),
      ]
      expect(seen.map(({ seen: how, why }) => `${how} ${why}`)).toEqual([
        ...['dispatch_failed HTTP 401', 'dispatch_failed HTTP 401', 'dispatch_failed HTTP 401'],
      ])
      expect(await team.query('select id from inbox')).toEqual(before)
      const [near] = await deliver(command(team.people.lin, 'help'), { timestamp: now + 200 })
      expect(near?.seen).toBe('acknowledged')
      await team.hears(team.people.lin, '/deploy status')
    })
  }
})
