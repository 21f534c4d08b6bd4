import type { ForgeLimits, ForgePages, ForgeWords } from '../../release/ports/forge.ts'
import { FORGE_UNREACHABLE } from '../../release/stored-names.ts'

export const bitbucketPages: ForgePages = {
  repository: (repository) => `https://bitbucket.org/${repository}`,
  commit: (webUrl, commit) => `${webUrl}/commits/${encodeURIComponent(commit)}`,
  compare: (webUrl, { from, to }) => `${webUrl}/branches/compare/${to}%0D${from}#diff`,
  file: (webUrl, commit, path) => `${webUrl}/src/${commit}/${path.split('/').map(encodeURIComponent).join('/')}`,
}

/** Bitbucket's own message of a merge commit and of a squash. One that was edited to say something else is not recognized. */
const MERGED = /^Merged in (\S.*?) +\(pull request #([1-9][0-9]{0,9})\)$/

/**
 * Bitbucket Cloud writes `Merged in <branch> (pull request #12)`, an empty line and the title, for a merge commit as for a
 * squash; a fast-forward leaves no trace.
 */
function readBitbucketMerge(message: string): { number: number; title: string } | undefined {
  const [subject = '', ...body] = message.split('\n')
  const [, branch = '', number] = MERGED.exec(subject.trimEnd()) ?? []
  if (number === undefined) return undefined
  const title = body.map((line) => line.trim()).find((line) => line !== '')
  return { number: Number(number), title: title === undefined || title.startsWith('Approved-by:') ? branch : title }
}

/** Bitbucket Cloud's words and facts for messages. */
export const bitbucketWords: ForgeWords = {
  name: 'Bitbucket',
  settings: ['BITBUCKET_TOKEN', 'BITBUCKET_EMAIL', 'BITBUCKET_API_TOKEN'],
  credential: 'BITBUCKET_TOKEN, or BITBUCKET_EMAIL and BITBUCKET_API_TOKEN',
  addressSetting: 'BITBUCKET_API_URL',
  unreachable: FORGE_UNREACHABLE,
  oddAnswers: 'Bitbucket also answers 404 if the token has no access.',
  branchRules: 'Branch restrictions',
  mergeSettings: 'Merge strategies',
  pages: bitbucketPages,
  readMerge: readBitbucketMerge,
}

export const bitbucketLimits: ForgeLimits = {
  mergeArrivesWithinMs: 60_000,
  pushArrivesWithinMs: 60_000,
  commentLength: 32_768,
}
