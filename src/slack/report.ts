/** `/deploy report`, and its Share. */
import { defined } from '../lib/defined.ts'
import type { DeployCommand } from '../release/command.ts'
import type { ReportAsked } from '../release/messages.ts'
import { type App, type Environment, findApp, findEnvironment } from '../release/settings.ts'
import type { Subject } from '../release/subjects.ts'
import type { Arrival } from './payloads.ts'
import type { HandlerPorts } from './ports.ts'
import { type Reply, refused, STALE } from './replies.ts'

/** The figures of the period that ends now. */
export async function report(
  { service, store, apps }: HandlerPorts,
  { id: asked, user, channel }: Extract<Arrival, { is: 'command' }>,
  { app: named, environment, days }: Extract<DeployCommand, { is: 'report' }>,
): Promise<Reply> {
  const denied = await service.mayRead(user)
  if (denied !== undefined) return refused(denied.refused)
  const until = (await store.now()).toISOString()
  const [only, another] = apps
  const app = named ?? (another === undefined ? only?.name : undefined)
  return { is: 'report', days, until, asked, ...defined({ app, environment, channel }) }
}

/** **Share**: posts the report, once however often it is pressed, where it was asked or else in the app's channel. */
export async function pressShare(
  { service, store, directory, apps }: HandlerPorts,
  { arrival, subject }: { readonly arrival: Extract<Arrival, { is: 'press' }>; readonly subject: Subject },
): Promise<Reply> {
  if (subject.is !== 'report') return STALE
  const denied = await service.mayRead(arrival.user)
  if (denied !== undefined) return refused(denied.refused)
  const { is: _is, channel: askedIn, ...of } = subject
  const home = homeOf(apps, of)
  if (home === undefined) return STALE
  const { app, name: environment, channel: homeChannel } = home
  const channel = isOpenToOthers(askedIn) ? askedIn : undefined
  const found = await directory.person(arrival.user)
  const by = { id: arrival.user, name: found.is === 'member' ? found.name : arrival.user }
  const message = { is: 'report', app, environment, of, by, ...defined({ channel }) } as const
  await store.transaction((tx) => tx.send({ kind: 'channel', key: `report:${of.asked}`, message }))
  return { is: 'done', text: sharedText(channel, homeChannel) }
}

/** A direct message shows it to nobody else. */
function isOpenToOthers(channel: string | undefined): boolean {
  return channel !== undefined && !channel.startsWith('D')
}

function sharedText(channel: string | undefined, home: string): string {
  const where = home.startsWith('#') ? home : 'the app’s channel'
  if (channel === undefined) return `The report is posted in ${where}.`
  return `The report is posted here or, if Signoff isn’t in this channel, in ${where}. It is posted once.`
}

/**
 * The environment in whose channel a report is at home: its own or, of several, the first that people sign for. Undefined:
 * releases.yml no longer declares it.
 */
function homeOf(
  apps: readonly App[],
  { app, environment }: Pick<ReportAsked, 'app' | 'environment'>,
): Environment | undefined {
  const named = app === undefined ? apps : [findApp(apps, app)]
  const places = named.flatMap((each) => {
    if (each === undefined) return []
    if (environment === undefined) return each.environments
    return findEnvironment(each, environment) ?? []
  })
  return places.find(({ signOff }) => signOff !== undefined) ?? places[0]
}
