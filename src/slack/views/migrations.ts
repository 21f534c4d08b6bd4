/** What the migrations of a plan do: for the card, for the thread and for Details. */
import type { KnownBlock } from '@slack/types'
import type { Plan } from '../../release/plan.ts'
import type { PlannedMigration, SqlFinding } from '../../release/planned-migration.ts'
import type { ServiceWords } from '../../release/ports/words.ts'
import type { Release } from '../../release/release.ts'
import { worstFirst } from '../../release/risks.ts'
import {
  bold,
  bullets,
  code,
  context,
  type Drawn,
  type Line,
  preformatted,
  rich,
  richLines,
  richLink,
  richSection,
  section,
  words,
} from './parts/blocks.ts'
import { called, migrationCount, RISK_WORDS, risks } from './parts/facts.ts'
import type { People } from './parts/people.ts'
import { cleaned, counted, cut, duration, eight, oneLine } from './parts/text.ts'

const CHANGES_ON_CARD = 4
const LONGEST_URL = 500
// `json`: how long the blocks may be as Slack counts them, which takes 13,200 characters a message.
const THREAD = { migrations: 8, findings: 4, lines: 4, characters: 400, json: 9_000 }
const DETAILS = { migrations: 12, findings: 8, characters: 6_000, json: 20_000 }

/** A migration's file on the forge, at the commit to deploy. */
function fileUrl(plan: Plan, { forge }: ServiceWords, file: string): string {
  const { result, source } = plan.bound
  const url = forge.pages.file(plan.webUrl, result.how === 'merge' ? source.commit : result.commit, file)
  return url.length > LONGEST_URL ? plan.webUrl : url
}

function destructive(plan: Plan): readonly (readonly [PlannedMigration, SqlFinding])[] {
  return plan.migrations.flatMap((migration) =>
    (migration.findings ?? [])
      .filter(({ risk }) => risk === 'destroys')
      .map((finding): readonly [PlannedMigration, SqlFinding] => [migration, finding]),
  )
}

// ------------------------------------------------------------------------------------------------ the card

/** How long old code will run on the new schema, with each destructive change; empty without one. */
export function orderBlocks(plan: Plan, detailed: boolean): KnownBlock[] {
  const all = destructive(plan)
  if (all.length === 0) return []
  const lines = all
    .slice(0, CHANGES_ON_CARD)
    .map(([{ revision }, { what }]): Line => [`${cut(oneLine(what), 120)} (${eight(revision)})`])
  const left = all.length - lines.length
  if (left > 0) lines.push([`and ${left} more${detailed ? ', under Details' : ''}`])
  return [section(`:hourglass_flowing_sand: ${oldCodeWarning(plan)}`), rich(bullets(lines))]
}

function oldCodeWarning(plan: Plan): string {
  if (!plan.steps.includes('push'))
    return '*Old code will run on the new schema*: this release pushes nothing. Affected:'
  const times = (plan.lastPushesMs ?? []).map((ms) => duration(ms))
  const last = times.length === 1 ? 'the last release' : `the last ${times.length} releases`
  const lasted = times.length === 0 ? 'not measured yet' : `${listed(times)} in ${last}`
  return `*Old code will run on the new schema* until the push ends (${lasted}). Affected:`
}

function listed(items: readonly string[]): string {
  return items.length < 2 ? items.join('') : `${items.slice(0, -1).join(', ')} and ${items.at(-1)}`
}

// ------------------------------------------------------------------------------------------------ the thread

/** Each migration with its effect, why that matters, and the first lines of its SQL. */
export function migrationsLine(release: Release, { services }: Pick<People, 'services'>): Drawn {
  const { plan } = release
  if (plan === undefined || plan.migrations.length === 0) return { text: `${called(release)} has no migrations.` }
  const count = counted(migrationCount(plan), 'migration')
  const risky = risks(plan)
  const worst = worstFirst(plan.migrations).slice(0, THREAD.migrations)
  const shown = fitting(
    worst.map((migration) => inThread(plan, services, migration)),
    THREAD.json,
  )
  const left = migrationCount(plan) - shown.length
  const isRecorded = plan.steps.includes('record')
  const rest = [
    ...(left > 0 ? [`And ${left} more, under Details`] : []),
    ...(isRecorded ? [`The full SQL goes into the record at ${services.forge.name}`] : []),
  ]
  return {
    text: `${called(release)} applies ${count}${risky === '' ? '' : `: ${risky}`}.`,
    blocks: [
      section(`*${count}*${risky === '' ? ': only additions' : `, :warning: ${risky}`}`),
      ...shown.flat(),
      ...(rest.length === 0 ? [] : [context(rest.join(' · '))]),
    ],
  }
}

