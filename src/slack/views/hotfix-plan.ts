/** What a hot-fix's plan deploys: unreleased commits beside the picks first, then each pick with its files. */
import type { Button, KnownBlock } from '@slack/types'
import type { HotfixPlan, Plan, PlannedPick } from '../../release/plan.ts'
import type { ServiceWords } from '../../release/ports/words.ts'
import { bold, bullets, code, commitLink, type Line, rich, section } from './parts/blocks.ts'
import { pullRequest } from './parts/facts.ts'
import { counted, cut, defused, names, oneLine } from './parts/text.ts'

const ALSO = 5
const FILES = 4
const TITLE = 64

function pickLine(
  services: ServiceWords,
  webUrl: string,
  { from, title, author, files }: PlannedPick,
  most: number,
): Line {
  const shown = files.list.slice(0, most).map(({ path }) => cut(oneLine(path), 80))
  const left = files.count - shown.length
  const changed = `${shown.join(', ')}${left > 0 ? ` and ${counted(left, 'more file', 'more files')}` : ''}`
  return [
    commitLink(services, webUrl, from),
    ` ${cut(oneLine(title), TITLE)} · ${cut(oneLine(author.name), 40)}`,
    ...(changed === '' ? [] : [`\n${changed}`]),
  ]
}

/** For the card and for the plan that its requester sees first. `details` sits beside the commits. */
export function pickBlocks(
  plan: Plan,
  hotfix: HotfixPlan,
  services: ServiceWords,
  details: Button | undefined,
): KnownBlock[] {
  const branch = defused(plan.bound.target.branch, 60)
  const also = hotfix.alsoGoes.commits.slice(0, ALSO)
  const left = hotfix.alsoGoes.count - also.length
  const lines = also.map(
    ({ sha, title }): Line => [commitLink(services, plan.webUrl, sha), ` ${cut(oneLine(title), TITLE)}`],
  )
  if (left > 0) lines.push([`and ${left} more`])
  const people = [...new Set(hotfix.picks.map(({ author }) => author.name))]
  return [
    ...(lines.length === 0
      ? []
      : [
          section(`:warning: *Also deploys:* ${counted(hotfix.alsoGoes.count, 'unreleased commit')} on ${branch}`),
          rich(bullets(lines)),
        ]),
    section(
      [
        `*${counted(hotfix.picks.length, 'commit')}* by ${names(people)}, picked onto ${branch}`,
        ...pullRequest(plan),
      ].join(' · '),
      details,
    ),
    rich(bullets(hotfix.picks.map((pick) => pickLine(services, plan.webUrl, pick, FILES)))),
  ]
}

/** `Pick: clean, 2 files · Also on master, so the next release keeps it`. */
export function pickFound({ picks, promoting }: HotfixPlan): string[] {
  const files = new Set(picks.flatMap((pick) => pick.files.list.map(({ path }) => path))).size
  const isThere = promoting !== undefined && picks.every(({ promoted }) => promoted === true)
  return [
    `Pick: clean, ${counted(files, 'file')}`,
    ...(isThere ? [`Also on ${defused(promoting.branch, 60)}, so the next release keeps it`] : []),
  ]
}

/** For Details: each pick as it was requested, and the commit that it becomes. */
export function pickDetails(plan: Plan, hotfix: HotfixPlan, services: ServiceWords): KnownBlock[] {
  const lines = hotfix.picks.map(
    (pick): Line => [
      ...pickLine(services, plan.webUrl, pick, 20),
      '\nBecomes ',
      code(pick.made.slice(0, 12)),
      ...(pick.promoted === undefined || hotfix.promoting === undefined
        ? []
        : [bold(pick.promoted ? ` · on ${hotfix.promoting.branch} too` : ` · not on ${hotfix.promoting.branch}`)]),
    ],
  )
  return [section('*Picked*'), rich(bullets(lines))]
}
