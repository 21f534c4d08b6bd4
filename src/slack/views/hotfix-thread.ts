/** What a hot-fix's thread says after its end: which other branch still needs the fix. */
import type { ThreadLine } from '../../release/messages.ts'
import type { ServiceWords } from '../../release/ports/words.ts'
import { commitLink, type Drawn, type Line, richLines, richLink } from './parts/blocks.ts'
import { cut, defused, oneLine, short, together } from './parts/text.ts'

export function carriedLine({ branch, pullRequest, isNew }: Extract<ThreadLine, { is: 'carried' }>): Drawn {
  const it = together('PR', `#${pullRequest.id}`)
  const to = cut(oneLine(branch), 60)
  const rest = isNew
    ? `adds the hot-fix to ${to}. Someone has to review and merge it.`
    : `adds the hot-fix to ${to} and is still open. Until it is merged, ${to} lacks the fix.`
  return {
    text: `${it} ${defused(rest)}`,
    blocks: [richLines([[richLink(pullRequest.url, it), ` ${rest}`]])],
  }
}

export function stillMissingLine(
  { branch, environment, commits, isCarried }: Extract<ThreadLine, { is: 'still missing' }>,
  services: ServiceWords,
  webUrl: string | undefined,
): Drawn {
  const shown = commits.slice(0, 10)
  const list = shown.flatMap(
    (commit, index): Line => [...(index === 0 ? [] : [', ']), commitLink(services, webUrl, commit)],
  )
  const more = commits.length > shown.length ? ` and ${commits.length - shown.length} more` : ''
  const to = cut(oneLine(branch), 60)
  const next = isCarried ? 'Merge the pull request that adds it.' : `No pull request adds it: open one to ${to}.`
  const rest = `${more}: ${environment} is tested without the hot-fix, and the next merge may conflict. ${next}`
  return {
    text: `A day later ${defused(to)} still lacks ${shown.map(short).join(', ')}${rest}`,
    blocks: [richLines([[`A day later ${to} still lacks `, ...list, rest]])],
  }
}
