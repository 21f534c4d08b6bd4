/** App Home as people see it: opened, followed, and used. One team; each story leaves nothing under way. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Delivery, Json, View } from '../../src/sandbox/slack/workspace.ts'
import { HOME } from '../../src/slack/ids.ts'
import { nextNumber, somethingNew } from '../support/seen-release.ts'
import { startTeam, type Team } from '../support/team.ts'

let team: Team
beforeAll(async () => {
  team = await startTeam({ pace: { home: { everyMs: 200, aMinute: 10_000, lookEveryMs: 1_000, lookAgainMs: 50 } } })
})
afterAll(() => team?.close())

const publishes = (person?: string) =>
  team.slack.log.filter(({ method, args }) => method === 'views.publish' && (person ?? args.user_id) === args.user_id)
const home = (person: string) => team.slack.homeView(person)
const words = (view: View | undefined) =>
  view === undefined ? '' : team.slack.plainText({ blocks: view.blocks }).replaceAll('*', '')

/** Opens Home, and waits until it is drawn for this opening. */
async function open(person: string): Promise<string> {
  const before = publishes(person).length
  await team.slack.openHome({ user: person })
  await team.waitFor('a Home', () => publishes(person).length > before && home(person))
  return words(home(person))
}
/** Waits until an open Home says this. */
const says = (person: string, ...facts: readonly (string | RegExp)[]) =>
  team.waitFor(
    () => `the Home of ${person} to say ${facts.join(' and ')}, not\n${words(home(person))}`,
    () =>
      facts.every((fact) =>
        typeof fact === 'string' ? words(home(person)).includes(fact) : fact.test(words(home(person))),
      ),
    { atMostMs: 20_000 },
  )
const part = (all: string, title: string) => {
  const titles = ['Waiting for you', 'Environments', 'Your releases', 'The last 30 days', 'What Signoff may send you']
  const from = all.indexOf(title)
  const ends = titles.map((each) => all.indexOf(each, from + 1)).filter((at) => at > from)
  return all.slice(from, Math.min(...ends, all.length))
}
/** The menu beside an environment. */
function menuOf(person: string, place: string) {
  const block = home(person)?.blocks.find((each) => JSON.stringify(each.text ?? '').includes(`*${place}*`))
  const accessory = block?.accessory as
    | { options?: { text: { text: string }; value: string; url?: string }[] }
    | undefined
  return { blockId: String(block?.block_id), options: accessory?.options ?? [] }
}
/** A control of a Home, by its action. */
const box = (person: string, actionId: string) =>
  home(person)?.blocks.find(({ accessory }) => (accessory as Json | undefined)?.action_id === actionId)?.accessory
async function choose(person: string, place: string, entry: string) {
  const { blockId } = menuOf(person, place)
  await team.slack.useHome({ user: person, blockId, actionId: HOME.menu, option: entry })
}

