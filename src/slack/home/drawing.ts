/** Gathers what a person's Home shows, from what is stored, and draws it. */
import type { HomeView } from '@slack/types'
import { defined } from '../../lib/defined.ts'
import type { FiguresFound } from '../../release/figures.ts'
import { waitingFor } from '../../release/home.ts'
import { owed, type Person } from '../../release/policy.ts'
import type { Release } from '../../release/release.ts'
import { type EnvironmentsStatus, environmentsStatus } from '../../release/status.ts'
import { type DrawingPorts, environmentOf, tokenFor } from '../drawing.ts'
import { guestHome, home } from '../views/home/home.ts'
import { OWN_RELEASES } from '../views/home/own-releases.ts'
import { personOf } from './person.ts'
import { createPlaces } from './places.ts'

/** What every Home shows alike. */
interface Shared {
  readonly status: EnvironmentsStatus
  /** Sent out as emergencies, with sign-offs that are still owed. */
  readonly owing: readonly Release[]
  readonly figures: FiguresFound
}

export interface HomeDrawingPorts extends DrawingPorts {
  /** False: the team has switched direct messages off. */
  readonly directMessages: boolean
}

/** Time alone changes what is shared, such as a freeze that begins. */
const SHARED_FOR_MS = 10_000
const MOST_EMERGENCIES = 100
/** Nobody is reminded of an older one either. */
const EMERGENCIES_FOR_MS = 29 * 24 * 60 * 60_000

export interface HomeDrawing {
  /**
   * Draws the Home of a person. `events`: the number of events that it must know of. `unknown`: Slack does not say who they
   * are, and nothing may be shown.
   */
  draw(person: string, events: number): Promise<HomeView | 'unknown'>
}

/** `directory`: everybody whom it takes for a member is shown everything, so it decides how old an answer of Slack's may be. */
export function createHomeDrawing(ports: HomeDrawingPorts): HomeDrawing {
  const { store, directory, apps, services } = ports
  const places = createPlaces(ports)
  let last: { readonly events: number; readonly at: number; readonly shared: Promise<Shared> } | undefined

  async function read(now: Date): Promise<Shared> {
    const [status, figures, emergencies] = await Promise.all([
      environmentsStatus({ store, apps, services }),
      store.figures({ days: 30, until: now }),
      store.releases({
        states: ['succeeded', 'closed'],
        emergencySince: new Date(now.getTime() - EMERGENCIES_FOR_MS),
        limit: MOST_EMERGENCIES,
      }),
    ])
    const owing = emergencies.filter((release) => {
      const environment = environmentOf(apps, release)
      return environment !== undefined && owed(environment, release).length > 0
    })
    return { status, owing, figures }
  }

  /** Several Homes are drawn after one event: what they share is read once. */
  function sharedAt(events: number, now: Date): Promise<Shared> {
    const age = last === undefined ? 0 : performance.now() - last.at
    if (last === undefined || last.events !== events || age > SHARED_FOR_MS) {
      const shared = read(now)
      last = { events, at: performance.now(), shared }
      shared.catch(() => {
        last = undefined
      })
    }
    return last.shared
  }

  async function drawFor(person: Person, events: number): Promise<HomeView> {
    const now = await store.now()
    const [{ status, owing, figures }, own, choices] = await Promise.all([
      sharedAt(events, now),
      store.releases({ requester: person.id, limit: OWN_RELEASES }),
      ports.directMessages ? store.directMessages(person.id) : undefined,
    ])
    const underWay = status.environments.flatMap(({ under_way: release }) => (release === undefined ? [] : [release]))
    const environmentFor = (release: Release) => environmentOf(apps, release)
    const waiting = waitingFor(person, [...underWay, ...owing], { now, environmentOf: environmentFor })
    const cards = [...own, ...waiting.map(({ release }) => release)]
    const { menuOf, tokenOf, link } = await places.read(status, person, cards)
    const goes = waiting.filter(({ what }) => what.is === 'go')
    const goTokens = new Map(
      await Promise.all(
        goes.map(async ({ release }) => [release.number, await tokenFor(store, release, 'go', true)] as const),
      ),
    )
    const unlisted = person.unknownGroups ?? []
    const facts = { services, now, waiting, unlisted, status, menuOf, tokenOf, own, link, goTokens, figures }
    return home({ ...facts, ...defined({ choices }) })
  }

  return {
    async draw(id, events) {
      const found = await personOf(directory, id, apps)
      if (found.is === 'unknown') return 'unknown'
      return found.is === 'member' ? drawFor(found.person, events) : guestHome()
    },
  }
}
