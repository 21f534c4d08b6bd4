import type { Sandbox } from './sandbox.ts'
import type { Message } from './slack/state.ts'
import type { World } from './world.ts'

const PATIENCE_MS = 25_000

/**
 * Tells the story of two releases as people live it, integration and then production with QA and approval, prints the channels and
 * the world at the end, and gives whether all of it is as it should be.
 */
export async function playStory(sandbox: Sandbox, say: (line: string) => void): Promise<boolean> {
  const { slack } = sandbox
  const master = await sandbox.repository.head('master')
  const until = (channel: string, words: RegExp) => {
    const found = () => slack.messages(channel).some((message) => words.test(wordsOf(sandbox, message)))
    return slack.waitFor(found, { what: `${words} in #${channel}`, channel, timeoutMs: PATIENCE_MS })
  }
  const press = async (user: string, label: string) => {
    const card = await slack.waitFor(() => slack.messages('product').findLast((one) => hasButton(one, label)), {
      what: `a card with ${label}`,
      timeoutMs: PATIENCE_MS,
    })
    say(`  ${user} presses ${label}.`)
    await slack.click({ user, channel: 'product', ts: card.ts, label })
  }

  try {
    say('— Integration: nobody is asked.')
    say('  dana types /deploy integration.')
    await slack.command({ user: 'dana', channel: 'engineering', command: '/deploy', text: 'integration' })
    await until('engineering', /Succeeded/)
    say('— Production: QA by one, approval by another.')
    say('  dana types /deploy production.')
    await slack.command({ user: 'dana', channel: 'product', command: '/deploy', text: 'production' })
    await until('product', /Awaiting sign-off/)
    await talkOver(sandbox, say)
    await press('lin', 'QA passed')
    await until('product', /Given: QA/)
    await press('tom', 'Approve')
    await until('product', /Succeeded/)
    await slack.waitFor(() => threadsOf(sandbox, 'product').some((words) => words.includes('Record:')), {
      what: 'the outcome in the thread',
      channel: 'product',
      timeoutMs: PATIENCE_MS,
    })
  } catch (error) {
    say(error instanceof Error ? error.message : String(error))
    return false
  }

  say('')
  for (const channel of ['engineering', 'product']) say(slack.transcript(channel))
  const world = await sandbox.world.read()
  say('')
  for (const line of worldLines(world)) say(line)
  const wrong = await problemsOf(sandbox, world, master)
  say('')
  for (const problem of wrong) say(`Not as it should be: ${problem}.`)
  if (wrong.length === 0) say('All of it is as it should be.')
  return wrong.length === 0
}

/** A migration that may destroy data has to be talked over first; that of the story only adds, as far as the plan can tell. */
async function talkOver({ slack }: Sandbox, say: (line: string) => void): Promise<void> {
  const card = slack.messages('product').findLast((one) => hasButton(one, 'Talked over'))
  if (card === undefined) return
  say('  Tom presses Talked over and writes a note.')
  await slack.click({ user: 'tom', channel: 'product', ts: card.ts, label: 'Talked over' })
  await slack.waitFor(() => slack.openView('tom'), { what: 'a modal for Tom' })
  await slack.submit({ user: 'tom', values: { Note: 'With the whole team: it only adds a column.' } })
}

async function problemsOf(sandbox: Sandbox, world: World, master: string): Promise<string[]> {
  const problems: string[] = []
  const expect = (holds: boolean, otherwise: string) => {
    if (!holds) problems.push(otherwise)
  }
  for (const one of world.environments) {
    const isAtHead = one.database.revisions.join() === one.database.head
    expect(isAtHead, `the database of ${one.name} is at ${one.database.revisions.join() || 'nothing'}`)
    expect(one.holds?.sha === one.runs?.sha, `${one.name} does not run what it holds`)
    const pushes = sandbox.heroku.log.filter((event) => event.kind === 'ref moved' && event.app === one.app)
    expect(
      pushes.filter((event) => 'by' in event && event.by === 'push').length === 1,
      `${one.name} was not pushed to once`,
    )
  }
  const [integration, production] = world.environments
  expect(integration?.runs?.sha === master, 'integration does not run master')
  const branch = world.branches.find(({ name }) => name === 'production')
  expect(production?.runs?.sha === branch?.sha, 'production does not run the head of its branch')
  expect(production?.behind === 0, 'production lacks commits of master')
  const released = world.pullRequests.filter(({ destination }) => destination === 'production')
  expect(released.length === 1 && released[0]?.state === 'MERGED', 'the pull request to production is not merged')
  const [record = ''] = released[0]?.comments ?? []
  expect(
    released[0]?.comments.length === 1 && /\bLin\b/.test(record) && /\bTom\b/.test(record),
    'the record is not on it, once',
  )
  const announcements = sandbox.slack
    .messages('product')
    .filter((message) => /is changing/.test(wordsOf(sandbox, message)))
  expect(announcements.length === 1, 'there was not one announcement')
  return problems
}

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

const wordsOf = (sandbox: Sandbox, message: Message) =>
  `${sandbox.slack.plainText(message)}\n${message.text}`.replaceAll('\u00a0', ' ')

function threadsOf({ slack }: Sandbox, channel: string): string[] {
  return slack.messages(channel).flatMap(({ ts }) => slack.thread(channel, ts).map((one) => slack.plainText(one)))
}

const hasButton = (message: Message, label: string) =>
  JSON.stringify(message.blocks).includes(`"text":${JSON.stringify(label)}`)
