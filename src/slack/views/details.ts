/** The Details modal: everything that a plan deploys, within the limits of a modal. */
import type { KnownBlock, ModalView, RichTextBlockElement } from '@slack/types'
import { type BoundDatabase, databasesOf, type Plan } from '../../release/plan.ts'
import type { ServiceWords } from '../../release/ports/words.ts'
import { missingForMerge, type Release, step } from '../../release/release.ts'
import type { Environment } from '../../release/settings.ts'
import type { Isolation } from '../../release/terms.ts'
import { VIEW } from '../ids.ts'
import { pickDetails } from './hotfix-plan.ts'
import { migrationDetails } from './migrations.ts'
import {
  bold,
  bullets,
  code,
  commitLink,
  context,
  header,
  type Line,
  plain,
  quote,
  rich,
  richDate,
  richLines,
  richLink,
  richSection,
  section,
} from './parts/blocks.ts'
import { called, migrationCount, NO_COMMITS, RISK_WORDS, stepsInOrder, title } from './parts/facts.ts'
import type { People } from './parts/people.ts'
import { withNamesApart } from './parts/persons.ts'
import { type ProofNow, proofWords } from './parts/proof.ts'
import { capital, counted, cut, defused, duration, eight, isWebAddress, oneLine } from './parts/text.ts'
import { problemOf } from './problem.ts'

const COMMITS = 200
const PER_BLOCK = 50
const FILES = 60
const MIGRATIONS = 60
const AUTHORS = 50

/** Commits, files with a link to compare, migrations, gates and bound facts, sign-offs with their notes, steps. */
export function detailsModal(
  stored: Release,
  {
    environment,
    proof,
    ...people
  }: People & {
    readonly environment: Environment
    readonly now?: Date
    readonly proof?: ProofNow
  },
): ModalView {
  const release = withNamesApart(stored)
  const plan = release.plan
  return {
    type: 'modal',
    callback_id: VIEW.details,
    title: plain(`${called(release)}`, 24),
    close: plain('Close', 24),
    blocks: [
      header(title(release)),
      ...(plan === undefined
        ? [section('There is no plan yet.')]
        : planParts(plan, people.services, onForge(release, plan))),
      ...gates(release, environment, people, proof),
      ...signed(release),
      ...steps(release),
    ],
  }
}

/** Whether the forge has a commit to link to: without a pull request, a hot-fix's commits are there only when picked. */
type OnForge = (commit: string) => boolean

function onForge(release: Release, plan: Plan): OnForge {
  const isPicked = plan.bound.result.how !== 'commit' || step(release, 'pick')?.state === 'done'
  const made = isPicked ? [] : (plan.hotfix?.picks ?? []).map((pick) => pick.made)
  return (commit) => !made.includes(commit)
}

function planParts(plan: Plan, services: ServiceWords, isThere: OnForge): KnownBlock[] {
  return [
    ...(plan.hotfix === undefined ? [] : pickDetails(plan, plan.hotfix, services)),
    ...commits(plan, services, isThere),
    ...files(plan, services, isThere),
    ...migrations(plan, services),
    ...isolation(plan),
    ...warnings(plan),
  ]
}

function grouped(lines: readonly Line[]): KnownBlock[] {
  const groups: RichTextBlockElement[] = []
  for (let from = 0; from < lines.length; from += PER_BLOCK) groups.push(bullets(lines.slice(from, from + PER_BLOCK)))
  return groups.map((group) => rich(group))
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
      `*${plan.commitCount === 0 ? capital(NO_COMMITS) : counted(plan.commitCount, 'commit')}*${plan.firstRelease ? ', the first release' : ''}`,
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
  return forge.pages.compare(plan.webUrl, { from: holds, to })
}

