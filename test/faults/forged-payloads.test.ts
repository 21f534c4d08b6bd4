/** Payloads that Slack would not send, and those of other people and messages: each is handled, and none has an effect. */
import { describe, expect, it, onTestFinished } from 'vitest'
import { FIELD } from '../../src/slack/views/modals.ts'
import { DANA, LIN, TOM } from '../support/builders.ts'
import { commandOf, type Payload, pressOf, submissionOf } from '../support/simulation/clicks.ts'
import { createSimulation, type Simulation } from '../support/simulation/simulation.ts'

type Json = Record<string, unknown>
type Forge = (sim: Simulation, payload: Json) => Json | Promise<Json>

/** Changes one button of the payload. */
const withAction =
  (change: Json): Forge =>
  (_sim, payload) => ({ ...payload, actions: [{ ...(payload.actions as Json[])[0], ...change }] })
const withFields =
  (change: Json): Forge =>
  (_sim, payload) => ({ ...payload, ...change })
const withContainer =
  (change: Json): Forge =>
  (_sim, payload) => ({ ...payload, container: { ...(payload.container as Json), ...change } })
const withView =
  (change: Json): Forge =>
  (_sim, payload) => ({ ...payload, view: { ...(payload.view as Json), ...change } })
const withToken =
  (token: (sim: Simulation) => Promise<string> | string): Forge =>
  async (sim, payload) =>
    withAction({ value: await token(sim) })(sim, payload)

const deep = (levels: number): unknown => (levels === 0 ? 'end' : { in: deep(levels - 1) })

/** Tom, who may approve, presses Approve: the last sign-off that is owed. */
const PRESSES: readonly (readonly [string, Forge])[] = [
  ['a token that nobody made', withAction({ value: 'made up' })],
  ['no token', withAction({ value: undefined })],
  ['an empty token', withAction({ value: '' })],
  ['a token that is a number', withAction({ value: 1 })],
  ['a token that is an object', withAction({ value: { release: 1, action: 'approve' } })],
  ['a token that is a list', withAction({ value: ['1'] })],
  ['a token of a megabyte', withAction({ value: 'x'.repeat(1_000_000) })],
  ['a token that is SQL', withAction({ value: "' or 1=1 --" })],
  ['a token with a NUL', withToken(async (sim) => `${await sim.tokenOf('approval')}\0`)],
  ['a token with a space', withToken(async (sim) => ` ${await sim.tokenOf('approval')}`)],
  ['a token in capitals', withToken(async (sim) => (await sim.tokenOf('approval')).toUpperCase())],
  ['the token of Reject', withToken((sim) => sim.tokenOf('rejection'))],
  ['the token of Go', withToken((sim) => sim.tokenOf('go'))],
  ['the token of another release', withToken((sim) => sim.tokenOf('approval', 99))],
  ['the id of another button', withAction({ action_id: 'go' })],
  ['the id of a button that does not exist', withAction({ action_id: 'constructor' })],
  ['an id that is a prototype', withAction({ action_id: '__proto__' })],
  ['no id', withAction({ action_id: undefined })],
  ['another message', withContainer({ message_ts: '1.2' })],
  ['another channel', withContainer({ channel_id: 'C0OTHER' })],
  ['no message', withContainer({ message_ts: undefined })],
  ['a container that is a text', withFields({ container: 'C1' })],
  ['no container', withFields({ container: undefined })],
  ['no buttons', withFields({ actions: [] })],
  ['buttons that are a text', withFields({ actions: 'approve' })],
  ['a button that is null', withFields({ actions: [null] })],
  ['another app', withFields({ api_app_id: 'A0OTHER' })],
  ['no app', withFields({ api_app_id: undefined })],
  ['another workspace', withFields({ team: { id: 'T0OTHER' } })],
  ['a workspace that is a list', withFields({ team: ['T0TEAM'] })],
  ['nobody', withFields({ user: undefined })],
  ['a person of another workspace', withFields({ user: { id: TOM.id, team_id: 'T0OTHER' } })],
  ['a person whose id is an object', withFields({ user: { id: { id: TOM.id }, team_id: 'T0TEAM' } })],
  ['a person whom nobody knows', withFields({ user: { id: 'U0GHOST', team_id: 'T0TEAM' } })],
  ['the requester', withFields({ user: { id: DANA.id, team_id: 'T0TEAM' } })],
  ['another type', withFields({ type: 'shortcut' })],
  ['a type that is a list', withFields({ type: ['block_actions'] })],
  ['no trigger', withFields({ trigger_id: undefined })],
  [
    'an answer address on this machine’s network',
    withFields({ response_url: 'http://169.254.169.254/', user: { id: DANA.id, team_id: 'T0TEAM' } }),
  ],
  ['fields a thousand deep', (sim, payload) => withAction({ value: deep(1_000) })(sim, payload)],
]

