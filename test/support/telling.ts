/** For `npm run story`: prints what people read of a team, as it comes and as it changes. */
import type { Ephemeral, Message, SlackWorkspace } from '../../src/sandbox/slack/workspace.ts'
import { wordsOf } from './channel.ts'

/** From now on every message of #product, of its threads and of what people are told alone is printed, and again when it changes. */
export function tellStory(slack: SlackWorkspace): void {
  const told = new Map<string, string>()
  const began = performance.now()
  const nameOf = (id: string) => slack.users().find((user) => user.id === id)?.name ?? id

  function tell(where: string, message: Message | Ephemeral): void {
    const key = `${message.channel} ${message.ts} ${'source' in message}`
    const words = wordsOf(slack, message)
    const before = told.get(key)
    if (before === words) return
    told.set(key, words)
    const seconds = ((performance.now() - began) / 1_000).toFixed(1).padStart(5)
    const changed = before === undefined ? '' : ', changed'
    process.stdout.write(`${seconds} s  ${where}${changed}\n${words.replaceAll(/^/gm, '         ')}\n`)
  }

  slack.onChange(() => {
    for (const message of slack.messages('product')) {
      if (!message.isBroadcast) tell('#product', message)
      for (const reply of slack.thread('product', message.ts)) tell('  thread', reply)
    }
    for (const { id, bot } of slack.users()) {
      if (bot) continue
      for (const message of [...slack.ephemerals(id), ...slack.directMessages(id)]) tell(`${nameOf(id)} alone`, message)
    }
  })
}
