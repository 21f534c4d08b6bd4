/** What can be seen of one release: in the store, in #product, and in what really happened outside. */
import { expect, vi } from 'vitest'
import type { Heroku } from '../../src/sandbox/heroku/heroku.ts'
import type { Team } from './team.ts'

export interface SeenRelease {
  readonly state: string
  readonly attempt: number
  readonly gate: string | undefined
  /** `done some` by step. */
  readonly steps: Readonly<Record<string, string>>
}

export async function seenRelease(team: Team, number: number): Promise<SeenRelease> {
  const [row] = await team.query<{ state: string; attempt: number; problem: { because: { gate: string } } | null }>(
    `select state, attempt, problem from release where number = ${number}`,
  )
  const steps = await team.query<{ name: string; seen: string }>(
    `select name, state || ' ' || effect as seen from step where release = ${number}`,
  )
  return {
    state: row?.state ?? 'not there',
    attempt: row?.attempt ?? 0,
    gate: row?.problem?.because.gate,
    steps: Object.fromEntries(steps.map(({ name, seen }) => [name, seen])),
  }
}

/** Waits until the release is in this state, in this attempt of its run where one is given; gives the release. */
export async function reaches(team: Team, number: number, state: string, attempt?: number): Promise<SeenRelease> {
  const wanted = attempt === undefined ? { state } : { state, attempt }
  await vi.waitFor(async () => expect(await seenRelease(team, number)).toMatchObject(wanted), {
    timeout: 45_000,
    interval: 50,
  })
  return seenRelease(team, number)
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
  await team.query(`update pgboss.job set heartbeat_on = now() - interval '1 minute' where state = 'active'`)
  await start()
  await vi.waitFor(
    async () => {
      await team.query(`update pgboss.job set start_after = now() where state = 'retry'`)
      expect(await takenUp()).toBeGreaterThan(before)
    },
    { timeout: 30_000, interval: 200 },
  )
}

/** Waits until the release's card shows this; gives its words, with plain spaces. */
export async function cardShows(team: Team, number: number, text: RegExp): Promise<string> {
  const words = () => team.words(cardOf(team, number))
  await team.slack.waitFor(() => text.test(words()), { what: `${text} on the card of #${number}`, timeoutMs: 40_000 })
  return words()
}

function cardOf(team: Team, number: number) {
  const isCard = ({ blocks }: { blocks: unknown }) => (blocks as { type?: string }[])[0]?.type === 'header'
  return team.slack
    .messages('product')
    .findLast((message) => isCard(message) && new RegExp(`#${number}\\b`).test(team.words(message)))
}

/** Waits until the release's thread says this; gives the thread, a message a line. */
export async function threadSays(team: Team, number: number, text: RegExp): Promise<string> {
  const words = () => {
    const card = cardOf(team, number)
    if (card === undefined) return ''
    const replies = team.slack.thread('product', card.ts).filter(({ ts }) => ts !== card.ts)
    return replies.map((message) => team.words(message)).join('\n')
  }
  await team.slack.waitFor(() => text.test(words()), {
    what: `${text} in the thread of #${number}`,
    timeoutMs: 40_000,
    channel: 'product',
  })
  return words()
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

/** Brings a production release to the click that starts it: asked for by Dana, QA by Lin, approved by Tom. */
export async function startProduction(team: Team, number: number): Promise<void> {
  const { dana, lin, tom } = team.people
  await team.command(dana, '/deploy production')
  await cardShows(team, number, /Awaiting sign-off/)
  await team.click(lin, 'QA passed')
  await cardShows(team, number, /Given: QA by/)
  await team.click(tom, 'Approve')
}

/** A commit on master that changes one file, so that there is something to release. */
export function somethingNew(team: Team, name: string): Promise<string> {
  return team.repository.commit({ files: { [`notes/${name}.md`]: `${name}\n` }, message: `Note ${name}` })
}
