/** What an environment's channel is told that belongs to no release. */
import type { NotDeployedBecause } from '../../release/automatic.ts'
import type { ChannelMessage } from '../../release/messages.ts'
import { bullets, code, commitLink, type Drawn, emoji, type Line, rich, richLines, richLink } from './parts/blocks.ts'
import type { People } from './parts/people.ts'
import { cut, defused, isWebAddress, oneLine, short } from './parts/text.ts'

/** Draws that a head is not deployed. Mentions nobody. */
export function notDeployed(
  message: Extract<ChannelMessage, { is: 'not deployed' }>,
  { services }: Pick<People, 'services'>,
): Drawn {
  const { app, environment, branch, commit, because, checks, webUrl } = message
  const why = WHY[because]
  const to = `${app} ${environment}`
  const lines: Line[] = [
    [
      emoji('no_entry_sign'),
      ' ',
      commitLink(services, webUrl, commit),
      ` of ${cut(oneLine(branch), 60)} is not deployed to ${to}: ${why}.`,
    ],
    [...NEXT[because], code(`/deploy ${to}`), ' deploys it on request.'],
  ]
  const listed = checks.map(({ name, state, url }): Line => {
    const words = cut(oneLine(name), 120)
    return [isWebAddress(url) ? richLink(url, words) : words, ` ${state}`]
  })
  return {
    text: `${short(commit)} of ${defused(branch, 60)} is not deployed to ${to}: ${why}.`,
    blocks: [richLines(lines), ...(listed.length === 0 ? [] : [rich(bullets(listed))])],
  }
}

const WHY: Readonly<Record<NotDeployedBecause, string>> = {
  failed: 'its builds failed',
  none: 'it has had no builds for half an hour',
  unfinished: 'its builds did not end within a day',
}

const NEXT: Readonly<Record<NotDeployedBecause, Line>> = {
  failed: ['It is deployed automatically once they pass, or with the next commit. '],
  none: ['It is deployed automatically once it has builds that pass, or with the next commit. '],
  unfinished: ['The next commit is deployed automatically once its builds pass. '],
}
