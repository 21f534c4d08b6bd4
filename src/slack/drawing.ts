/** Gathers the facts that a message needs beside the release, and draws it. */
import { defined } from '../lib/defined.ts'
import type { Action } from '../release/actions.ts'
import { producedCommit } from '../release/bound.ts'
import {
  approvers,
  emergencyPeople,
  groupsOf,
  migrationApprovers,
  type Owed,
  owed,
  qaPeople,
} from '../release/policy.ts'
import type { Store } from '../release/ports/store.ts'
import type { ServiceWords } from '../release/ports/words.ts'
import { countsAsProof, proofOf } from '../release/proof.ts'
import { isEmergency, type Release } from '../release/release.ts'
import { type App, type Environment, findApp, findEnvironment, type Progress } from '../release/settings.ts'
import { expiryOf } from '../release/transitions/index.ts'
import type { Ungivable } from '../release/who-can-sign.ts'
import { missingWorker } from '../release/workers.ts'
import { ACTION_VIEWS } from './actions.ts'
import type { SlackDirectory } from './directory.ts'
import { buttonsOf, questionOf } from './views/buttons.ts'
import { card } from './views/card.ts'
import type { Drawn } from './views/parts/blocks.ts'
import type { AuthorsInSlack, People } from './views/parts/people.ts'
import type { ProofNow } from './views/parts/proof.ts'
import { ungivableWords } from './views/parts/ungivable.ts'
import { findUngivable } from './who-can-sign.ts'

/** How many releases back the one that made the running commit is looked for. */
const PREVIOUS = 10

export interface DrawingPorts {
  readonly store: Store
  readonly directory: SlackDirectory
  readonly apps: readonly App[]
  readonly progress: Progress
  /** The words for the forge, the platforms and the migrator. */
  readonly services: ServiceWords
  /** The bot's own name in this workspace. */
  readonly botName?: string
  readonly log?: { warn(fields: object, message: string): void }
}

/** The environment of a release; undefined when releases.yml no longer declares it. */
export function environmentOf(
  apps: readonly App[],
  release: { app: string; environment: string },
): Environment | undefined {
  const app = findApp(apps, release.app)
  return app && findEnvironment(app, release.environment)
}

/** Slack ids of the groups and names of the people in an environment's lists, and the words for the services. */
export async function peopleOf(
  { directory, services, botName }: DrawingPorts,
  environment: Environment,
): Promise<People> {
  const lists = [approvers, qaPeople, emergencyPeople, migrationApprovers].map((people) => people(environment))
  const ids = [...new Set(lists.flatMap((list) => (typeof list === 'string' ? [] : list)))].filter(
    (id) => !id.startsWith('@'),
  )
  const [groupIds, found] = await Promise.all([
    directory.groupIds(groupsOf(environment)),
    Promise.all(ids.slice(0, 10).map((id) => directory.person(id))),
  ])
  const names = Object.fromEntries(
    found.flatMap((person) => (person.is === 'member' ? [[person.id, person.name]] : [])),
  )
  return { services, groupIds, names, ...defined({ botName }) }
}

/**
 * Draws the card of a release from the store. `first`: its first post, which mentions those who can sign. `isPosted`: it is
 * posted, which notifies the people that it mentions, and not edited.
 */
