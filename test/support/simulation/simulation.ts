/**
 * Releases in virtual time: the real service, worker and delivery, on a simulated store and a simulated world. Verbs are
 * what people, processes and the world do; every answer is that of the real code.
 */

import type { View } from '@slack/types'
import type { Action } from '../../../src/release/actions.ts'
import type { Release } from '../../../src/release/release.ts'

import type { Subject } from '../../../src/release/subjects.ts'
import { hasEnded, type ReleaseState, type SignOffKind } from '../../../src/release/terms.ts'

import { ACTION_VIEWS } from '../../../src/slack/actions.ts'
import { CONTROLS, type Control } from '../../../src/slack/controls.ts'
import { HOTFIX_FIELD, SURE } from '../../../src/slack/views/hotfix-modal.ts'
import { FIELD } from '../../../src/slack/views/modals.ts'
import { WHEN } from '../../../src/slack/views/parts/when-field.ts'
import { LOCK_AFTERWARDS, ROLLBACK_FIELD } from '../../../src/slack/views/rollback-modal.ts'
import type { Log } from '../../../src/worker/ports.ts'
import { DANA, LIN, TOM } from '../builders.ts'
import { clickOf, commandOf, pressOf, submissionOf } from './clicks.ts'
import { createFaultPlan, type Role } from './faults.ts'
import { type ActionPayload, createIntake, type Delivered } from './intake.ts'
import { brokenAtRest, brokenInvariants } from './invariants.ts'
import { createMemoryStore } from './memory-store.ts'
import {
  type BotProcess,
  type House,
  type SlackPace,
  startBotProcess,
  startWorkerProcess,
  type WorkerProcess,
} from './processes.ts'
import { appOf, TIMES, writeOn } from './setting.ts'
import type { Answered, Simulation, SimulationOptions } from './verbs.ts'
import { createVirtualTime, drain } from './virtual-time.ts'
import { createWorld } from './world.ts'

export type { Answered, Simulation, SimulationOptions } from './verbs.ts'

const WAITS_FOR_PEOPLE: readonly ReleaseState[] = ['awaiting sign-off', 'scheduled', 'needs attention']
const QUIET: Log = { info: () => undefined, warn: () => undefined, error: () => undefined }
const START = Date.parse('2026-11-22T08:00:00Z')
const REASON = 'production is down for everyone'
/** A supervisor starts again what has ended. */
const STARTED_AGAIN_MS = 3_000
const PATIENCE_MS = 60_000
const SETTLES_WITHIN_MS = 4 * 60 * 60_000
/** So long nothing may move before it counts as rest: servers may still be at what was asked of them. */
const REST_MS = 25_000

/** Cards are redrawn more seldom than in service, which nothing decides by. */
const PACE: SlackPace = { updateEveryMs: 15_000 }

