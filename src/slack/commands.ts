/** `/deploy` and `/hotfix`: parse the text, call the service once, answer once. */
import { defined } from '../lib/defined.ts'
import { type DeployCommand, type Help, type ParseProblem, parseDeploy } from '../release/command.ts'
import type { EnvironmentStatus } from '../release/messages.ts'
import { hotfixWindow } from './hotfix.ts'
import { COMMANDS } from './ids.ts'
import { metadata, openModal } from './modal-window.ts'
import type { Arrival } from './payloads.ts'
import type { HandlerPorts } from './ports.ts'
import { done, PRESS_AGAIN, type Reply, refused, requested } from './replies.ts'
import { cancelledText, retriedText } from './views/answers.ts'
import { hotfixModal } from './views/hotfix-modal.ts'
import { deployModal } from './views/modals.ts'
import { freezeNotes } from './views/parts/freeze.ts'
import { HISTORY } from './views/private/history.ts'

type CommandArrival = Extract<Arrival, { is: 'command' }>

/** Runs the command. `fresh`: its trigger can still open a modal. Safe to repeat. */
export function runCommand(ports: HandlerPorts, arrival: CommandArrival, fresh: boolean): Promise<Reply> {
  return arrival.command === COMMANDS.hotfix
    ? hotfix(ports, arrival, fresh)
    : deploy(ports, arrival, parseDeploy(arrival.text, ports.apps), fresh)
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
      const denied = await service.mayRead(by)
      if (denied !== undefined) return refused(denied.refused)
      const held = freezeNotes(ports.apps, await ports.store.now())
      const modal = deployModal({ apps: ports.apps, held, metadata: metadata({ token: '', responseUrl }) })
      return openModal(ports, arrival.trigger, modal)
    }
    case 'release': {
      const { app, environment } = command
      return requested(await service.request({ app, environment, kind: 'deploy', by, key, responseUrl }))
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
      const { environments, workerSeenAt } = await service.status()
      await redrawCards(ports, environments)
      return { is: 'status', environments, ...defined({ workerSeenAt }) }
    }
    case 'history': {
      const denied = await service.mayRead(by)
      if (denied !== undefined) return refused(denied.refused)
      const releases = await service.history({ ...filterOf(command), limit: HISTORY + 1 })
      return { is: 'history', releases, ...filterOf(command) }
    }
    case 'cancel':
      return done(cancelledText)(await service.act('cancel', { release: command.number, by, key }))
    case 'retry':
      return done(retriedText)(await service.act('retry', { release: command.number, by, key }))
  }
}

/** A person who asks for the status may miss a card: a deleted one is posted again when its redraw finds it gone. */
function redrawCards({ store }: HandlerPorts, environments: readonly EnvironmentStatus[]): Promise<void> {
  const shown = environments.flatMap(({ under_way: release }) => (release?.card === undefined ? [] : [release.number]))
  return store.transaction(async (tx) => {
    for (const release of shown) await tx.send({ kind: 'card', release })
  })
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
