import { isAncestor } from './bare-git.ts'
import type { Sandbox } from './sandbox.ts'
import { isRecord, type Message, string } from './slack/state.ts'
import type { Systems } from './systems.ts'

/** The head of master at the start, and the commit that was hot-fixed. */
export type StoryCommits = { master: string; fix: string }

/** What differs from the expected end of the story, one sentence each. */
export async function problemsOf(sandbox: Sandbox, systems: Systems, { master, fix }: StoryCommits): Promise<string[]> {
  const problems: string[] = []
  const expect = (holds: boolean, problem: string) => {
    if (!holds) problems.push(problem)
  }
  const [integration, production] = systems.environments
  for (const one of systems.environments) {
    for (const [name, { revisions, head }] of databasesOf(one)) {
      expect(revisions.join() === head, `the database ${name} of ${one.name} is at ${revisions.join() || 'nothing'}`)
    }
    expect(one.holds?.sha === one.runs?.sha, `${one.name} does not run what it holds`)
    const pushes = sandbox.heroku.log.filter((event) => event.kind === 'ref moved' && event.app === one.app)
    const ours = pushes.filter((event) => 'by' in event && event.by === 'push').length
    const wanted = one === production ? 2 : 1
    expect(ours === wanted, `${one.name} was pushed to ${ours} times instead of ${wanted}`)
  }
  expect(integration?.runs?.sha === master, 'integration does not run master')
  const branch = systems.branches.find(({ name }) => name === 'production')
  expect(production?.runs?.sha === branch?.sha, 'production does not run the head of its branch')
  expect(production?.behind === 0, 'production lacks commits of master')

  const released = systems.pullRequests.filter(({ destination }) => destination === 'production')
  expect(released.length === 1 && released[0]?.state === 'MERGED', 'the pull request to production is not merged')
  const [record = ''] = released[0]?.comments ?? []
  expect(released[0]?.comments.length === 1 && isSigned(record), 'the pull request does not have exactly one record')

  expect(systems.branches.find(({ name }) => name === 'master')?.sha === master, 'the hot-fix has changed master')
  expect(production?.runs?.title === 'Search for nothing without failing', 'production does not run the hot-fix')
  const picked = production?.runs?.sha ?? ''
  expect(!(await isAncestor(sandbox.repository.bare, fix, picked)), 'the fix was merged instead of picked')
  const comments = sandbox.bitbucket.commitComments(picked).map(({ raw }) => raw)
  expect(comments.length === 1 && comments.every(isSigned), 'the picked commit does not have exactly one record')
  const backports = systems.pullRequests.filter(({ source }) => source.startsWith('signoff/'))
  expect(
    backports.length === 1 && backports[0]?.state === 'OPEN' && backports[0].destination === 'master',
    'there is not exactly one open pull request of the hot-fix to master',
  )

  const announcements = sandbox.slack.messages('product').filter((one) => keyOf(one).endsWith(':announcement'))
  expect(announcements.length === 2, `there were ${announcements.length} announcements instead of 2`)
  return problems
}

const databasesOf = ({ database, search }: Systems['environments'][number]) =>
  [
    ['users', database],
    ['search', search],
  ] as const

/** The key that Signoff gave a message; empty for messages of people. */
export function keyOf({ metadata }: Message): string {
  return isRecord(metadata?.event_payload) ? string(metadata.event_payload.key) : ''
}

const isSigned = (record: string) => /\bLin\b/.test(record) && /\bTom\b/.test(record)

export function systemLines(systems: Systems): string[] {
  const short = (sha: string | undefined) => sha?.slice(0, 7) ?? 'nothing'
  return [
    '── systems',
    ...systems.branches.map(({ name, sha, title }) => `branch ${name}: ${short(sha)} ${title}`),
    ...systems.environments.flatMap((one) => [
      `${one.app}: runs ${short(one.runs?.sha)}, holds ${short(one.holds?.sha)}`,
      ...one.releases.map(
        ({ version, status, description, current }) =>
          `  v${version} ${status}${current ? ', current' : ''}: ${description}`,
      ),
      ...databasesOf(one).map(
        ([name, { revisions, columns }]) =>
          `  database ${name} at ${revisions.join(', ') || 'no revision'}; ${columns.length} columns`,
      ),
    ]),
    ...systems.pullRequests.map(
      ({ id, title, state, source, destination }) => `PR #${id} ${state}: ${title} (${source} → ${destination})`,
    ),
    `migrations by ${systems.migrations}`,
  ]
}