const SUBMISSIONS: readonly (readonly [string, Forge])[] = [
  ['the carried token of nobody', withView({ private_metadata: JSON.stringify({ token: 'made up' }) })],
  ['carried words that are no JSON', withView({ private_metadata: '{' })],
  ['carried words that are null', withView({ private_metadata: 'null' })],
  ['a carried token that is an object', withView({ private_metadata: JSON.stringify({ token: { is: 1 } }) })],
  ['no carried words', withView({ private_metadata: undefined })],
  ['the id of another window', withView({ callback_id: 'close_modal' })],
  ['the id of a window that does not exist', withView({ callback_id: '__proto__' })],
  ['a state that is a text', withView({ state: 'rejected' })],
  ['values that are lists', withView({ state: { values: { reason: [{ value: 'no' }] } } })],
  ['a person of another workspace', withFields({ user: { id: TOM.id, team_id: 'T0OTHER' } })],
  ['another app', withFields({ api_app_id: 'A0OTHER' })],
  ['a person who may not reject', withFields({ user: { id: 'U0GHOST', team_id: 'T0TEAM' } })],
]

const COMMANDS: readonly (readonly [string, Forge])[] = [
  ['another app', withFields({ api_app_id: 'A0OTHER' })],
  ['another workspace', withFields({ team_id: 'T0OTHER' })],
  ['no workspace', withFields({ team_id: undefined })],
  ['a name that is not ours', withFields({ command: '/drop' })],
  ['a name that is a list', withFields({ command: ['/deploy'] })],
  ['a text that is an object', withFields({ text: { production: true } })],
  ['nobody', withFields({ user_id: undefined })],
  ['a person whom nobody knows', withFields({ user_id: 'U0GHOST' })],
  ['no trigger', withFields({ trigger_id: undefined })],
]

/** A release that lacks one approval. */
async function almost(): Promise<Simulation> {
  const sim = createSimulation()
  onTestFinished(() => sim.end())
  await sim.request()
  await sim.settle()
  await sim.sign('qa', LIN.id)
  await sim.settle()
  return sim
}

const effects = ({ memory, releases, world }: Simulation) => ({
  events: memory.events().map(({ type }) => type),
  states: releases().map(({ state }) => state),
  signOffs: releases().flatMap(({ signOffs }) => signOffs.map(({ kind }) => kind)),
  merged: world.forge.pullRequests.filter(({ state }) => state === 'merged').length,
})

async function deliver(sim: Simulation, forge: Forge, real: (id: string) => Payload): Promise<void> {
  const before = effects(sim)
  const payload = await forge(sim, real('forged'))
  await sim.deliver(() => payload)
  await sim.settle()
  expect(effects(sim)).toEqual(before)
  sim.checkInvariants()
}

const at = (sim: Simulation) => sim.release().card ?? { channel: '', ts: '' }

it('is more than 45, and each differs from what has an effect', async () => {
  expect(PRESSES.length + SUBMISSIONS.length + COMMANDS.length).toBeGreaterThan(45)
  const sim = await almost()
  const token = await sim.tokenOf('approval', 1, { asks: true })
  await sim.deliver((id) => pressOf({ action: 'approval', token, at: at(sim) }, TOM.id, id))
  await sim.settle()
  expect(sim.release().state).toBe('succeeded')
})

describe('Approve, with', () => {
  it.each(PRESSES)('%s', async (_with, forge) => {
    const sim = await almost()
    const token = await sim.tokenOf('approval', 1, { asks: true })
    await deliver(sim, forge, (id) => pressOf({ action: 'approval', token, at: at(sim) }, TOM.id, id))
  })
})

describe('Reject’s window, with', () => {
  it.each(SUBMISSIONS)('%s', async (_with, forge) => {
    const sim = await almost()
    const token = await sim.tokenOf('rejection')
    await sim.deliver((id) => pressOf({ action: 'rejection', token, at: at(sim) }, TOM.id, id))
    const view = sim.opened()
    if (view === undefined) throw new Error('no window was opened')
    await deliver(sim, forge, (id) => submissionOf(view, { [FIELD.reason]: 'not now' }, TOM.id, id))
  })
})

describe('/deploy production, with', () => {
  it.each(COMMANDS)('%s', async (_with, forge) => {
    const sim = createSimulation()
    onTestFinished(() => sim.end())
    await deliver(sim, forge, (id) => commandOf('deploy', 'api production', DANA.id, id))
  })
})
