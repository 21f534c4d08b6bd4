/** `/hotfix` and its modal: the facts to show, and the request to the service. */
import { defined } from '../lib/defined.ts'
import { parseHotfix } from '../release/command.ts'
import { environmentBusy } from '../release/environment-busy.ts'
import {
  hotfixRefusal,
  MAX_PICKS,
  readCommits,
  refuseUnfollowedBranch,
  SUPERSEDED_BY_HOTFIX,
} from '../release/hotfix.ts'
import type { PrivateMessage } from '../release/messages.ts'
import type { Refusal } from '../release/refusals.ts'
import type { Release } from '../release/release.ts'
import type { RequestCommand, Requested } from '../release/request.ts'
import type { ReleaseService } from '../release/service.ts'
import type { DrawingPorts } from './drawing.ts'
import { HOTFIX_FIELD, type HotfixModalFacts, SURE } from './views/hotfix-modal.ts'

/** The facts of the modal, or a message instead: the modal shows releases, which not everyone may see. */
export async function hotfixWindow(
  ports: DrawingPorts & { readonly service: Pick<ReleaseService, 'mayRead'> },
  { text, by }: { readonly text: string; readonly by: string },
): Promise<{ window: Omit<HotfixModalFacts, 'metadata'> } | { message: PrivateMessage }> {
  const { apps, store } = ports
  const command = parseHotfix(text, apps)
  if (command.is === 'modal' || command.is === 'hotfix') {
    const refused = await ports.service.mayRead(by)
    if (refused !== undefined) return refuse(refused.refused)
  }
  switch (command.is) {
    case 'help':
      return { message: { is: 'help', ...defined({ reason: command.reason }) } }
    case 'refused':
      return refuse(refuseUnfollowedBranch(command.refusal, command.commits))
    case 'modal': {
      const all = apps.flatMap(({ environments }) => environments)
      const current = await Promise.all(all.map(({ app, name }) => store.current(app, name)))
      return { window: { apps, superseded: current.filter((one) => one !== undefined).filter(canBeSuperseded) } }
    }
    case 'hotfix': {
      const { app, environment, commits } = command
      if (commits.length > MAX_PICKS) {
        return refuse({ gate: 'too_many_commits', count: commits.length, most: MAX_PICKS })
      }
      const current = await store.current(app, environment)
      if (current !== undefined && !canBeSuperseded(current)) return refuse(await busy(ports, current))
      const filled = { app, environment, commits }
      return { window: { apps, filled, superseded: current === undefined ? [] : [current] } }
    }
  }
}

/** Requests the hot-fix that a modal describes. `ends`: the releases that the modal said it ends. */
export async function requestHotfix(
  service: ReleaseService,
  values: Readonly<Record<string, string>>,
  asked: Pick<RequestCommand, 'by' | 'key' | 'responseUrl' | 'ends' | 'forEmergency'>,
): Promise<Requested> {
  const read = readCommits(values[HOTFIX_FIELD.commits] ?? '')
  if ('refused' in read) return read
  const reason = values[HOTFIX_FIELD.reason]?.trim() ?? ''
  const refused = hotfixRefusal({ picks: read.commits, reason, sure: values[HOTFIX_FIELD.sure] === SURE })
  if (refused !== undefined) return { refused }
  const { app = '', environment = '' } = values
  return service.request({ app, environment, kind: 'hotfix', picks: read.commits, reason, ...asked })
}

function canBeSuperseded({ state }: Release): boolean {
  return SUPERSEDED_BY_HOTFIX.includes(state)
}

function refuse(refusal: Refusal): { message: PrivateMessage } {
  return { message: { is: 'refusal', refusal } }
}

async function busy({ directory }: DrawingPorts, release: Release): Promise<Refusal> {
  return environmentBusy(release, release.card && (await directory.permalink(release.card)))
}
