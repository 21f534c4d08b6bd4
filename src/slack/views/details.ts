/** The Details modal: everything that a plan deploys, within the limits of a modal. */
import type { KnownBlock, ModalView } from '@slack/types'
import { defined } from '../../lib/defined.ts'
import type { Action } from '../../release/actions.ts'
import { isAutomatic } from '../../release/automatic.ts'
import type { Lock } from '../../release/lock.ts'
import { type BoundDatabase, databasesOf, type Plan } from '../../release/plan.ts'
import type { ServiceWords } from '../../release/ports/words.ts'
import type { Release } from '../../release/release.ts'
import type { Environment } from '../../release/settings.ts'
import { hasEnded, type Isolation } from '../../release/terms.ts'
import { VIEW } from '../ids.ts'
import { button } from './buttons.ts'
import { gates, grouped, type OnForge, onForge, signed, steps } from './details-of-run.ts'
import { pickDetails } from './hotfix-plan.ts'
import { migrationDetails } from './migrations.ts'
import {
  actions,
  bold,
  bullets,
  code,
  commitLink,
  context,
  header,
  type Line,
  plain,
  rich,
  richLines,
  richLink,
  section,
} from './parts/blocks.ts'
import { changesInDetails } from './parts/changes.ts'
import { called, migrationCount, NO_COMMITS, RISK_WORDS, title } from './parts/facts.ts'
import { lockDetails } from './parts/lock-lines.ts'
import { badMark, markedInDetails } from './parts/mark.ts'
import type { People } from './parts/people.ts'
import { byWhom, withNamesApart } from './parts/persons.ts'
import type { ProofNow } from './parts/proof.ts'
import { goesAway } from './parts/rollback.ts'
import { capital, counted, cut, date, eight, isWebAddress, oneLine } from './parts/text.ts'
import { rollbackDetails, rollbackTarget } from './rollback-plan.ts'

const COMMITS = 200
const FILES = 60
const MIGRATIONS = 60
const AUTHORS = 50

export interface DetailsFacts extends People {
  readonly environment: Environment
  readonly now?: Date
  /** The open locks of its environment and of all. */
  readonly locks?: readonly Lock[]
  /** Whether its commit is proven on the environment that it is promoted from. */
  readonly proof?: ProofNow
  /** Comes back with a press of its buttons. */
  readonly metadata?: string
  /** A token for each of `buttonsOfDetails(release)`; a button without one is left out. */
  readonly tokens?: Readonly<Partial<Record<Action, string>>>
}

/** The buttons of Details: what may be done once a release has ended. */
export function buttonsOfDetails(release: Release): readonly Action[] {
  const { state } = release
  const canBeMarked = state === 'succeeded' && badMark(release) === undefined
  return [
    // What a closed release has pushed may run.
    ...(state === 'succeeded' || state === 'closed' ? (['roll back'] as const) : []),
    ...(canBeMarked ? (['mark bad'] as const) : []),
  ]
}

/** Commits, files with a link to compare, migrations, gates and bound facts, sign-offs with their notes, steps. */
export function detailsModal(
  stored: Release,
  { environment, metadata, tokens = {}, locks = [], now, proof, ...people }: DetailsFacts,
): ModalView {
  const release = withNamesApart(stored)
  const plan = release.plan
  return {
    type: 'modal',
    callback_id: VIEW.details,
    title: plain(`${called(release)}`, 24),
    close: plain('Close', 24),
    ...defined({ private_metadata: metadata }),
    blocks: [
      header(title(release)),
      ...actions(
        buttonsOfDetails(release).flatMap((action) => {
          const token = tokens[action]
          return token === undefined ? [] : [button(action, release, { token, isPrimary: false })]
        }),
      ),
      ...markedInDetails(release),
      ...(isAutomatic(release) ? [context(`Requested ${byWhom(release)}, ${date(release.requestedAt)}`)] : []),
      ...(plan === undefined
        ? [section('There is no plan yet.')]
        : planParts(plan, people.services, onForge(release, plan))),
      ...(now && !hasEnded(release.state) ? lockDetails(release, locks, now) : []),
      ...gates(release, environment, people, proof),
      ...changesInDetails(release),
      ...signed(release),
      ...steps(release),
    ],
  }
}

function planParts(plan: Plan, services: ServiceWords, isThere: OnForge): KnownBlock[] {
  return [
    ...(plan.hotfix === undefined ? [] : pickDetails(plan, plan.hotfix, services)),
    ...(plan.rollback === undefined ? [] : rollbackTarget(plan, plan.rollback, services)),
    ...commits(plan, services, isThere),
    ...(plan.rollback === undefined ? [] : rollbackDetails(plan.rollback)),
    ...files(plan, services, isThere),
    ...migrations(plan, services),
    ...isolation(plan),
    ...warnings(plan),
  ]
}

