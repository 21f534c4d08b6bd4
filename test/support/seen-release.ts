/** What can be seen of one release: in the store, in #product, and in what really happened outside. */
import type { ReleaseState } from '../../src/release/terms.ts'
import type { Heroku } from '../../src/sandbox/heroku/heroku.ts'
import type { Team } from './team.ts'
import { type SeenRelease, seenRelease } from './until.ts'

export { type SeenRelease, seenRelease } from './until.ts'

/**
 * Waits until the store has the release in this state, in this attempt of its run where one is given; gives the release. What
 * Slack shows of it may come later, or never: where a story looks there, it waits with `team.until.state`.
 */
export function reaches(team: Team, number: number, state: ReleaseState, attempt?: number): Promise<SeenRelease> {
  let seen: SeenRelease | undefined
  const inVain = () => `#${number} to be ${state} in the store; it is ${JSON.stringify(seen)}`
  return team.waitFor(inVain, async () => {
    seen = await seenRelease(team, number)
    return seen.state === state && (attempt ?? seen.attempt) === seen.attempt && seen
  })
}

/**
 * Time passes without a sign of life, and the next worker is started: what dead ones held is taken up by it now, and not in ten
 * seconds or, after some crashes, in a minute. What was taken up is counted from before `start`, since a worker may do so at once.
 */
export async function nextTakesUp(team: Team, start: () => Promise<unknown>): Promise<void> {
  const takenUp = async () => {
    const [row] = await team.query<{ times: number }>(
      'select coalesce(sum(retry_count), 0)::int as times from pgboss.job',
    )
    return row?.times ?? 0
  }
  const before = await takenUp()
  await endHolds(team)
  await start()
  await team.waitFor('the next worker to take up what the dead one held', async () => {
    await team.query(`update pgboss.job set start_after = now() where state = 'retry'`)
    return (await takenUp()) > before
  })
}

/** Lets the time pass after which the claims and leases of processes that are dead or paused belong to nobody. */
export async function endHolds(team: Team): Promise<void> {
  await team.query(`update pgboss.job set heartbeat_on = now() - interval '1 minute' where state = 'active'`)
  await team.query('update environment_lease set expires_at = now()')
}

/** The pushes that moved an app's branch, and the releases that were made of commits, as Heroku itself knows them. */
export function herokuEffects(heroku: Heroku, app: string): { pushes: string[]; releases: string[] } {
  const ours = heroku.log.filter((event) => event.app === app)
  return {
    pushes: ours.flatMap((event) => (event.kind === 'ref moved' && event.by === 'push' ? [event.to] : [])),
    releases: ours.flatMap((event) =>
      event.kind === 'release made' && event.by !== 'someone else' ? [`${event.commit} by ${event.by}`] : [],
    ),
  }
}

/** How often Bitbucket has merged and has been written to, as it knows itself. */
export async function bitbucketEffects(team: Team): Promise<{ merges: number; comments: number }> {
  const log = await team.bitbucket.log()
  const pullRequests = team.bitbucket.pullRequests()
  return {
    merges: log.filter(({ kind }) => kind === 'pull request merged').length,
    comments: pullRequests.reduce((count, { id }) => count + team.bitbucket.comments(id).length, 0),
  }
}

/** The number that the next release will get. */
export async function nextNumber(team: Team): Promise<number> {
  const [row] = await team.query<{ next: number }>('select coalesce(max(number), 0)::int + 1 as next from release')
  return row?.next ?? 1
}

/** For a team whose migrations need nobody's Talked over. */
export const NOTHING_TO_TALK_OVER = {
  production: (entry: Record<string, unknown>) => void Object.assign(entry.migrations as object, { talk_it_over: [] }),
}

/** Gives the two words that a release of production needs, the second once the first counts: QA by Lin, approval by Tom. */
export async function sign(team: Team, number: number): Promise<void> {
  const { lin, tom } = team.people
  await team.until.awaitingSignOff(number)
  await team.click(lin, 'qa', number)
  await team.until.signed(number, 'qa', lin)
  await team.click(tom, 'approval', number)
}

/** Brings a production release to the click that starts it: requested by Dana, signed by Lin and Tom. */
export async function startProduction(team: Team, number: number): Promise<void> {
  await team.command(team.people.dana, '/deploy production')
  await sign(team, number)
}

/** Presses the button of a card and gives the reason that its modal asks for. */
export async function pressWithReason(
  team: Team,
  user: string,
  pressed: 'rejection' | 'close' | 'emergency',
  reason: string,
): Promise<void> {
  await team.click(user, pressed)
  await team.submit(user, { reason })
}

/** A commit on master that changes one file, so that there is something to release. */
export function somethingNew(team: Team, name: string): Promise<string> {
  return team.repository.commit({ files: { [`notes/${name}.md`]: `${name}\n` }, message: `Note ${name}` })
}