/** The first groups of blocks that are no longer than this together. */
function fitting(groups: readonly (readonly KnownBlock[])[], most: number): readonly (readonly KnownBlock[])[] {
  let left = most
  const end = groups.findIndex((group) => {
    left -= JSON.stringify(group).length
    return left < 0
  })
  return end === -1 ? groups : groups.slice(0, end)
}

function inThread(plan: Plan, services: ServiceWords, migration: PlannedMigration): KnownBlock[] {
  const findings = findingLines(migration, THREAD.findings)
  return [
    richLines([head(plan, services, migration)]),
    ...(findings.length === 0 ? [] : [rich(bullets(findings))]),
    ...sqlBlocks(migration, THREAD.lines, THREAD.characters),
  ]
}

function head(plan: Plan, services: ServiceWords, migration: PlannedMigration): Line {
  const { revision, message, database, file, author, risk } = migration
  return [
    code(eight(revision)),
    ` ${cut(oneLine(message), 100)} · `,
    ...(database === undefined ? [] : [`${database} · `]),
    ...(author === undefined ? [] : [`${cut(oneLine(author), 40)} · `]),
    richLink(fileUrl(plan, services, file), cut(oneLine(file.split('/').at(-1) ?? file), 60)),
    ...(risk === undefined ? [] : [' · ', risk === 'adds' ? words(RISK_WORDS[risk]) : bold(RISK_WORDS[risk])]),
  ]
}

/** The findings that people should know; changes that only add are left out. */
function findingLines({ findings = [], findingCount = findings.length }: PlannedMigration, most: number): Line[] {
  const known = findings.filter(({ risk }) => risk !== 'adds')
  const lines = known
    .slice(0, most)
    .map(
      ({ risk, what, why, instead }): Line => [
        bold(`${cut(oneLine(what), 120)}`),
        `, ${RISK_WORDS[risk]}: ${cut(oneLine(why), 200)}`,
        ...(instead === undefined ? [] : [` Instead: ${cut(oneLine(instead), 160)}`]),
      ],
    )
  const left = known.length - lines.length + (findingCount - findings.length)
  return left > 0 && lines.length > 0 ? [...lines, [`and ${left} more`]] : lines
}

/** The first lines of the SQL, and how many there are. */
function sqlBlocks({ sql, sqlLeftOut = 0 }: PlannedMigration, lines: number, characters: number): KnownBlock[] {
  if (sql === undefined) return []
  const all = sql.join('\n').split('\n')
  const shown = cut(cleaned(all.slice(0, lines).join('\n')), characters)
  if (shown.trim() === '') {
    const none = sqlLeftOut > 0 ? 'The SQL is too long to show' : 'Runs no SQL'
    return [rich(richSection([words(none)]))]
  }
  const isWhole = all.length <= lines && shown.length < characters && sqlLeftOut === 0
  return [
    rich(preformatted(shown)),
    ...(isWhole ? [] : [context(`First lines of ${counted(sql.length + sqlLeftOut, 'statement')}`)]),
  ]
}

// ------------------------------------------------------------------------------------------------ Details

/** Findings and SQL of each migration, as much as fits, the worst first; and the migrations shown. */
export function migrationDetails(
  plan: Plan,
  services: ServiceWords,
): {
  readonly blocks: readonly KnownBlock[]
  readonly migrations: readonly PlannedMigration[]
} {
  const worst = worstFirst(plan.migrations).slice(0, DETAILS.migrations)
  const each = Math.floor(DETAILS.characters / Math.max(worst.length, 1))
  const detailed = worst.flatMap((migration) => {
    const findings = findingLines(migration, DETAILS.findings)
    const sql = sqlBlocks(migration, Number.POSITIVE_INFINITY, Math.min(each, 2_500))
    if (findings.length === 0 && sql.length === 0) return []
    const list = findings.length === 0 ? [] : [rich(bullets(findings))]
    return [{ migration, blocks: [richLines([head(plan, services, migration)]), ...list, ...sql] }]
  })
  const shown = fitting(
    detailed.map(({ blocks }) => blocks),
    DETAILS.json,
  )
  return { blocks: shown.flat(), migrations: detailed.slice(0, shown.length).map(({ migration }) => migration) }
}