describe('App Home', () => {
  it('shows what runs, what waits and for whom, and follows a release from its request to its end', async () => {
    const { dana, lin, tom } = team.people
    const empty = await open(tom)
    expect(part(empty, 'Waiting for you')).toContain('Nothing waits for you.')
    expect(part(empty, 'Environments')).toMatch(/api integration · idle\n.*api production · idle/s)
    expect(part(empty, 'Your releases')).toContain('You have not requested a release yet.')
    await open(dana)
    await open(lin)

    await team.command(dana, '/deploy production')
    await team.until.awaitingSignOff(1)
    await says(tom, 'Needs QA and approval', 'Release #1, requested by dana')
    await says(lin, /Needs QA\n/)
    // She has requested it, so it waits for her QA at most.
    await says(dana, /Waiting for you\n.*Needs QA\n/s, /Your releases\n.*Release #1 api production: awaiting sign-off/s)
    expect(words(home(dana))).not.toContain('approval')
    const link = () => `p${team.card(1)?.ts.replace('.', '')}`
    await team.waitFor('a link to the card', () => JSON.stringify(home(tom)?.blocks).includes(link()), {
      atMostMs: 20_000,
    })

    await team.click(lin, 'qa', 1)
    await says(lin, 'Nothing waits for you.')
    await team.click(tom, 'approval', 1)
    await team.until.succeeded(1)
    await says(tom, 'Nothing waits for you.', /api production · idle\nLive: [0-9a-f]{7}, #1 by dana/)
    await says(dana, /Your releases\n.*Release #1 api production: succeeded/s)
    await says(tom, /The last 30 days\n.*api production.*1 release/s)
  })

  it('switches each kind of direct messages off and on, for this person alone', async () => {
    const { dana, lin } = team.people
    await open(dana)
    const off = () => team.query('select person_id, kind from direct_message_off')
    const actionId = `${HOME.messages}_needs_attention`
    await team.slack.useHome({ user: dana, actionId, options: [] })
    await team.eventually(async () => expect(await off()).toEqual([{ person_id: dana, kind: 'needs attention' }]))
    await team.waitFor(
      'the switch to be drawn',
      () => JSON.stringify(box(dana, actionId)).includes('initial_options') === false,
    )
    expect(JSON.stringify(box(dana, `${HOME.messages}_locks`))).toContain('initial_options')
    await open(lin)
    expect(JSON.stringify(box(lin, actionId))).toContain('initial_options')
    await team.slack.useHome({ user: dana, actionId, options: ['needs attention'] })
    await team.eventually(async () => expect(await off()).toEqual([]))
  })

  it('shows guests one sentence, and nothing else', async () => {
    const { gus } = team.people
    await open(gus)
    expect(home(gus)?.blocks).toHaveLength(1)
    expect(words(home(gus))).toBe('Signoff shows releases to full members of this workspace only.')
  })

  it('takes everything away from who has become a guest, at the next change', async () => {
    const { lin, tom } = team.people
    await open(lin)
    team.slack.setGuest(lin, 'multi')
    await team.command(tom, '/deploy lock production because Looking at it')
    await says(lin, /^Signoff shows releases to full members/)
    team.slack.setGuest(lin, undefined)
    await team.command(tom, '/deploy unlock production')
    await open(lin)
    expect(words(home(lin))).toContain('Environments')
  })

  it('draws nothing for the Messages tab, and nothing where Slack does not say who it is', async () => {
    const { dana, tom } = team.people
    const before = publishes().length
    await team.slack.openHome({ user: dana, tab: 'messages' })
    const fault = team.slack.fault({ kind: 'error', error: 'internal_error', method: 'users.info', times: Infinity })
    await team.slack.openHome({ user: team.slack.addUser({ name: 'nia', email: 'nia@example.test' }).id })
    await team.waitFor('the look-up', () =>
      team.slack.log.some(({ method, error }) => method === 'users.info' && error === 'internal_error'),
    )
    expect(publishes().length).toBe(before)
    fault.clear()
    await open(tom)
  })

  it('opens the request, the lock and the rollback where they are pressed, and shows there what is not possible', async () => {
    const { dana, lin, tom } = team.people
    await open(tom)
    await team.slack.useHome({ user: tom, actionId: HOME.deploy })
    await team.modal(tom, ({ callbackId }) => callbackId === 'deploy_modal')
    await team.slack.closeView({ user: tom })

    await choose(tom, 'api production', 'Lock…')
    await team.modal(tom, ({ callbackId }) => callbackId === 'lock_modal')
    await team.submit(tom, { reason: 'Checking a slow query' })
    await says(tom, 'Locked by tom', 'Checking a slow query')
    expect(menuOf(tom, 'api production').options.map(({ text }) => text.text)).toEqual([
      'Deploy…',
      'Extend',
      'Unlock',
      'Roll back…',
    ])
    // Lin may neither lock nor unlock there.
    await open(lin)
    expect(menuOf(lin, 'api production').options.map(({ text }) => text.text)).toEqual(['Deploy…', 'Roll back…'])

    await open(dana)
    await choose(dana, 'api production', 'Deploy…')
    const request = await team.modal(dana, ({ callbackId }) => callbackId === 'deploy_modal')
    expect(JSON.stringify(request.blocks)).toContain('locked by tom')
    expect(Object.values(request.values).flatMap((each) => Object.values(each))).toContainEqual(
      expect.objectContaining({ selected_option: expect.objectContaining({ value: 'production' }) }),
    )
    await team.slack.closeView({ user: dana })

    await choose(dana, 'api production', 'Roll back…')
    const refused = await team.modal(dana)
    expect(refused.callbackId).toBe('not_possible_modal')
    expect(JSON.stringify(refused.blocks)).toContain('nothing_to_roll_back')
    await team.slack.closeView({ user: dana })

    const stale = menuOf(tom, 'api production')
    await choose(tom, 'api production', 'Unlock')
    await team.hears(tom, 'The lock of api production has ended.')
    await says(tom, /api production · idle\nLive: [^\n]*\n(?!.*Locked by)/)
    // A menu that is out of date does nothing, and says so.
    const value = stale.options.find(({ text }) => text.text === 'Unlock')?.value ?? ''
    expect(value).toMatch(/^unlock:/)
  })

  it('has Go for the requester of what nobody signs, and for nobody else', async () => {
    const { dana, lin } = team.people
    const first = await nextNumber(team)
    for (const number of [first, first + 1]) {
      await somethingNew(team, `with Go ${number}`)
      await team.command(lin, '/deploy integration')
      await team.until.succeeded(number)
    }
    const number = first + 2
    await open(lin)
    await open(dana)
    await team.command(lin, '/deploy rollback integration')
    await team.modal(lin, ({ callbackId }) => callbackId === 'rollback_modal')
    await team.submit(lin, { reason: 'The importer hangs', lock: false })
    await says(lin, `#${number} · api integration`, 'Needs your Go', /Back to #\d+/)
    expect(part(words(home(dana)), 'Waiting for you')).not.toContain(`#${number}`)
    const value = String((box(lin, 'go') as Json | undefined)?.value)
    await team.slack.useHome({ user: lin, actionId: 'go' })
    await team.until.succeeded(number)
    await says(lin, 'Nothing waits for you')
    expect(
      await team.query(`select 1 from event where release = ${number} and type = 'release_approved'`),
    ).toHaveLength(1)

    // Pressed again, and by another person with its value: nothing starts, and each reads why.
    for (const person of [lin, dana]) {
      await team.slack.deliver(forged(person, value, 'go'))
      await team.modal(person, ({ callbackId }) => callbackId === 'not_possible_modal')
      await team.slack.closeView({ user: person })
    }
    expect(await nextNumber(team)).toBe(number + 1)
    expect(
      await team.query(`select 1 from event where release = ${number} and type = 'release_approved'`),
    ).toHaveLength(1)
  })

  it('does nothing with a value that it has not made', async () => {
    const { dana } = team.people
    await open(dana)
    const events = await team.query('select count(*)::int as count from event')
    for (const value of ['lock:made up', 'constructor:x', 'unlock:', 'lock']) {
      await team.slack.deliver(forged(dana, { text: { type: 'plain_text', text: 'x' }, value }))
      await team.modal(
        dana,
        ({ callbackId, blocks }) =>
          callbackId === 'not_possible_modal' && JSON.stringify(blocks).includes('stale_button'),
      )
      await team.slack.closeView({ user: dana })
    }
    expect(await team.query('select count(*)::int as count from event')).toEqual(events)
  })
})

/** A press in Home as nobody's Home offers it, with a trigger that can open a modal. */
function forged(person: string, option: Json | string, action: string = HOME.menu): Delivery {
  const typed = team.slack.captureCommand({ user: person, channel: 'product', command: '/deploy' })
  const { api_app_id, trigger_id, team_id } = typed.payload
  const payload = {
    ...{ type: 'block_actions', api_app_id, trigger_id, team: { id: team_id } },
    user: { id: person, team_id },
    container: { type: 'view', view_id: 'V1' },
    view: { id: 'V1', type: 'home', callback_id: HOME.view, private_metadata: '', state: { values: {} } },
    actions: [
      {
        ...{ action_id: action, block_id: 'b', action_ts: String(trigger_id) },
        ...(typeof option === 'string'
          ? { type: 'button', value: option }
          : { type: 'overflow', selected_option: option }),
      },
    ],
  }
  return { ...typed, type: 'interactive', payload }
}