export async function drawCard(
  ports: DrawingPorts,
  release: Release,
  environment: Environment,
  { first, isPosted = first, progress }: { first: boolean; isPosted?: boolean; progress?: Progress },
): Promise<Drawn> {
  const { store } = ports
  const owing = owed(environment, release)
  const awaiting = release.state === 'awaiting sign-off'
  const mayBeHeld = awaiting || release.state === 'scheduled'
  const waits =
    release.state === 'planning' ||
    release.state === 'approved' ||
    (release.state === 'running' && release.workerMissingShown === true)
  // A button's token knows whether it asks, which depends on the time.
  const now = await store.now()
  const [tokens, people, workers, previous, unmatched, link, ungivable, locks, proof, authors, usualMs] =
    await Promise.all([
      buttonTokens(store, release, { owed: owing, environment, now }),
      peopleOf(ports, environment),
      waits ? store.workers() : [],
      awaiting
        ? store.releases({ app: release.app, environment: release.environment, states: ['succeeded'], limit: PREVIOUS })
        : [],
      awaiting ? ports.directory.unmatched((release.plan?.authors ?? []).map(({ email }) => email)) : undefined,
      replacementLink(ports, release),
      awaiting || isEmergency(release) ? findUngivable(ports.directory, release, owing) : [],
      mayBeHeld ? store.locks({ open: true, app: release.app, environment: release.environment }) : [],
      mayBeHeld ? proofNow(store, release) : undefined,
      authorsAsked(ports, owing),
      release.state === 'running' ? store.usualRunMs(release) : undefined,
    ])
  reportUngivable(ports, release, ungivable)
  const runs = release.plan?.bound.remote.runs
  const live = previous.find((one) => runs != null && producedCommit(one)?.startsWith(runs))
  // Its time starts when Slack confirms this post.
  const expiresAt = release.expiresAt ?? (awaiting && first ? expiryOf(environment, now) : undefined)
  return card(
    { ...release, ...defined({ expiresAt }) },
    {
      ...people,
      environment,
      tokens,
      progress: progress ?? ports.progress,
      owed: owing,
      now,
      mentionGroups: first && awaiting,
      mentionPeople: !isPosted,
      ungivable,
      locks,
      link: (number) => (number === release.replacedBy ? link : undefined),
      ...defined({
        previous: live?.endedAt && { number: live.number, at: live.endedAt },
        unmatchedAuthors: unmatched === 0 ? undefined : unmatched,
        proof,
        authorsInSlack: authors,
        usualMs,
        noWorker: waits ? missingWorker(workers, now, environment) : undefined,
      }),
    },
  )
}

/** Looked up only where the release asks for QA of each change: few of the names are drawn. */
const MOST_AUTHORS = 10

/** The authors of untested changes in Slack, by e-mail; undefined where QA is not asked for each change. */
export async function authorsAsked(
  { directory }: Pick<DrawingPorts, 'directory'>,
  owing: readonly Owed[],
): Promise<AuthorsInSlack | undefined> {
  const authors = owing.flatMap(({ changes }) => changes?.authors ?? [])
  return authors.length === 0 ? undefined : directory.authors(authors.slice(0, MOST_AUTHORS).map(({ email }) => email))
}

/** The proof of its commit by what the releases that proved it count for now; undefined where nothing is shown of it. */
export async function proofNow(store: Pick<Store, 'release'>, release: Release): Promise<ProofNow | undefined> {
  const proof = proofOf(release)
  if (proof === undefined) return undefined
  const { on, commit, runs } = proof
  const noLonger: number[] = []
  for (const { number } of proof.by) {
    const proving = await store.release(number)
    if (proving !== undefined && countsAsProof(proving)) return { on, commit, by: number, noLonger: [] }
    noLonger.push(number)
  }
  return { on, commit, noLonger, ...defined({ runs }) }
}

/** What was logged for the same directory: a card is drawn many times. */
const logged = new WeakMap<object, Set<string>>()

function reportUngivable({ directory, log }: DrawingPorts, release: Release, ungivable: readonly Ungivable[]): void {
  const seen = logged.get(directory) ?? new Set()
  logged.set(directory, seen)
  for (const one of ungivable) {
    const words = ungivableWords(one)
    const key = `${release.number} ${words}`
    if (seen.has(key)) continue
    if (seen.size > 1_000) seen.clear()
    seen.add(key)
    const { number, app, environment } = release
    log?.warn({ release: number, app, environment }, words)
  }
}

/** The token of a release's button; the same for each call. `asks`: the button asks before the click is sent. */
export function tokenFor(store: Store, release: Release, action: Action, asks: boolean): Promise<string> {
  return store.buttonToken(release.number, ACTION_VIEWS[action].id, { asks })
}

async function buttonTokens(
  store: Store,
  release: Release,
  facts: { readonly owed: readonly Owed[]; readonly environment: Environment; readonly now: Date },
): Promise<Partial<Record<Action, string>>> {
  const tokens = await Promise.all(
    buttonsOf(release, facts.owed).map(async (action) => {
      const asks = questionOf(action, release, facts) !== undefined
      return [action, await tokenFor(store, release, action, asks)] as const
    }),
  )
  return Object.fromEntries(tokens)
}

async function replacementLink(
  { store, directory }: DrawingPorts,
  { replacedBy }: Release,
): Promise<string | undefined> {
  if (replacedBy === undefined) return undefined
  const other = await store.release(replacedBy)
  return other?.card && directory.permalink(other.card)
}
