/** What a rollback's plan says: where it goes back to, what goes away, and what the old code finds in the database. */
import type { Button, KnownBlock } from '@slack/types'
import { oldCodeCanRun } from '../../release/old-code.ts'
import type { Plan } from '../../release/plan.ts'
import type { ServiceWords } from '../../release/ports/words.ts'
import { worstFirst } from '../../release/risks.ts'
import type { AppliedMigration, RollbackPlan } from '../../release/rollback-plan.ts'
import { bold, bullets, code, commitLink, type Line, rich, section, words } from './parts/blocks.ts'
import { RISK_WORDS } from './parts/facts.ts'
import { missedWords, requiredWords, unknownWords } from './parts/rollback.ts'
import { capital, counted, cut, date, defused, eight, link, names, oneLine, short } from './parts/text.ts'

const COMMITS = 5
const MIGRATIONS = 3
const MISSED = 4
const TITLE = 64

/** For the card and for the plan that its requester sees first. `details` sits beside the target. */
export function rollbackBlocks(
  plan: Plan,
  rollback: RollbackPlan,
  services: ServiceWords,
  details: Button | undefined,
): KnownBlock[] {
  return [
    section(targetLines(plan, rollback, services), details),
    ...commits(plan, services, details),
    ...schema(rollback),
  ]
}

function targetLines({ webUrl }: Plan, { to, from }: RollbackPlan, services: ServiceWords): string[] {
  const commit = link(services.forge.pages.commit(webUrl, to.commit), short(to.commit))
  return [
    `*Back to #${to.number}*, ${commit} · ${defused(to.requester.name, 40)}, ${date(new Date(to.at))}`,
    ...(from === undefined
      ? []
      : [
          `Takes back #${from.number}, ${short(from.commit)} · ${defused(from.requester.name, 40)}, ${date(new Date(from.at))}`,
        ]),
  ]
}

function commits(plan: Plan, services: ServiceWords, details: Button | undefined): KnownBlock[] {
  if (plan.commitCount === 0) return []
  const shown = plan.commits.slice(0, COMMITS)
  const lines = shown.map(
    ({ sha, title }): Line => [commitLink(services, plan.webUrl, sha), ` ${cut(oneLine(title), TITLE)}`],
  )
  const left = plan.commitCount - shown.length
  if (left > 0) lines.push([`and ${left} more${details === undefined ? '' : ', under Details'}`])
  const authors = [...new Set(plan.authors.map(({ name }) => name))]
  const by = authors.length === 0 ? '' : ` by ${names(authors)}`
  const go = plan.commitCount === 1 ? 'goes' : 'go'
  return [section(`*${counted(plan.commitCount, 'commit')}*${by} ${go} away`), rich(bullets(lines))]
}

/** The migrations since, and whether the old code can run on them. */
function schema(rollback: RollbackPlan): KnownBlock[] {
  const { migrations, unknowns, to } = rollback
  const missed = missedWords(rollback)
  const required = requiredWords(rollback)
  const lines = worstFirst(migrations).slice(0, MIGRATIONS).map(appliedLine)
  const left = migrations.length - lines.length
  if (left > 0) lines.push([`and ${left} more`])
  const since = `${counted(migrations.length, 'migration')} since #${to.number} ${migrations.length === 1 ? 'stays' : 'stay'} applied`
  return [
    ...(migrations.length === 0
      ? []
      : [
          section(`*${since}*${oldCodeCanRun(rollback) ? ': the old code can run on this schema' : ''}`),
          rich(bullets(lines)),
        ]),
    ...(missed.length === 0
      ? []
      : [section(':warning: *The old code may not run on this schema.* It may miss:'), rich(bullets(some(missed)))]),
    ...(required.length === 0
      ? []
      : [section('Required since, so old code that leaves it empty can’t write:'), rich(bullets(some(required)))]),
    ...(unknowns.length === 0
      ? []
      : [
          section(`:warning: *Not known*, so it has to be discussed first:`),
          rich(bullets(unknowns.map((unknown): Line => [capital(unknownWords(unknown))]))),
        ]),
  ]
}

function some(all: readonly string[]): Line[] {
  const left = all.length - MISSED
  return [...all.slice(0, MISSED).map((what): Line => [capital(what)]), ...(left > 0 ? [[`and ${left} more`]] : [])]
}

function appliedLine({ revision, message, database, risk, release, unsure }: AppliedMigration): Line {
  const of = database === undefined ? '' : ` · ${database}`
  const maybe = unsure ? ', perhaps' : ''
  return [
    `${eight(revision)} ${cut(oneLine(message), TITLE)}${of} · by #${release}${maybe}`,
    ...(risk === undefined ? [] : [' · ', risk === 'adds' ? words(RISK_WORDS[risk]) : bold(RISK_WORDS[risk])]),
  ]
}

/** `No migrations since #40 · Repository and database stay as they are`, for the card's line of facts. */
export function rollbackFound({ migrations, unknowns, to }: RollbackPlan): string[] {
  const isKnown = !unknowns.some(({ what }) => what === 'runs')
  return [
    ...(migrations.length === 0 && isKnown ? [`No migrations since #${to.number}`] : []),
    'Repository and database stay as they are',
  ]
}

/** For Details: where it goes back to, above the commits that go away. */
export function rollbackTarget(plan: Plan, rollback: RollbackPlan, services: ServiceWords): KnownBlock[] {
  return [section(targetLines(plan, rollback, services))]
}

/** For Details: every migration since, with what the old code may miss. */
export function rollbackDetails(rollback: RollbackPlan): KnownBlock[] {
  const { migrations, unknowns, to } = rollback
  const shown = migrations.slice(0, 60)
  const lines = shown.map(({ file, findings = [], ...migration }): Line => {
    const found = findings.filter(({ risk }) => risk === 'destroys' || risk === 'unknown').slice(0, 4)
    return [
      code(eight(migration.revision)),
      ` ${cut(oneLine(migration.message), 120)} · by #${migration.release}${migration.unsure ? ', perhaps' : ''}${migration.risk === undefined ? '' : ` · ${RISK_WORDS[migration.risk]}`}`,
      ...found.flatMap(({ what }) => [`\n${cut(oneLine(what), 120)}`]),
    ]
  })
  if (migrations.length > shown.length) lines.push([`and ${migrations.length - shown.length} more`])
  return [
    section(
      migrations.length === 0
        ? `*No migrations since #${to.number}*`
        : `*${counted(migrations.length, 'migration')} since #${to.number}*, which ${migrations.length === 1 ? 'stays' : 'stay'} applied`,
    ),
    ...(lines.length === 0 ? [] : [rich(bullets(lines))]),
    ...(unknowns.length === 0
      ? []
      : [section('*Not known*'), rich(bullets(unknowns.map((one): Line => [capital(unknownWords(one))])))]),
  ]
}
