import { type Answer, type Method, refuse, refuseArguments } from './answers.ts'
import { problemsOfView, withIds } from './blocks.ts'
import { viewShape } from './payload-shapes.ts'
import { isRecord, type Json, records, type State, string, type View } from './state.ts'
import { labelOf, valuesOf } from './view-values.ts'

const triggerLasts = 3000
const mostPushed = 3

/** Slack's error for an invalid view; undefined if the view is valid. */
export function refusalOfView(view: unknown): Answer | undefined {
  if (!isRecord(view)) return refuseArguments(['must provide an object [json-pointer:/view]'])
  const problems = problemsOfView(view)
  if (problems.length > 0) return refuseArguments(problems)
  return JSON.stringify(view).length > 250_000 ? refuse('view_too_large') : undefined
}

function makeView(state: State, view: Json, user: string, before?: View): View {
  const id = before?.id ?? state.newId('V')
  const blocks = withIds(records(view.blocks), state.newId)
  return {
    id,
    hash: `${Math.floor(state.now() / 1000)}.${state.newId('h')}`,
    user,
    type: view.type === 'home' ? 'home' : 'modal',
    title: labelOf(view.title),
    submit: isRecord(view.submit) ? labelOf(view.submit) : undefined,
    close: isRecord(view.close) ? labelOf(view.close) : undefined,
    callbackId: string(view.callback_id),
    privateMetadata: string(view.private_metadata),
    notifyOnClose: view.notify_on_close === true,
    clearOnClose: view.clear_on_close === true,
    externalId: string(view.external_id),
    rootId: before?.rootId ?? id,
    previousId: before?.previousId,
    blocks,
    values: valuesOf(blocks, before?.values),
    responseUrls: [],
  }
}

/** Uses up a trigger: each is valid once, for three seconds. */
function spendTrigger(state: State, args: Json): { user: string } | { refusal: Answer } {
  const trigger = state.triggers.get(string(args.trigger_id ?? args.interactivity_pointer))
  if (!trigger) return { refusal: refuse('invalid_trigger_id') }
  if (trigger.isUsed) return { refusal: refuse('exchanged_trigger_id') }
  if (trigger.issuedAt === undefined || state.now() - trigger.issuedAt > triggerLasts) {
    return { refusal: refuse('expired_trigger_id') }
  }
  trigger.isUsed = true
  return { user: trigger.user }
}

const allModals = (state: State) => [...state.modals.values()].flat()

/** Opens a view above the person's open views. */
export function pushView(state: State, view: Json, user: string): View {
  const open = state.modals.get(user) ?? []
  const made = makeView(state, view, user)
  made.previousId = open.at(-1)?.id
  made.rootId = open[0]?.id ?? made.id
  state.modals.set(user, [...open, made])
  return made
}

/** Replaces the content of an open view, which keeps its id. */
export function replaceView(state: State, before: View, view: Json): View {
  const made = makeView(state, view, before.user, before)
  const open = state.modals.get(before.user) ?? []
  state.modals.set(
    before.user,
    open.map((one) => (one.id === before.id ? made : one)),
  )
  return made
}

function openOrPush(kind: 'open' | 'push') {
  return (args: Json, state: State): Answer => {
    if (args.trigger_id === undefined && args.interactivity_pointer === undefined) {
      return refuseArguments(['missing required field: trigger_id'])
    }
    const wrong = refusalOfView(args.view)
    if (wrong) return wrong
    if (!isRecord(args.view) || args.view.type !== 'modal')
      return refuseArguments(['must be a modal [json-pointer:/view/type]'])
    const externalId = string(args.view.external_id)
    if (externalId && allModals(state).some((one) => one.externalId === externalId))
      return refuse('duplicate_external_id')
    const spent = spendTrigger(state, args)
    if ('refusal' in spent) return spent.refusal
    const open = state.modals.get(spent.user) ?? []
    if (kind === 'push' && open.length === 0) return refuse('not_found')
    if (kind === 'push' && open.length >= mostPushed) return refuse('push_limit_reached')
    if (kind === 'open') state.modals.set(spent.user, [])
    return { ok: true, view: viewShape(state, pushView(state, args.view, spent.user)) }
  }
}

function update(args: Json, state: State): Answer {
  if (!args.view_id && !args.external_id) return refuseArguments(['missing required field: view_id'])
  const wrong = refusalOfView(args.view)
  if (wrong) return wrong
  const before = allModals(state).find((one) =>
    args.view_id ? one.id === args.view_id : one.externalId !== '' && one.externalId === args.external_id,
  )
  if (!before) return refuse('not_found')
  if (args.hash && args.hash !== before.hash) return refuse('hash_conflict')
  return { ok: true, view: viewShape(state, replaceView(state, before, args.view as Json)) }
}

function publish(args: Json, state: State): Answer {
  const wrong = refusalOfView(args.view)
  if (wrong) return wrong
  if (!isRecord(args.view) || args.view.type !== 'home')
    return refuseArguments(['must be a home [json-pointer:/view/type]'])
  const user = state.users.get(string(args.user_id))
  if (!user) return refuse('user_not_found')
  if (!state.hasHomeTab) return refuse('not_enabled')
  const before = state.homes.get(user.id)
  if (args.hash && args.hash !== before?.hash) return refuse('hash_conflict')
  const externalId = string(args.view.external_id)
  const others = [...allModals(state), ...state.homes.values()].filter(({ id }) => id !== before?.id)
  if (externalId && others.some((one) => one.externalId === externalId)) return refuse('duplicate_external_id')
  const view = makeView(state, args.view, user.id, before)
  state.homes.set(user.id, view)
  return { ok: true, view: viewShape(state, view) }
}

export const viewMethods: Record<string, Method> = {
  'views.open': { required: ['view'], run: openOrPush('open') },
  'views.push': { required: ['view'], run: openOrPush('push') },
  'views.update': { required: ['view'], run: update },
  'views.publish': { required: ['user_id', 'view'], run: publish },
}
