/** What the stories of hot-fixes have in common. */
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Message } from '../../src/sandbox/slack/workspace.ts'
import { nextNumber } from './seen-release.ts'
import { type GateCode, startTeam, type Team, type TeamOptions } from './team.ts'

const run = promisify(execFile)

export const REASON = 'Digests go out in the night for half of our users.'

/** In commit messages, names of files and their lines: an option, a mention, a command and a turn of the writing's direction. */
export const HOSTILE = '--force <!channel> `rm` \u202e@here'

/** Texts that would call everybody: of a message's blocks only what is marked up can, and what stands in for them. */
export function mentions(messages: readonly Pick<Message, 'text' | 'blocks'>[]): readonly string[] {
  const markedUp = (value: unknown): readonly string[] => {
    if (typeof value !== 'object' || value === null) return []
    const { type, text } = value as { type?: unknown; text?: unknown }
    if (type === 'mrkdwn' && typeof text === 'string') return [text]
    return Object.values(value).flatMap(markedUp)
  }
  return messages
    .flatMap(({ text, blocks }) => [text, ...markedUp(blocks)])
    .filter((each) => /<!(channel|here)/.test(each))
}

/** A team where migrations need no Talked over: that has stories of its own. */
export function startHotfixTeam(options: TeamOptions = {}): Promise<Team> {
  return startTeam({
    ...options,
    production: (entry) => {
      entry.migrations = { ...(entry.migrations as object), talk_it_over: [] }
    },
  })
}

/** Reads from the repository behind Bitbucket. */
export async function inOrigin(team: Team, ...args: string[]): Promise<string> {
  return (await run('git', ['--git-dir', team.repository.bare, ...args])).stdout.trim()
}

/** The tree that a person gets who picks at a shell. Rejects when it does not apply. */
export async function pickedByHand(team: Team, onto: string, commits: readonly string[]): Promise<string> {
  const clone = await mkdtemp(join(tmpdir(), 'signoff-by-hand-'))
  try {
    const inClone = (...args: string[]) =>
      run('git', ['-c', 'user.name=T', '-c', 'user.email=t@example.test', ...args], { cwd: clone })
    await run('git', ['clone', '--quiet', team.repository.bare, clone])
    await inClone('checkout', '--quiet', onto)
    await inClone('cherry-pick', '-x', ...commits)
    return (await inClone('rev-parse', 'HEAD^{tree}')).stdout.trim()
  } finally {
    await rm(clone, { recursive: true, force: true })
  }
}

/** What the modal of a hot-fix asks for at the end. */
export const SURE = { reason: REASON, sure: true } as const

/** Types the command, fills in the modal and sends it. */
export async function askForHotfix(
  team: Team,
  user: string,
  text: string,
  values: Record<string, string | boolean> = {},
): Promise<void> {
  await team.command(user, text)
  await team.submit(user, { ...SURE, ...values })
}

/** How often pushes have moved a branch of origin. */
export async function pushesTo(team: Team, branch: string): Promise<number> {
  const log = await team.bitbucket.log()
  return log.filter((event) => event.kind === 'ref pushed' && event.ref === `refs/heads/${branch}`).length
}

/** What somebody does on Bitbucket's pages; gives its answer. */
export async function atBitbucket(team: Team, path: string, body: object): Promise<Record<string, unknown>> {
  const { apiUrl, email, apiToken } = team.bitbucket
  const answer = await fetch(`${apiUrl}/repositories/jurispect/jurispect_api/${path}`, {
    method: 'POST',
    headers: {
      authorization: `Basic ${Buffer.from(`${email}:${apiToken}`).toString('base64')}`,
      'content-type': 'application/json',
    },
    body: JSON.stringify(body),
  })
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`)
  return (await answer.json()) as Record<string, unknown>
}

/** Somebody opens a pull request; gives its number. */
export async function openPullRequest(
  team: Team,
  { title, source, destination }: { title: string; source: string; destination: string },
): Promise<number> {
  const branches = { source: { branch: { name: source } }, destination: { branch: { name: destination } } }
  return Number((await atBitbucket(team, 'pullrequests', { title, ...branches })).id)
}

/** The lines to paste of the last refusal that a person was told, as they stand in its block. */
export function givenRecipe(team: Team, user: string): string {
  const blocks = [...team.slack.ephemerals(user), ...team.slack.directMessages(user)].flatMap((each) => each.blocks)
  const all = JSON.stringify(blocks).match(/"(?:[^"\\]|\\.)*"/g) ?? []
  const recipe = all.map((text) => JSON.parse(text) as string).findLast((text) => text.startsWith('git fetch origin'))
  if (recipe === undefined) throw new Error(`${user} was given no recipe`)
  return recipe
}

/** What the plan's job tells the requester of a hot-fix that is refused before it has a card. */
export async function hotfixRefused(
  team: Team,
  text: string,
  gate: GateCode,
  values: Record<string, string | boolean> = {},
): Promise<string> {
  const { dana } = team.people
  const number = await nextNumber(team)
  await askForHotfix(team, dana, text, values)
  return team.told(dana, gate, `#${number}`)
}
