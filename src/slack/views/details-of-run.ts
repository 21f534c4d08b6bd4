/** The second half of Details: what the gates checked, who signed, and the steps of the run. */
import type { KnownBlock, RichTextBlockElement } from '@slack/types'
import type { Plan } from '../../release/plan.ts'
import type { ServiceWords } from '../../release/ports/words.ts'
import { missingForMerge, type Release, step } from '../../release/release.ts'
import type { Environment } from '../../release/settings.ts'
import {
  bold,
  bullets,
  code,
  commitLink,
  context,
  type Line,
  quote,
  rich,
  richDate,
  richLink,
  richSection,
  section,
} from './parts/blocks.ts'
import { stepsInOrder } from './parts/facts.ts'
import type { People } from './parts/people.ts'
import { type ProofNow, proofWords } from './parts/proof.ts'
import { richStartsAt, startsAtSpoken } from './parts/schedule.ts'
import { capital, cut, defused, duration, eight, oneLine } from './parts/text.ts'
import { problemOf } from './problem.ts'

const PER_BLOCK = 50

/** Whether the forge has a commit to link to: without a pull request, a hot-fix's commits are there only when picked. */
export type OnForge = (commit: string) => boolean

export function grouped(lines: readonly Line[]): KnownBlock[] {
  const groups: RichTextBlockElement[] = []
  for (let from = 0; from < lines.length; from += PER_BLOCK) groups.push(bullets(lines.slice(from, from + PER_BLOCK)))
  return groups.map((group) => rich(group))
}

export function onForge(release: Release, plan: Plan): OnForge {
  const isPicked = plan.bound.result.how !== 'commit' || step(release, 'pick')?.state === 'done'
  const made = isPicked ? [] : (plan.hotfix?.picks ?? []).map((pick) => pick.made)
  return (commit) => !made.includes(commit)
}

/** The facts that the gates checked and that the fingerprint covers. */
export function gates(release: Release, environment: Environment, people: People, proof?: ProofNow): KnownBlock[] {
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
    if (plan.checks.length === 0 && plan.rollback === undefined) lines.push(['Checks: none'])
    if (proof !== undefined) lines.push([proofWords(proof)])
    lines.push(
      ...missingForMerge(release).map(
        ({ needs }): Line => [`${services.forge.name} asks for: ${cut(oneLine(needs), 160)}`],
      ),
    )
  }
  const { schedule } = release
  if (schedule !== undefined) lines.push(['Starts: ', richStartsAt(schedule), ` · ${startsAtSpoken(schedule)}`])
  if (release.fingerprint !== undefined) lines.push(['Fingerprint: ', code(release.fingerprint)])
  if (problem !== undefined)
    lines.push([bold(capital(problem.why)), ' · Gate: ', code(release.problem?.because.gate ?? '')])
  return lines.length === 0 ? [] : [section('*Gates*, and the facts they checked'), ...grouped(lines)]
}

function held(plan: Plan, services: ServiceWords, commit: string | null) {
  return commit === null ? 'nothing' : commitLink(services, plan.webUrl, commit)
}

/** Every recorded sign-off, with its whole note. */
export function signed(release: Release): KnownBlock[] {
  const all = [...release.signOffs, ...(release.disputed ?? [])]
  const shown = all.slice(0, 12)
  if (shown.length === 0) return []
  const count = all.length - shown.length
  return [
    section('*Sign-offs*'),
    ...shown.map((one) =>
      rich(
        richSection([
          `${one.kind === 'qa' ? 'QA' : capital(one.kind)} by ${cut(oneLine(one.person.name), 40)}, ${rightOf(one.right)}: `,
          richDate(one.at),
          ...('disputedAt' in one ? [' · void: they say that they did not give it'] : []),
        ]),
        ...(one.note === undefined || one.note.trim() === '' ? [] : [quote(one.note, 3000)]),
      ),
    ),
    ...(count > 0 ? [context(`and ${count} more`)] : []),
  ]
}

export function steps(release: Release): KnownBlock[] {
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
