/** What the stories of hot-fixes have in common. */
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { startTeam, type Team, type TeamOptions } from './team.ts'

const run = promisify(execFile)

export const REASON = 'Digests go out in the night for half of our users.'

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

/** Types the command, fills in the modal and sends it. */
export async function askForHotfix(
  team: Team,
  user: string,
  text: string,
  values: Record<string, string | boolean> = {},
): Promise<void> {
  await team.command(user, text)
  await team.submit(user, { Reason: REASON, 'Are you sure?': true, ...values })
}

/** QA by one and approval by another. */
export async function signHotfix(team: Team): Promise<void> {
  await team.until('Awaiting sign-off')
  await team.click(team.people.lin, 'QA passed')
  await team.until(/Given: QA by/)
  await team.click(team.people.tom, 'Approve')
}

/** What the plan's job tells the requester of a hot-fix that is refused before it has a card. */
export async function hotfixRefused(
  team: Team,
  text: string,
  gate: string,
  values: Record<string, string | boolean> = {},
): Promise<string> {
  const { dana } = team.people
  const [last] = await team.query<{ last: number }>('select coalesce(max(number), 0)::int as last from release')
  await askForHotfix(team, dana, text, values)
  const number = (last?.last ?? 0) + 1
  const words = await team.told(dana, new RegExp(`#${number}\\b[\\s\\S]*Gate: .${gate}`))
  return words.replaceAll('\u00a0', ' ')
}
