import { isAncestor } from './bare-git.ts'
import type { Sandbox } from './sandbox.ts'
import { isRecord, type Message, string } from './slack/state.ts'
import type { World } from './world.ts'

/** Where the story began, and the fix that it is told of. */
export type Told = { master: string; fix: string }

/** What is not as it should be after the story, a sentence each. */
export async function problemsOf(sandbox: Sandbox, world: World, { master, fix }: Told): Promise<string[]> {
  const problems: string[] = []
  const expect = (holds: boolean, otherwise: string) => {
    if (!holds) problems.push(otherwise)
  }
  const [integration, production] = world.environments
  for (const one of world.environments) {
    const isAtHead = one.database.revisions.join() === one.database.head
    expect(isAtHead, `the database of ${one.name} is at ${one.database.revisions.join() || 'nothing'}`)
    expect(one.holds?.sha === one.runs?.sha, `${one.name} does not run what it holds`)
    const pushes = sandbox.heroku.log.filter((event) => event.kind === 'ref moved' && event.app === one.app)
    const ours = pushes.filter((event) => 'by' in event && event.by === 'push').length
    const wanted = one === production ? 2 : 1
    expect(ours === wanted, `${one.name} was pushed to ${ours} times, and not ${wanted}`)
  }
  expect(integration?.runs?.sha === master, 'integration does not run master')
  const branch = world.branches.find(({ name }) => name === 'production')
  expect(production?.runs?.sha === branch?.sha, 'production does not run the head of its branch')
  expect(production?.behind === 0, 'production lacks commits of master')

  const released = world.pullRequests.filter(({ destination }) => destination === 'production')
  expect(released.length === 1 && released[0]?.state === 'MERGED', 'the pull request to production is not merged')
  const [record = ''] = released[0]?.comments ?? []
  expect(released[0]?.comments.length === 1 && isSigned(record), 'the record is not on it, once')

  expect(world.branches.find(({ name }) => name === 'master')?.sha === master, 'the hot-fix has touched master')
  expect(production?.runs?.title === 'Search for nothing without failing', 'production does not run the hot-fix')
  const picked = production?.runs?.sha ?? ''
  expect(!(await isAncestor(sandbox.repository.bare, fix, picked)), 'the fix itself was merged, and not picked')
  const comments = sandbox.bitbucket.commitComments(picked).map(({ raw }) => raw)
  expect(comments.length === 1 && comments.every(isSigned), 'the record is not on the picked commit, once')
  const carrying = world.pullRequests.filter(({ source }) => source.startsWith('signoff/'))
  expect(
    carrying.length === 1 && carrying[0]?.state === 'OPEN' && carrying[0].destination === 'master',
    'no pull request carries the hot-fix to master',
  )

  const announcements = sandbox.slack.messages('product').filter((one) => keyOf(one).endsWith(':announcement'))
  expect(announcements.length === 2, `there were ${announcements.length} announcements, and not 2`)
  return problems
}

/** The key that Signoff gave a message; empty where somebody else wrote it. */
export function keyOf({ metadata }: Message): string {
  return isRecord(metadata?.event_payload) ? string(metadata.event_payload.key) : ''
}

const isSigned = (record: string) => /\bLin\b/.test(record) && /\bTom\b/.test(record)

export function worldLines(world: World): string[] {
  const short = (sha: string | undefined) => sha?.slice(0, 7) ?? 'nothing'
  return [
    '── the world',
    ...world.branches.map(({ name, sha, title }) => `branch ${name}: ${short(sha)} ${title}`),
    ...world.environments.flatMap((one) => [
      `${one.app}: runs ${short(one.runs?.sha)}, holds ${short(one.holds?.sha)}`,
      ...one.releases.map(
        ({ version, status, description, current }) =>
          `  v${version} ${status}${current ? ', current' : ''}: ${description}`,
      ),
      `  database at ${one.database.revisions.join(', ') || 'no revision'}; ${one.database.columns.length} columns`,
    ]),
    ...world.pullRequests.map(
      ({ id, title, state, source, destination }) => `PR #${id} ${state}: ${title} (${source} → ${destination})`,
    ),
    `migrations by ${world.migrations}`,
  ]
}