export function createSimulation(options: SimulationOptions = {}): Simulation {
  const time = createVirtualTime(START)
  const app = appOf(options.rules)
  const plan = createFaultPlan(options.faults ?? [])
  let jumped = 0
  let furthest = 0
  let storeSince = START
  const memory = createMemoryStore({ now: () => time.now() + jumped })
  const world = createWorld(app, time)
  const { restartAfterMs = STARTED_AGAIN_MS, standsMs = 45_000, log = QUIET } = options
  let slackIsBack = START
  let started = 0
  let pendingRestarts = 0
  const bots: BotProcess[] = []
  const workers: { readonly process: WorkerProcess; readonly mirror: Set<string> }[] = []

  const intake = createIntake(time, world.slack)
  /** Tells what is written on a button. */
  const { store: buttons } = memory.connect('people', 'always')
  const house: House = {
    app,
    world,
    memory,
    time,
    plan,
    log,
    times: { ...TIMES, ...options.times },
    received: intake.received,
    handled: intake.handled,
    isSlackDown: () => time.now() < slackIsBack,
    strike(planned, call) {
      const { fault, who = planned.role, ms } = planned
      if (fault.startsWith('kill')) fall(who)
      else if (fault.startsWith('stall')) pause(planned.role, call.process, ms ?? standsMs)
      else if (fault === 'clock jump') jump(ms ?? 0)
      else if (fault === 'store away') storeAway(ms ?? 0)
      else if (fault === 'slack down') slackIsBack = time.now() + (ms ?? 0)
      else if (fault === 'job twice') again(planned.role, call.process, call.job)
    },
  }

  function startBot() {
    bots.push(intake.through(startBotProcess(`bot-${++started}`, house, { ...PACE, ...options.pace })))
  }
  function startWorker(mirror: Set<string> = new Set()) {
    workers.push({ mirror, process: startWorkerProcess(`worker-${++started}`, house, mirror) })
  }
  startBot()
  startWorker()

  const aliveBots = () => bots.filter((bot) => bot.isAlive())
  const aliveWorkers = () => workers.filter(({ process }) => process.isAlive())

  function crash(who: Role | 'both') {
    if (who !== 'worker') for (const bot of aliveBots()) bot.kill()
    if (who !== 'bot') for (const { process } of aliveWorkers()) process.kill()
  }

  function restart(who: Role | 'both') {
    if (who !== 'worker' && aliveBots().length === 0) startBot()
    // On the same host: its mirror is still there.
    if (who !== 'bot' && aliveWorkers().length === 0) startWorker(workers.at(-1)?.mirror)
  }

  function fall(who: Role | 'both') {
    crash(who)
    if (restartAfterMs !== undefined) after(restartAfterMs, () => onceThereIsAStore(() => restart(who)))
  }

  /** What starts without a store ends, and is started again by its supervisor. */
  function onceThereIsAStore(start: () => void) {
    if (memory.isAway()) after(STARTED_AGAIN_MS, () => onceThereIsAStore(start))
    else start()
  }

  function after(ms: number, then: () => void) {
    pendingRestarts += 1
    void time.sleep(ms).then(() => {
      pendingRestarts -= 1
      then()
    })
  }

  function pause(role: Role, name: string, ms: number) {
    const process = role === 'bot' ? bots.find((bot) => bot.name === name) : undefined
    const stopped = process ?? workers.find(({ process: each }) => each.name === name)?.process
    if (stopped === undefined || !stopped.isAlive()) return
    stopped.stall()
    onceThereIsAStore(() => (role === 'bot' ? startBot() : startWorker()))
    after(ms, () => stopped.resume())
  }

  function again(role: Role, name: string, job = '') {
    if (role === 'bot') bots.find((bot) => bot.name === name)?.again()
    else workers.find(({ process }) => process.name === name)?.process.again(job)
  }

  function storeAway(ms: number) {
    memory.away()
    after(ms, () => {
      memory.back()
      storeSince = time.now()
    })
  }

  /** Since when there is a bot, and with it a store, without a pause. */
  function botSince(): number {
    const since = bots.map((bot) => bot.awakeSince() ?? Number.POSITIVE_INFINITY)
    return Math.max(Math.min(...since), storeSince)
  }

  function jump(ms: number) {
    jumped += ms
    furthest = Math.max(furthest, Math.abs(jumped))
  }

  function nextDue(): number | undefined {
    const due = memory.nextDue()
    const ours = time.next()
    if (due === undefined) return ours
    return Math.min(due - jumped, ours ?? Number.POSITIVE_INFINITY)
  }

  /** Moves on to what happens next; false: nothing does before `limit`. */
  async function step(limit: number): Promise<boolean> {
    const due = nextDue()
    if (due === undefined || due > limit) return false
    time.moveTo(due)
    memory.wake()
    await drain()
    return true
  }

  async function until(holds: () => boolean, withinMs = SETTLES_WITHIN_MS): Promise<boolean> {
    const limit = time.now() + withinMs
    await drain()
    while (!holds()) {
      if (!(await step(limit))) {
        time.moveTo(Math.min(limit, Number.MAX_SAFE_INTEGER))
        memory.wake()
        await drain()
        return holds()
      }
    }
    return true
  }

  function isAtRest(): boolean {
    return (
      pendingRestarts === 0 &&
      !intake.isBusy() &&
      memory.jobs().every(({ state }) => state === 'done' || state === 'failed') &&
      memory.outboxRows().every(({ state }) => state !== 'waiting') &&
      memory.releases().every(({ state }) => hasEnded(state) || WAITS_FOR_PEOPLE.includes(state))
    )
  }

  async function settle(withinMs = SETTLES_WITHIN_MS): Promise<boolean> {
    const began = time.now()
    // What was put off by a clock that has gone back since waits until it comes there again.
    const left = () => began + withinMs + furthest - time.now()
    for (;;) {
      while (!(await until(isAtRest, left()))) if (left() <= 0) return false
      await tick(REST_MS)
      if (isAtRest()) return true
    }
  }

  async function tick(ms: number) {
    const limit = time.now() + ms
    await drain()
    while (await step(limit));
    time.moveTo(limit)
    memory.wake()
    await drain()
  }

  /** A person does something: the bot that is there takes it. Gives what they read. */
  async function does(action: ActionPayload): Promise<Answered> {
    return answeredBy(intake.deliver(aliveBots().at(-1), action))
  }
  let lastDelivered: Delivered | undefined

  async function answeredBy(delivered: Delivered): Promise<Answered> {
    lastDelivered = delivered
    await until(() => delivered.isOver(), PATIENCE_MS)
    const answer = delivered.answer()
    return answer ?? 'no answer'
  }

  function release(number?: number): Release {
    const all = memory.releases()
    const found = number === undefined ? all.at(-1) : all.find((each) => each.number === number)
    if (found === undefined) throw new Error(`there is no release ${number ?? ''}`)
    return found
  }

  const newest = () => memory.releases().at(-1)?.number ?? 0
  const command = (text: string, by: string) => does((id) => commandOf('deploy', text, by, id))

  /** The button on the release's card, whatever the card shows now: somebody may still see it. */
  async function press(action: Action, by: string, number: number): Promise<Answered> {
    const at = memory.releases().find((each) => each.number === number)?.card ?? { channel: `D-${by}`, ts: '0.1' }
    // People read the dialogs and say yes.
    const token = await buttons.buttonToken(number, ACTION_VIEWS[action].id, { asks: true })
    return does((id) => pressOf({ action, token, at }, by, id))
  }

  /** Fills in the window that was opened last, if one was. */
  async function fillIn(asked: Answered, by: string, values: Readonly<Record<string, string>>): Promise<Answered> {
    const view = lastDelivered?.opened()
    return view === undefined ? asked : does((id) => submissionOf(view, values, by, `V${id}`))
  }

  async function changeTime(to: Date, by = DANA.id, number = newest()): Promise<Answered> {
    return fillIn(await press('change time', by, number), by, { [WHEN]: String(Math.floor(to.getTime() / 1000)) })
  }

  const pressAndSay = async (action: Action, by: string, number: number): Promise<Answered> =>
    fillIn(await press(action, by, number), by, { [FIELD.reason]: REASON, [FIELD.note]: REASON })

  const request = (environment = 'production', by = DANA.id) => command(`${app.name} to ${environment}`, by)

  async function hotfix(environment = 'production', by = DANA.id, commit = world.repository.fix): Promise<Answered> {
    const text = `${commit} to ${app.name} ${environment}`
    const asked = await does((id) => commandOf('hotfix', text, by, id))
    return fillIn(asked, by, {
      [HOTFIX_FIELD.app]: app.name,
      [HOTFIX_FIELD.environment]: environment,
      [HOTFIX_FIELD.commits]: commit,
      [HOTFIX_FIELD.reason]: REASON,
      [HOTFIX_FIELD.sure]: SURE,
    })
  }

  /** By the card's button; what was told privately has no card, and is asked for again. */
  async function planAgain(by = DANA.id, number = newest()): Promise<Answered> {
    const { card, kind, environment, picks } = release(number)
    if (card !== undefined) return press('plan again', by, number)
    if (kind === 'rollback') return rollbackByCommand(environment, by, { locks: true })
    return kind === 'hotfix' ? hotfix(environment, by, picks?.join(' ')) : request(environment, by)
  }

  async function rollbackByCommand(
    environment = 'production',
    by = DANA.id,
    { locks } = { locks: false },
  ): Promise<Answered> {
    const asked = await command(`rollback ${app.name} ${environment} because it broke`, by)
    return fillIn(asked, by, {
      [ROLLBACK_FIELD.to]: pickedIn(lastDelivered?.opened()),
      [ROLLBACK_FIELD.reason]: REASON,
      ...(locks && { [ROLLBACK_FIELD.lock]: LOCK_AFTERWARDS }),
    })
  }

  async function control(pressed: Control, subject: Subject, by: string): Promise<Answered> {
    const actionId = CONTROLS[pressed].id
    const token = await buttons.subjectToken(subject, actionId)
    return does((id) => clickOf({ actionId, token, at: { channel: `D-${by}`, ts: '0.1' } }, by, id))
  }

  async function notMe(kind: SignOffKind, by: string, number = newest()): Promise<Answered> {
    const { signOffs, disputed = [] } = release(number)
    const given = [...disputed, ...signOffs].findLast((each) => each.kind === kind && each.person.id === by)
    const at = given?.at.toISOString() ?? '2026-11-22T00:00:00.000Z'
    return control('not me', { is: 'sign-off', release: number, kind, person: by, at }, by)
  }

  const looked = () => ({
    app,
    world,
    memory,
    clockOff: furthest,
    now: time.now(),
    botSince: botSince(),
    workerSeenAt: Math.max(...workers.map(({ process }) => process.lastAwake())),
  })

  return {
    world,
    memory,
    plan,
    now: time.now,
    releases: () => memory.releases(),
    release,
    request,
    hotfix,
    rollbackByCommand,
    sign: (kind, by = kind === 'qa' ? LIN.id : TOM.id, number = newest()) =>
      ACTION_VIEWS[kind].onPress.is === 'asks first' ? pressAndSay(kind, by, number) : press(kind, by, number),
    reject: (by = TOM.id, number = newest()) => pressAndSay('rejection', by, number),
    emergency: (by = TOM.id, number = newest()) => pressAndSay('emergency', by, number),
    cancel: (by = DANA.id, number = newest()) =>
      release(number).card === undefined ? command(`cancel ${number}`, by) : press('cancel', by, number),
    retry: (by = DANA.id, number = newest()) => press('retry', by, number),
    close: (by = TOM.id, number = newest()) => pressAndSay('close', by, number),
    schedule: (at, environment = 'production', by = DANA.id) => command(`${app.name} to ${environment} at ${at}`, by),
    startNow: (by = DANA.id, number = newest()) => press('start now', by, number),
    changeTime,
    go: (by = DANA.id, number = newest()) => press('go', by, number),
    planAgain,
    control,
    notMe,
    takeOver: async (lock, by) =>
      fillIn(await control('take over', { is: 'lock', id: lock }, by), by, { [FIELD.reason]: REASON }),
    tokenOf: (action, number = newest(), options = {}) => buttons.buttonToken(number, ACTION_VIEWS[action].id, options),
    deliver: does,
    shown: () => lastDelivered?.shown(),
    opened: () => lastDelivered?.opened(),
    deliverAgain: async (how = 'same id') => {
      const delivered = intake.deliverAgain(aliveBots().at(-1), how)
      return delivered === undefined ? 'no answer' : answeredBy(delivered)
    },

    pushToBranch(branch) {
      const head = world.origin.branches.get(branch) ?? world.repository.deployed
      const at = new Date(time.now()).toISOString()
      const commit = writeOn(world.objects, head, { [`api/${branch}-${time.now()}.py`]: 'new' }, 'Go on', at)
      world.origin.branches.set(branch, commit)
      return commit
    },
    deactivate: (person) => world.slack.personIs(person, undefined),

    crash,
    restart,
    secondWorker: () => startWorker(),
    pauseWorker: (ms = standsMs) => {
      const [oldest] = aliveWorkers()
      if (oldest !== undefined) pause('worker', oldest.process.name, ms)
    },
    loseAnswer(call, applied = true) {
      const role = call.startsWith('slack') ? 'bot' : 'worker'
      const nth = plan.calls.filter((each) => each.role === role && each.call === call).length + 1
      plan.add({ role, call, nth, fault: applied ? 'timeout applied' : 'timeout not applied' })
    },
    jumpClock: jump,
    slackDown: (ms) => {
      slackIsBack = time.now() + ms
    },

    tick,
    settle,
    until,
    checkInvariants() {
      const broken = [...brokenInvariants(looked()), ...(isAtRest() ? brokenAtRest(looked()) : [])]
      if (broken.length > 0) throw new Error(broken.join('\n'))
    },
    end() {
      crash('both')
    },
  }
}

/** The release that a rollback's dialog has picked. */
function pickedIn(view: View | undefined): string {
  const field = view?.blocks.find((block) => 'block_id' in block && block.block_id === ROLLBACK_FIELD.to)
  const element = field !== undefined && 'element' in field ? field.element : undefined
  const picked = element !== undefined && 'initial_option' in element ? element.initial_option : undefined
  return typeof picked === 'object' && picked !== null && 'value' in picked ? String(picked.value) : ''
}