function commits(plan: Plan, services: ServiceWords, isThere: OnForge): KnownBlock[] {
  const shown = plan.commits.slice(0, COMMITS)
  const left = plan.commitCount - shown.length
  const lines: Line[] = shown.map(({ sha, title: words, author }) => [
    commitLink(services, isThere(sha) ? plan.webUrl : undefined, sha),
    ` ${cut(oneLine(words), 120)} · ${cut(oneLine(author.name), 40)}`,
  ])
  if (left > 0) lines.push([`and ${left} more`])
  const authors = plan.authors.slice(0, AUTHORS).map(({ name }) => cut(oneLine(name), 40))
  const others = plan.authors.length - authors.length
  return [
    section(
      `*${plan.rollback === undefined ? (plan.commitCount === 0 ? capital(NO_COMMITS) : counted(plan.commitCount, 'commit')) : capital(goesAway(plan))}*${plan.firstRelease ? ', the first release' : ''}`,
    ),
    ...grouped(lines),
    ...(authors.length === 0
      ? []
      : [richLines([[bold('Authors: '), `${authors.join(', ')}${others > 0 ? ` and ${others} more` : ''}`]])]),
  ]
}

/** The forge's page that compares the remote's commit with the source. */
function compareUrl(plan: Plan, { forge }: ServiceWords, isThere: OnForge): string | undefined {
  const { holds } = plan.bound.remote
  const to = plan.bound.result.how === 'merge' ? plan.bound.source.commit : plan.bound.result.commit
  if (holds === null || holds === to || !isThere(to)) return undefined
  // What a rollback takes away is what the newer commit has.
  return forge.pages.compare(plan.webUrl, plan.rollback === undefined ? { from: holds, to } : { from: to, to: holds })
}

function files(plan: Plan, services: ServiceWords, isThere: OnForge): KnownBlock[] {
  const shown = plan.files.list.slice(0, FILES)
  const left = plan.files.count - shown.length
  const url = compareUrl(plan, services, isThere)
  const lines: Line[] = shown.map(({ path, added, removed }) => [`${cut(oneLine(path), 160)}  +${added} −${removed}`])
  if (left > 0) lines.push([`and ${left} more`])
  const head: Line = [
    bold(counted(plan.files.count, 'file')),
    plan.rollback === undefined ? ' changed since the commit on the remote' : ' change back',
    ...(url === undefined || !isWebAddress(url) ? [] : [' · ', richLink(url, 'Compare')]),
  ]
  return [richLines([head]), ...grouped(lines)]
}

function migrations(plan: Plan, services: ServiceWords): KnownBlock[] {
  const count = migrationCount(plan)
  const databases = databasesOf(plan.bound)
  if (databases.length === 0) return []
  const detailed = migrationDetails(plan, services)
  const others = plan.migrations.filter((migration) => !detailed.migrations.includes(migration))
  const shown = others.slice(0, MIGRATIONS)
  const lines: Line[] = shown.map(({ revision, message, database, file, risk }) => [
    code(eight(revision)),
    ` ${cut(oneLine(message), 120)}${database === undefined ? '' : ` · ${database}`}${risk === undefined ? '' : ` · ${RISK_WORDS[risk]}`}\n`,
    cut(oneLine(file), 160),
  ])
  const left = count - detailed.migrations.length - shown.length
  if (left > 0) lines.push([`and ${left} more`])
  return [
    richLines([
      [
        bold(count === 0 ? 'No migrations' : counted(count, 'migration')),
        ...(databases.length === 1 ? databases.map((only) => ` · ${databaseAt(only)}`) : []),
      ],
    ]),
    ...(databases.length > 1 ? [rich(bullets(databases.map((each): Line => [databaseAt(each)])))] : []),
    ...detailed.blocks,
    ...grouped(lines),
  ]
}

/** `the database db.example.com:5432/api is at 5f19ab44`; of several: with its name and what is pending. */
function databaseAt({ name, identity, revisions, pending }: BoundDatabase): string {
  const at = revisions.slice(0, 5).map(eight).join(', ')
  const place = `${cut(oneLine(identity), 120)} is at ${at === '' ? 'no revision yet' : at}`
  if (name === undefined) return `the database ${place}`
  return `${name}: ${place}, ${pending.length === 0 ? 'nothing pending' : `${counted(pending.length, 'migration')} pending`}`
}

const ISOLATION: Readonly<Record<Isolation, string>> = {
  bubblewrap: 'Planning ran the app’s migration code isolated from the worker’s host.',
  'other user': 'Planning ran the app’s migration code as another user of the worker’s host, with network.',
  none: 'Not isolated: planning ran the app’s migration code with the rights of the worker.',
}

function isolation(plan: Plan): KnownBlock[] {
  return plan.isolation === undefined ? [] : [context(ISOLATION[plan.isolation])]
}

function warnings(plan: Plan): KnownBlock[] {
  const shown = plan.warnings.slice(0, 30).map((warning): Line => [cut(oneLine(warning), 300)])
  return shown.length === 0 ? [] : [section('*Warnings*'), rich(bullets(shown))]
}
