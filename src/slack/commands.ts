/** `/deploy` and `/hotfix`: parse the text, call the service once, answer once. */
import { defined } from '../lib/defined.ts'
import { type DeployCommand, type Help, type ParseProblem, parseDeploy } from '../release/command.ts'
import { factsOfLock, type LockFacts } from '../release/lock.ts'
import type { EnvironmentStatus } from '../release/messages.ts'
import type { Release } from '../release/release.ts'
import { openDeploy } from './deploy-window.ts'
import { tokenFor } from './drawing.ts'
import { hotfixWindow } from './hotfix.ts'
import { COMMANDS, VIEW } from './ids.ts'
import { runLockCommand } from './locks.ts'
import { metadata, openModal } from './modal-window.ts'
import type { Arrival } from './payloads.ts'
import type { HandlerPorts } from './ports.ts'
import { done, PRESS_AGAIN, type Reply, refused, requested } from './replies.ts'
import { report } from './report.ts'
import { openRollback } from './rollback.ts'
import { cancelledText, markedText, retriedText } from './views/answers.ts'
import { hotfixModal } from './views/hotfix-modal.ts'
import { markBadModal } from './views/mark-modal.ts'
import { HISTORY } from './views/private/history.ts'

type CommandArrival = Extract<Arrival, { is: 'command' }>

/** Runs the command. `fresh`: its trigger can still open a modal. Safe to repeat. */
export async function runCommand(ports: HandlerPorts, arrival: CommandArrival, fresh: boolean): Promise<Reply> {
  switch (arrival.command) {
    case COMMANDS.deploy:
      return deploy(ports, arrival, parseDeploy(arrival.text, ports.apps), fresh)
    case COMMANDS.hotfix:
      return hotfix(ports, arrival, fresh)
    default:
      return { is: 'help', reason: `Signoff has no command “${arrival.command.slice(0, 40)}”.` }
  }
}

async function deploy(
  ports: HandlerPorts,
  arrival: CommandArrival,
  command: DeployCommand | ParseProblem | Help,
  fresh: boolean,
): Promise<Reply> {
  const { service } = ports
  const { user: by, responseUrl, id: key } = arrival
  switch (command.is) {
    case 'help':
      return { is: 'help', ...defined({ reason: command.reason }) }
    case 'refused':
      return refused(command.refusal)
    case 'modal': {
      if (!fresh) return PRESS_AGAIN
      return openDeploy(ports, { by, trigger: arrival.trigger, responseUrl })
    }
    case 'release': {
      const { app, environment } = command
      const at = command.at === undefined ? undefined : { typed: command.at }
      const asked = { app, environment, kind: 'deploy', by, key, responseUrl, ...defined({ at }) } as const
      return requested(await service.request(asked))
    }
    case 'preview': {
      const { app, environment } = command
      const preview = await service.preview({ app, environment, by, key, responseUrl })
      if ('refused' in preview) return refused(preview.refused)
      return { is: 'done', text: `The preview of ${app} to ${environment} is being prepared. Nothing is changed.` }
    }
    case 'status': {
      const denied = await service.mayRead(by)
      if (denied !== undefined) return refused(denied.refused)
      const { environments, workerSeenAt, all } = await service.status()
      await redrawCards(ports, environments)
      return { is: 'status', environments, ...defined({ workerSeenAt, all }) }
    }
    case 'history': {
      const denied = await service.mayRead(by)
      if (denied !== undefined) return refused(denied.refused)
      const releases = await service.history({ ...filterOf(command), limit: HISTORY + 1 })
      const locks = await locksBetween(ports, releases, filterOf(command))
      return { is: 'history', releases, ...filterOf(command), ...(locks.length > 0 && { locks }) }
    }
    case 'locks':
    case 'lock':
    case 'unlock':
      return runLockCommand(ports, arrival, command, fresh)
    case 'cancel':
      return done(cancelledText)(await service.act('cancel', { release: command.number, by, key }))
    case 'retry':
      return done(retriedText)(await service.act('retry', { release: command.number, by, key }))
    case 'rollback': {
      if (!fresh) return PRESS_AGAIN
      const { app, environment, to, reason } = command
      return openRollback(ports, { app, environment, by, ...defined({ to, reason }) }, arrival)
    }
    case 'bad': {
      const { number: release, reason: note } = command
      if (note !== undefined) return done(markedText)(await service.act('mark bad', { release, by, key, note }))
      if (!fresh) return PRESS_AGAIN
      const may = await service.may('mark bad', { release, by })
      if ('refused' in may) return refused(may.refused)
      const token = await tokenFor(ports.store, may.release, 'mark bad', false)
      const facts = { callback: VIEW.markBad, release: may.release, metadata: metadata({ token, responseUrl }) }
      return openModal(ports, arrival.trigger, markBadModal(facts))
    }
    case 'report':
      return report(ports, arrival, command)
    case 'good':
      return done(markedText)(await service.act('mark good', { release: command.number, by, key }))
  }
}

/** A person who asks for the status may miss a card: a deleted one is posted again when its redraw finds it gone. */
function redrawCards({ store }: HandlerPorts, environments: readonly EnvironmentStatus[]): Promise<void> {
  const shown = environments.flatMap(({ under_way: release }) => (release?.card === undefined ? [] : [release.number]))
  return store.transaction(async (tx) => {
    for (const release of shown) await tx.send({ kind: 'card', release })
  })
}

const MOST_LOCKS = 10

/** The locks that were set since the oldest release that is shown and, on an older page, before the newer ones. */
async function locksBetween(
  { store }: HandlerPorts,
  releases: readonly Release[],
  { app, environment, before }: ReturnType<typeof filterOf>,
): Promise<readonly LockFacts[]> {
  const [locks, next] = await Promise.all([
    store.locks({ ...defined({ app, environment }), limit: MOST_LOCKS }),
    before === undefined ? undefined : store.release(before),
  ])
  const oldest = releases.length > HISTORY ? releases.at(HISTORY - 1)?.requestedAt : undefined
  return locks
    .filter(
      ({ since }) => (oldest === undefined || since >= oldest) && (next === undefined || since < next.requestedAt),
    )
    .map((lock) => factsOfLock(lock))
}

function filterOf({ app, environment, before }: Extract<DeployCommand, { is: 'history' }>) {
  return defined({ app, environment, before })
}

async function hotfix(ports: HandlerPorts, arrival: CommandArrival, fresh: boolean): Promise<Reply> {
  if (!fresh) return PRESS_AGAIN
  const { responseUrl, text, user: by } = arrival
  const found = await hotfixWindow(ports, { text, by })
  if ('message' in found) return found.message
  const ends = found.window.superseded.map(({ number }) => number)
  const modal = hotfixModal({ ...found.window, metadata: metadata({ token: '', responseUrl, ends }) })
  return openModal(ports, arrival.trigger, modal)
}
