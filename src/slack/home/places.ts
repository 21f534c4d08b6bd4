/** What a person can do at each environment, with the tokens and the addresses of cards that it needs. */
import {
  EVERYONE,
  lockPeople,
  type PeopleOf,
  type Person,
  permissionSource,
  stopSwitchPeople,
  takeOverPeople,
} from '../../release/policy.ts'
import type { Store } from '../../release/ports/store.ts'
import { type App, findApp, findEnvironment } from '../../release/settings.ts'
import type { EnvironmentsStatus } from '../../release/status.ts'
import type { Subject } from '../../release/subjects.ts'
import type { PostedMessage } from '../../release/terms.ts'
import type { SlackDirectory } from '../directory.ts'
import { HOME } from '../ids.ts'
import { rememberedByKey } from '../remembered.ts'
import type { HomeFacts } from '../views/home/home-facts.ts'
import type { HomeItem } from '../views/home/menu.ts'

type EnvironmentNow = EnvironmentsStatus['environments'][number]
export type Places = Pick<HomeFacts, 'menuOf' | 'tokenOf' | 'link'>

export interface PlacesPorts {
  readonly store: Store
  readonly directory: Pick<SlackDirectory, 'permalink'>
  readonly apps: readonly App[]
}

/** A card stays where it is, so its address is asked for once. */
const LINKS_KEPT_MS = 24 * 60 * 60_000
const UNKNOWN_LINKS_KEPT_MS = 30_000
const MOST_KEPT = 2_000

const keyOf = ({ app, environment }: { readonly app: string; readonly environment: string }) => `${app}/${environment}`

/** Keeps tokens and addresses, which never change, so that drawing a Home again asks for new ones only. */
export function createPlaces({ store, directory, apps }: PlacesPorts) {
  const linkTo = rememberedByKey({
    fetch: (key) => {
      const [channel = '', ts = ''] = key.split(' ')
      return directory.permalink({ channel, ts })
    },
    isDefinite: (found) => found !== undefined,
    keptMs: LINKS_KEPT_MS,
    unknownKeptMs: UNKNOWN_LINKS_KEPT_MS,
    most: MOST_KEPT,
  })
  const tokenOf = rememberedByKey({
    fetch: (key) => store.subjectToken(JSON.parse(key) as Subject, HOME.menu),
    isDefinite: () => true,
    keptMs: LINKS_KEPT_MS,
    unknownKeptMs: 0,
    most: MOST_KEPT,
  })
  const environments = apps.flatMap((each) => each.environments)

  /** Whether the person is, or may be, in the list: where Slack does not list a group, the press finds out. */
  function mayBe(people: PeopleOf, one: EnvironmentNow, person: Person): boolean {
    const app = findApp(apps, one.app)
    const environment = app && findEnvironment(app, one.environment)
    return environment !== undefined && isOn(people(environment), person)
  }

  return {
    /** `cards`: those of other releases that are shown. */
    async read(
      { environments: now, all }: EnvironmentsStatus,
      person: Person,
      cards: readonly { readonly number: number; readonly card?: PostedMessage }[] = [],
    ): Promise<Places> {
      const underWay = now.flatMap(({ under_way: release }) => (release === undefined ? [] : [release]))
      const found = await Promise.all(
        [...underWay, ...cards].map(
          async ({ number, card }) => [number, card && (await linkTo(`${card.channel} ${card.ts}`))] as const,
        ),
      )
      const links = new Map(found)
      const locks = [
        ...now.flatMap(({ lock }) => (lock === undefined ? [] : [lock])),
        ...(all === undefined ? [] : [all]),
      ]
      const [ofPlaces, ofLocks] = await Promise.all([
        tokens(now, keyOf, ({ app, environment }) => ({ is: 'environment', app, environment })),
        tokens(
          locks,
          ({ id }) => id,
          ({ id }) => ({ is: 'lock', id }),
        ),
      ])

      function lockItems(lock: (typeof locks)[number], { mayEnd, mayTake }: { mayEnd: boolean; mayTake: boolean }) {
        const token = ofLocks.get(lock.id) ?? ''
        const isOwn = lock.holder.id === person.id
        return [
          ...(isOwn ? [{ is: 'extend_lock', token } as const] : []),
          ...(isOwn || mayEnd ? [{ is: 'unlock', token } as const] : []),
          ...(!isOwn && mayTake ? [{ is: 'take_over', token } as const] : []),
        ]
      }

      function itemsOf(one: EnvironmentNow): readonly HomeItem[] {
        const { under_way: release, lock, live } = one
        const token = ofPlaces.get(keyOf(one)) ?? ''
        const url = release && links.get(release.number)
        const may = { mayEnd: mayBe(lockPeople, one, person), mayTake: mayBe(takeOverPeople, one, person) }
        return [
          ...(url === undefined ? [] : [{ is: 'card', url } as const]),
          ...(release === undefined ? [{ is: 'deploy', token } as const] : []),
          ...(lock === undefined ? (may.mayEnd ? [{ is: 'lock', token } as const] : []) : lockItems(lock, may)),
          ...(live?.is === 'proven' ? [{ is: 'roll_back', token } as const] : []),
        ]
      }

      return {
        link: (number) => links.get(number),
        tokenOf: (place) => ofPlaces.get(keyOf(place)),
        menuOf(place) {
          if (place === 'all') {
            const mayEnd = isOn(stopSwitchPeople(environments), person)
            return all === undefined ? [] : lockItems(all, { mayEnd, mayTake: false })
          }
          const one = now.find((each) => keyOf(each) === keyOf(place))
          return one === undefined ? [] : itemsOf(one)
        },
      }
    },
  }

  async function tokens<T, K>(
    of: readonly T[],
    key: (one: T) => K,
    subject: (one: T) => Subject,
  ): Promise<ReadonlyMap<K, string>> {
    return new Map(
      await Promise.all(of.map(async (one) => [key(one), await tokenOf(JSON.stringify(subject(one)))] as const)),
    )
  }
}

function isOn(list: ReturnType<PeopleOf>, person: Person): boolean {
  if (permissionSource(list, person) !== undefined) return true
  return list !== EVERYONE && list.some((entry) => person.unknownGroups?.includes(entry))
}
