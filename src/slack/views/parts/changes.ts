/** The changes of a plan and who has tested them, where QA is asked for each. */
import type { KnownBlock } from '@slack/types'
import { type PlannedChange, testedBy } from '../../../release/changes.ts'
import type { ThreadLine } from '../../../release/messages.ts'
import type { Release } from '../../../release/release.ts'
import { bold, bullets, type Line, rich, richSection } from './blocks.ts'
import { type PersonFacts, shown } from './persons.ts'
import { counted, cut, defused, oneLine, together } from './text.ts'

/** `Lin, and Chi, its author`; plain words, `not tested` where nobody has. */
export function testersOf(release: Release, change: PlannedChange): string {
  const people = testedBy(release, change).map(
    ({ person, isOwn }) => `${cut(oneLine(person.name), 40)}${isOwn ? ', its author' : ''}`,
  )
  return people.length === 0 ? 'not tested' : people.join('; ')
}

/** `Tested by Lin 5 · Chi 2, 1 of them own`; nothing where QA is not asked for each change. For mrkdwn. */
export function testedLine(release: Release, facts: PersonFacts): readonly string[] {
  const { tested = [] } = release
  const people = Map.groupBy(tested, ({ person }) => person.id)
  if (people.size === 0) return []
  const words = [...people.values()].flatMap((theirs) => {
    const [first] = theirs
    if (first === undefined) return []
    const own = theirs.filter(({ isOwn }) => isOwn).length
    const ofOwn = own === 0 ? '' : own === theirs.length ? ' (own)' : ` (${own} own)`
    return [`${together(shown(first.person, facts), theirs.length)}${ofOwn}`]
  })
  return [`Tested by ${words.join(' · ')}`]
}

/** `Lin tested 3 changes: PR #41 …; PR #40 …; and 1 more.`, defused. */
export function testedSentence({ person, count, own, changes }: Extract<ThreadLine, { is: 'tested' }>): string {
  const named = changes.map(({ pullRequest, title }) =>
    pullRequest === undefined ? defused(title, 100) : `${together('PR', `#${pullRequest}`)} ${defused(title, 100)}`,
  )
  const left = count - named.length
  const all = [...named, ...(left > 0 ? [`and ${left} more`] : [])].join('; ')
  const ofOwn = own === 0 ? '' : own === count ? ', as its author' : `, ${own} of them as the author`
  return `${defused(person.name, 40)} tested ${counted(count, 'change')}${ofOwn}: ${all}.`
}

/** All changes, with who has tested each, for Details. */
export function changesInDetails(release: Release): KnownBlock[] {
  const changes = release.plan?.changes
  if (changes === undefined) return []
  const lines = changes.map((change): Line => {
    const { pullRequest, title } = change
    const named = `${pullRequest === undefined ? '' : `PR #${pullRequest} `}${cut(oneLine(title), 120)}`
    return [`${named}: `, bold(testersOf(release, change))]
  })
  const done = changes.filter((change) => testedBy(release, change).length > 0).length
  return [
    rich(richSection([bold(`QA ${done} of ${counted(changes.length, 'change')}`)])),
    ...Array.from({ length: Math.ceil(lines.length / 50) }, (_, part) =>
      rich(bullets(lines.slice(part * 50, (part + 1) * 50))),
    ),
  ]
}
