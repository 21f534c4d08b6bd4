import { authors } from './app-repository.ts'
import { keyOf, problemsOf, systemLines } from './play-ending.ts'
import type { Sandbox } from './sandbox.ts'
import { isRecord, type Message, records } from './slack/state.ts'

/** How long a release can post nothing while it waits for git, Heroku and migrations. */
const SILENCE_MS = 60_000

/** The buttons of the story: `action_id` and label. */
const BUTTONS = { qa_passed: 'QA passed', approve: 'Approve', talked_over: 'Talked over', reject: 'Reject' } as const
type Action = keyof typeof BUTTONS

type Stage = {
  sandbox: Sandbox
  say: (line: string) => void
  type: (user: string, channel: string, command: '/deploy' | '/hotfix', text: string) => Promise<void>
  /** Presses a button of the newest card that has it. */
  press: (user: string, action: Action) => Promise<void>
  /** Waits for a message by its key, such as `2:outcome`, in the channel or a thread of it. */
  until: (channel: string, key: string) => Promise<unknown>
  /** Waits until the card of a release asks for sign-offs. */
  awaiting: (number: number) => Promise<unknown>
}

/**
 * Plays a story: a release to integration, one to production with QA and approval, then a hot-fix. Prints the channels and
 * the systems at the end, and returns whether everything is as expected.
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
  const systems = await sandbox.systems.read()
  say('')
  for (const line of systemLines(systems)) say(line)
  const wrong = await problemsOf(sandbox, systems, { master, fix })
  say('')
  for (const problem of wrong) say(`Problem: ${problem}.`)
  if (wrong.length === 0) say('Everything is as expected.')
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
    async press(user, action) {
      const card = await slack.waitFor(() => slack.messages('product').findLast((one) => hasButton(one, action)), {
        what: `a card with ${BUTTONS[action]}`,
        silenceMs: SILENCE_MS,
      })
      say(`  ${user} presses ${BUTTONS[action]}.`)
      await slack.click({ user, channel: 'product', ts: card.ts, actionId: action })
    },
    until(channel, key) {
      const posted = () => slack.messages(channel).flatMap((one) => [one, ...slack.thread(channel, one.ts)])
      return slack.waitFor(() => posted().some((one) => `${keyOf(one)}:`.startsWith(`${key}:`)), {
        what: `${key} in #${channel}`,
        channel,
        silenceMs: SILENCE_MS,
      })
    },
    awaiting(number) {
      const cards = () => slack.messages('product').filter((one) => keyOf(one) === `${number}:card`)
      return slack.waitFor(() => cards().some((card) => hasButton(card, 'reject')), {
        what: `the card of #${number} to ask for sign-offs`,
        channel: 'product',
        silenceMs: SILENCE_MS,
      })
    },
  }
}

async function toIntegration({ say, type, until }: Stage): Promise<void> {
  say('— Integration: no sign-off needed.')
  await type('dana', 'engineering', '/deploy', 'integration')
  await until('engineering', '1:outcome')
}

async function toProduction(stage: Stage): Promise<void> {
  const { say, type, until, awaiting } = stage
  say('— Production: QA from one person, approval from another.')
  await type('dana', 'product', '/deploy', 'production')
  await awaiting(2)
  await talkOver(stage)
  await sign(stage, 2)
  await until('product', '2:outcome')
}

/** Releases a commit that master doesn't have, so that Signoff opens a pull request to master. Returns its SHA. */
async function hotfix(stage: Stage): Promise<string> {
  const { sandbox, say, type, until, awaiting } = stage
  const { repository, slack } = sandbox
  say('— Hot-fix: search fails in production, and Ben has fixed it on a branch.')
  await repository.branch('search-for-nothing', await repository.head('production'))
  const fix = await repository.commit({
    branch: 'search-for-nothing',
    files: { 'api/words.py': "def words_of(text):\n    return (text or '').strip()\n" },
    message: 'Search for nothing without failing',
    author: authors.ben,
  })
  await type('dana', 'product', '/hotfix', `${fix.slice(0, 8)} production`)
  await slack.waitFor(() => slack.openView('dana'), { what: 'a modal for Dana', silenceMs: SILENCE_MS })
  say('  dana enters a reason and confirms that she is sure.')
  await slack.submit({
    user: 'dana',
    values: { Reason: 'Every second search fails since noon.', 'Are you sure?': true },
  })
  await awaiting(3)
  await sign(stage, 3)
  await until('product', '3:outcome')
  await until('product', '3:carried')
  return fix
}

async function sign({ press, until }: Stage, number: number): Promise<void> {
  await press('lin', 'qa_passed')
  await until('product', `${number}:signed:qa`)
  await press('tom', 'approve')
}

/** Signs off a migration that can destroy data, if the plan needs it. */
async function talkOver({ sandbox: { slack }, say }: Stage): Promise<void> {
  const card = slack.messages('product').findLast((one) => hasButton(one, 'talked_over'))
  if (card === undefined) return
  say('  tom presses Talked over and writes a note.')
  await slack.click({ user: 'tom', channel: 'product', ts: card.ts, actionId: 'talked_over' })
  await slack.waitFor(() => slack.openView('tom'), { what: 'a modal for Tom' })
  await slack.submit({ user: 'tom', values: { Note: 'With the whole team: it only adds a column.' } })
}

function hasButton({ blocks }: Message, action: Action): boolean {
  const controls = blocks.flatMap((block) => [...records(block.elements), ...[block.accessory].filter(isRecord)])
  return controls.some((control) => control.action_id === action)
}
