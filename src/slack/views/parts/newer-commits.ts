/** That the source branch has moved on since the plan, with **Plan again**. */
import type { Button, KnownBlock } from '@slack/types'
import type { Release } from '../../../release/release.ts'
import { section } from './blocks.ts'
import { counted, defused } from './text.ts'

export function hasNewer({ newerCommits = 0, replacedBy }: Release): boolean {
  return newerCommits > 0 && replacedBy === undefined
}

export function newerCommits(
  release: Release,
  { planAgain }: { readonly planAgain: Button | undefined },
): readonly KnownBlock[] {
  const { plan, newerCommits = 0 } = release
  if (!hasNewer(release) || plan === undefined) return []
  const branch = defused(plan.bound.source.branch, 60)
  return [
    section(
      `${branch} has ${counted(newerCommits, 'newer commit')} that ${newerCommits === 1 ? 'is' : 'are'} not in this release`,
      planAgain,
    ),
  ]
}
