/** What a plan deploys: commits, migrations and the facts about them. For the card and for previews. */
import type { Button, KnownBlock } from '@slack/types'
import type { Plan } from '../../../release/plan.ts'
import type { ServiceWords } from '../../../release/ports/words.ts'
import type { Release } from '../../../release/release.ts'
import { worstFirst } from '../../../release/risks.ts'
import { pickBlocks, pickFound } from '../hotfix-plan.ts'
import { orderBlocks } from '../migrations.ts'
import { rollbackBlocks, rollbackFound } from '../rollback-plan.ts'
import { bold, bullets, commitLink, context, type Line, rich, section, words } from './blocks.ts'
import { heldCommit, migrationCount, NO_COMMITS, pullRequest, RISK_WORDS, risks } from './facts.ts'
import { capital, counted, cut, date, defused, eight, link, names, oneLine, short } from './text.ts'

const COMMITS = 5
const MIGRATIONS = 3
const TITLE = 64

function commitLine(plan: Plan, services: ServiceWords, commit: Plan['commits'][number]): Line {
  return [commitLink(services, plan.webUrl, commit.sha), ` ${cut(oneLine(commit.title), TITLE)}`]
}

function migrationLine(migration: Plan['migrations'][number], most = TITLE): Line {
  const { revision, message, risk, database } = migration
  const name = `${eight(revision)} ${cut(oneLine(message), most)}${database === undefined ? '' : ` · ${database}`}`
  if (risk === undefined) return [name]
  return [`${name} · `, risk === 'adds' ? words(RISK_WORDS[risk]) : bold(RISK_WORDS[risk])]
}

function authors(plan: Plan): string {
  const list = [...new Set(plan.authors.map(({ name }) => name))]
  return list.length === 0 ? '' : ` by ${names(list)}`
}

function commitsHead(plan: Plan, kind: Release['kind']): string {
  const onto = kind === 'hotfix' ? `, picked onto ${defused(plan.bound.target.branch, 60)}` : ''
  const first = plan.firstRelease ? ['First release'] : []
  const held = heldCommit(plan)
  const commits =
    plan.commitCount > 0
      ? `*${counted(plan.commitCount, 'commit')}*${authors(plan)}${onto}`
      : `*${capital(NO_COMMITS)}*${held === undefined ? '' : `: ${short(held)} is already on the remote but does not run`}`
  return [...first, commits, ...pullRequest(plan)].join(' · ')
}

/** The commits, the worst migrations, and what runs now, with the checks. `details` sits beside the commits. */
export function planBlocks(
  plan: Plan,
  facts: {
    readonly services: ServiceWords
    readonly kind: Release['kind']
    readonly details?: Button
    readonly previous?: { readonly number: number; readonly at: Date }
  },
): KnownBlock[] {
  if (plan.rollback !== undefined) {
    return [
      ...rollbackBlocks(plan, plan.rollback, facts.services, facts.details),
      context(found(plan, facts)),
      ...warnings(plan, facts.details !== undefined),
    ]
  }
  const lines: Line[] = plan.commits.slice(0, COMMITS).map((commit) => commitLine(plan, facts.services, commit))
  const left = plan.commitCount - lines.length
  if (left > 0) lines.push([`and ${left} more${facts.details === undefined ? '' : ', under Details'}`])
  return [
    ...(plan.hotfix === undefined
      ? [section(commitsHead(plan, facts.kind), facts.details), ...(lines.length === 0 ? [] : [rich(bullets(lines))])]
      : pickBlocks(plan, plan.hotfix, facts.services, facts.details)),
    ...migrations(plan, facts.details !== undefined),
    ...orderBlocks(plan, facts.details !== undefined),
    context(found(plan, facts)),
    ...warnings(plan, facts.details !== undefined),
  ]
}

function migrations(plan: Plan, detailed: boolean): KnownBlock[] {
  const count = migrationCount(plan)
  if (count === 0) return []
  const risky = risks(plan)
  const lines: Line[] = worstFirst(plan.migrations)
    .slice(0, MIGRATIONS)
    .map((migration) => migrationLine(migration))
  const left = count - lines.length
  if (left > 0) lines.push([`and ${left} more${detailed ? ', under Details' : ''}`])
  return [
    section(`*${counted(count, 'migration')}*${risky === '' ? '' : `, :warning: ${risky}`}`),
    rich(bullets(lines)),
  ]
}

const MERGES: Readonly<Record<Plan['bound']['result']['how'], readonly string[]>> = {
  commit: [],
  merge: ['Merge: clean'],
  'fast-forward': ['Merge: fast-forward'],
}

function found(
  plan: Plan,
  { services, previous }: { readonly services: ServiceWords; readonly previous?: { number: number; at: Date } },
): string {
  const { runs, holds } = plan.bound.remote
  const linked = (commit: string) => link(services.forge.pages.commit(plan.webUrl, commit), short(commit))
  const live =
    runs === null
      ? `Live now: ${plan.runsUnknown ? 'not known' : 'nothing'}`
      : `Live now: ${linked(runs)}${previous === undefined ? '' : `, #${previous.number}, ${date(previous.at, 'age')}`}`
  return [
    live,
    ...(runs !== null && holds !== null && holds !== runs ? [`:warning: The remote has ${linked(holds)}`] : []),
    ...(plan.rollback === undefined ? [] : rollbackFound(plan.rollback)),
    ...MERGES[plan.bound.result.how],
    ...(plan.hotfix === undefined ? [] : pickFound(plan.hotfix)),
    ...(plan.bound.database !== null && migrationCount(plan) === 0 ? ['No migrations'] : []),
    ...(plan.rollback === undefined ? [checks(plan)] : []),
  ].join(' · ')
}

function checks(plan: Plan): string {
  const count = (state: string) => plan.checks.filter((check) => check.state === state).length
  const parts = (['passed', 'failed', 'stopped', 'running'] as const)
    .filter((state) => count(state) > 0)
    .map((state) => `${count(state)} ${state}`)
  if (parts.length === 0) return 'Checks: none'
  return `${count('failed') + count('stopped') > 0 ? ':warning: ' : ''}Checks: ${parts.join(', ')}`
}

function warnings(plan: Plan, detailed: boolean): KnownBlock[] {
  const shown = plan.warnings.slice(0, 3).map((warning) => `:warning: ${defused(warning, 160)}`)
  const left = plan.warnings.length - shown.length
  if (left > 0) shown.push(`and ${left} more${detailed ? ', under Details' : ''}`)
  return shown.length === 0 ? [] : [context(shown.join('\n'))]
}