function files(plan: Plan, services: ServiceWords, isThere: OnForge): KnownBlock[] {
  const shown = plan.files.list.slice(0, FILES)
  const left = plan.files.count - shown.length
  const url = compareUrl(plan, services, isThere)
  const lines: Line[] = shown.map(({ path, added, removed }) => [`${cut(oneLine(path), 160)}  +${added} −${removed}`])
  if (left > 0) lines.push([`and ${left} more`])
  const head: Line = [
    bold(counted(plan.files.count, 'file')),
    ' changed since the commit on the remote',
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

/** The facts that the gates checked and that the fingerprint covers. */
function gates(release: Release, environment: Environment, people: People, proof?: ProofNow): KnownBlock[] {
  const plan = release.plan
  const { services } = people
  const problem = problemOf(release, people)
  const lines: Line[] = []
  if (plan !== undefined) {
    const { bound } = plan
    lines.push(
      [
        'Remote: ',
        code(environment.remote.name),
        ' has ',
        held(plan, services, bound.remote.holds),
        ', runs ',
        plan.runsUnknown ? 'a commit that is not known' : held(plan, services, bound.remote.runs),
      ],
      [
        'Deploys: ',
        ...(bound.result.how === 'merge'
          ? [
              'the merge of ',
              commitLink(services, plan.webUrl, bound.result.parents[1]),
              ' into ',
              commitLink(services, plan.webUrl, bound.result.parents[0]),
              ', clean',
            ]
          : [
              commitLink(
                services,
                onForge(release, plan)(bound.result.commit) ? plan.webUrl : undefined,
                bound.result.commit,
              ),
              ...(bound.result.how === 'fast-forward'
                ? [`, to which ${cut(bound.target.branch, 60)} is fast-forwarded`]
                : []),
            ]),
        ', tree ',
        code(eight(bound.result.tree)),
      ],
      ...plan.checks
        .slice(0, 30)
        .map(
          (check): Line => ['Check: ', richLink(check.url, cut(oneLine(check.name), 64) || 'check'), ` ${check.state}`],
        ),
    )
    if (plan.checks.length === 0) lines.push(['Checks: none'])
    if (proof !== undefined) lines.push([proofWords(proof)])
    lines.push(
      ...missingForMerge(release).map(
        ({ needs }): Line => [`${services.forge.name} asks for: ${cut(oneLine(needs), 160)}`],
      ),
    )
  }
  if (release.fingerprint !== undefined) lines.push(['Fingerprint: ', code(release.fingerprint)])
  if (problem !== undefined)
    lines.push([bold(capital(problem.why)), ' · Gate: ', code(release.problem?.because.gate ?? '')])
  return lines.length === 0 ? [] : [section('*Gates*, and the facts they checked'), ...grouped(lines)]
}

function held(plan: Plan, services: ServiceWords, commit: string | null) {
  return commit === null ? 'nothing' : commitLink(services, plan.webUrl, commit)
}

/** Every recorded sign-off, with its whole note. */
function signed(release: Release): KnownBlock[] {
  const shown = release.signOffs.slice(0, 12)
  if (shown.length === 0) return []
  const count = release.signOffs.length - shown.length
  return [
    section('*Sign-offs*'),
    ...shown.map((one) =>
      rich(
        richSection([
          `${one.kind === 'qa' ? 'QA' : capital(one.kind)} by ${cut(oneLine(one.person.name), 40)}, ${rightOf(one.right)}: `,
          richDate(one.at),
        ]),
        ...(one.note === undefined || one.note.trim() === '' ? [] : [quote(one.note, 3000)]),
      ),
    ),
    ...(count > 0 ? [context(`and ${count} more`)] : []),
  ]
}

function steps(release: Release): KnownBlock[] {
  const rows = stepsInOrder(release)
  if (rows.length === 0) return []
  const lines = rows.map((row): Line => {
    const { startedAt, endedAt, result } = row
    const lasted =
      startedAt === undefined || endedAt === undefined ? '' : ` (${duration(endedAt.getTime() - startedAt.getTime())})`
    const said = result?.said === undefined ? '' : ` · ${cut(oneLine(result.said), 200)}`
    return [bold(capital(row.name)), `: ${row.state}${lasted}${said}`]
  })
  return [
    section(`*Steps*${release.attempt > 1 ? `, attempt ${defused(String(release.attempt))}` : ''}`),
    rich(bullets(lines)),
  ]
}

/** Where the right came from: `as a member of @release-approvers`, `as named by id`, `as a full member`. */
function rightOf(right: string): string {
  if (right.startsWith('@')) return `as a member of ${cut(oneLine(right), 60)}`
  return right === 'every full member' ? 'as a full member' : `as ${cut(oneLine(right), 60)}`
}
