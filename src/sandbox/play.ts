import { authors } from './app-repository.ts'
import { problemsOf, worldLines } from './play-ending.ts'
import type { Sandbox } from './sandbox.ts'
import type { Message } from './slack/state.ts'

const PATIENCE_MS = 60_000

type Stage = {
  sandbox: Sandbox
  say: (line: string) => void
  type: (user: string, channel: string, command: '/deploy' | '/hotfix', text: string) => Promise<void>
  /** Presses a button of the newest card that has it. */
  press: (user: string, label: string) => Promise<void>
  until: (channel: string, words: RegExp) => Promise<unknown>
}

/**
 * Tells a story as people live it: a release to integration, one to production with QA and approval, then a hot-fix. Prints
 * the channels and the world at the end, and gives whether all of it is as it should be.
 */
export async function playStory(sandbox: Sandbox, say: (line: string) => void): Promise<boolean> {
  const { slack } = sandbox
  const stage = stageOf(sandbox, say)
  const master = await sandbox.repository.head('master')
  let fix: string
  try {
    await toIntegration(stage)
    await toProduction(stage)
    fix = await hotfix(stage)
  } catch (error) {
    say(error instanceof Error ? error.message : String(error))
    return false
  }

  say('')
  for (const channel of ['engineering', 'product']) say(slack.transcript(channel))
  const world = await sandbox.world.read()
  say('')
  for (const line of worldLines(world)) say(line)
  const wrong = await problemsOf(sandbox, world, { master, fix })
  say('')
  for (const problem of wrong) say(`Not as it should be: ${problem}.`)
  if (wrong.length === 0) say('All of it is as it should be.')
  return wrong.length === 0
}

function stageOf(sandbox: Sandbox, say: Stage['say']): Stage {
  const { slack } = sandbox
  return {
    sandbox,
    say,
    async type(user, channel, command, text) {
      say(`  ${user} types ${command} ${text}.`)
      await slack.command({ user, channel, command, text })
    },
    async press(user, label) {
      const card = await slack.waitFor(() => slack.messages('product').findLast((one) => hasButton(one, label)), {
        what: `a card with ${label}`,
        timeoutMs: PATIENCE_MS,
      })
      say(`  ${user} presses ${label}.`)
      await slack.click({ user, channel: 'product', ts: card.ts, label })
    },
    until(channel, words) {
      const told = () =>
        slack.messages(channel).flatMap((card) => [wordsOf(sandbox, card), ...threadOf(sandbox, channel, card)])
      return slack.waitFor(() => told().some((one) => words.test(one)), {
        what: `${words} in #${channel}`,
        channel,
        timeoutMs: PATIENCE_MS,
      })
    },
  }
}

async function toIntegration({ say, type, until }: Stage): Promise<void> {
  say('— Integration: nobody is asked.')
  await type('dana', 'engineering', '/deploy', 'integration')
  await until('engineering', /Succeeded/)
}

async function toProduction(stage: Stage): Promise<void> {
  const { say, type, until } = stage
  say('— Production: QA by one, approval by another.')
  await type('dana', 'product', '/deploy', 'production')
  await until('product', /#2:[\s\S]*Awaiting sign-off/)
  await talkOver(stage)
  await sign(stage, 2)
  await until('product', /#2:[\s\S]*Succeeded/)
  await until('product', /#2 succeeded[\s\S]*Record:/)
}

/** A commit that master does not have, so that it has to be carried there. Gives it. */
async function hotfix(stage: Stage): Promise<string> {
  const { sandbox, say, type, until } = stage
  const { repository, slack } = sandbox
  say('— A hot-fix: search fails in production, and Ben has mended it on a branch.')
  await repository.branch('search-for-nothing', await repository.head('production'))
  const fix = await repository.commit({
    branch: 'search-for-nothing',
    files: { 'api/words.py': "def words_of(text):\n    return (text or '').strip()\n" },
    message: 'Search for nothing without failing',
    author: authors.ben,
  })
  await type('dana', 'product', '/hotfix', `${fix.slice(0, 8)} production`)
  await slack.waitFor(() => slack.openView('dana'), { what: 'a modal for Dana', timeoutMs: PATIENCE_MS })
  say('  dana gives a reason, and says that she is sure.')
  await slack.submit({
    user: 'dana',
    values: { Reason: 'Every second search fails since noon.', 'Are you sure?': true },
  })
  await until('product', /Hot-fix #3:[\s\S]*Awaiting sign-off/)
  await sign(stage, 3)
  await until('product', /#3:[\s\S]*Succeeded/)
  await until('product', /#3 succeeded[\s\S]*Record:/)
  await until('product', /carries the hot-fix to master/)
  return fix
}

async function sign({ press, until }: Stage, number: number): Promise<void> {
  await press('lin', 'QA passed')
  await until('product', new RegExp(`#${number}:[\\s\\S]*Given: QA`))
  await press('tom', 'Approve')
}

/** A migration that may destroy data has to be talked over first; that of the story only adds, as far as the plan can tell. */
async function talkOver({ sandbox: { slack }, say }: Stage): Promise<void> {
  const card = slack.messages('product').findLast((one) => hasButton(one, 'Talked over'))
  if (card === undefined) return
  say('  Tom presses Talked over and writes a note.')
  await slack.click({ user: 'tom', channel: 'product', ts: card.ts, label: 'Talked over' })
  await slack.waitFor(() => slack.openView('tom'), { what: 'a modal for Tom' })
  await slack.submit({ user: 'tom', values: { Note: 'With the whole team: it only adds a column.' } })
}

const wordsOf = (sandbox: Sandbox, message: Message) =>
  `${sandbox.slack.plainText(message)}\n${message.text}`.replaceAll('\u00a0', ' ')

function threadOf(sandbox: Sandbox, channel: string, { ts }: Message): string[] {
  return sandbox.slack.thread(channel, ts).map((message) => wordsOf(sandbox, message))
}

const hasButton = (message: Message, label: string) =>
  JSON.stringify(message.blocks).includes(`"text":${JSON.stringify(label)}`)
