import type { createDrawing, Part } from './drawing.ts'
import { FAULTS, NEEDS_ENVIRONMENT } from './faults.ts'
import { guideFacts } from './guide-facts.ts'
import { type NextStep, nextStep } from './next-step.ts'
import { CHANNELS, PEOPLE, type PersonName } from './people.ts'
import type { Sandbox } from './sandbox.ts'
import type { Ephemeral, Message, View } from './slack/state.ts'
import type { Systems } from './systems.ts'
import { WORK } from './work.ts'

export type ShownMessage = {
  /** Unique among the messages that one person sees. */
  key: string
  channel: string
  ts: string
  thread: string | undefined
  isBroadcast: boolean
  author: string
  isBot: boolean
  isEdited: boolean
  /** Visible only to this person. */
  isPrivate: boolean
  /** The text for screen readers. */
  text: string
  parts: Part[]
}

export type ShownView = {
  id: string
  title: string
  submit: string | undefined
  close: string
  parts: Part[]
  values: View['values']
}

export type ShownHome = { id: string; hash: string; parts: Part[]; values: View['values'] }

/** Everything that the page shows one person. `world` and `troubles` keep the names of the HTTP API. */
export type Screen = {
  as: PersonName
  people: typeof PEOPLE
  channels: { id: string; name: string; kind: 'channel' | 'direct' }[]
  messages: ShownMessage[]
  view: ShownView | undefined
  /** The person's Home, once the app has published one. */
  home: ShownHome | undefined
  /** For the guide. */
  next: NextStep
  world: Systems
  troubles: {
    name: string
    group: string
    title: string
    what: string
    expect: string
    /** How many times it is armed; 1 while a fault with a duration lasts. */
    armed: number
    lasts: boolean
    /** It affects one environment, which the caller chooses. */
    needsEnvironment: boolean
  }[]
  work: typeof WORK
  commands: { command: string; description: string; hint: string }[]
}

type Drawing = ReturnType<typeof createDrawing>

/** What a person sees now. The caller reads `systems`, since that takes longer than the rest. */
export function screenOf(sandbox: Sandbox, drawing: Drawing, as: PersonName, systems: Systems): Screen {
  const { slack } = sandbox
  const direct = slack.directChannel(as)
  const names = new Map(slack.users().map((user) => [user.id, user]))

  function shown(one: Message | Ephemeral): ShownMessage {
    const isPrivate = 'source' in one
    const author = isPrivate ? undefined : names.get(one.user)
    return {
      key: `${one.channel}/${one.ts}${isPrivate ? '/private' : ''}`,
      channel: one.channel,
      ts: one.ts,
      thread: one.threadTs,
      isBroadcast: !isPrivate && one.isBroadcast,
      author: isPrivate ? (one.source === 'slackbot' ? 'Slackbot' : 'Signoff') : (author?.realName ?? one.user),
      isBot: isPrivate || author?.bot === true,
      isEdited: !isPrivate && one.isEdited,
      isPrivate,
      text: slack.readable(one.text),
      parts: one.blocks.length > 0 ? drawing.parts(one.blocks) : drawing.text(one.text),
    }
  }

  const channels = slack.channels().filter((one) => (CHANNELS as readonly string[]).includes(one.name))
  const messages = [...channels, direct].flatMap(({ name, kind }) =>
    kind === 'direct' ? slack.directMessages(as) : slack.messages(name).concat(repliesOf(sandbox, name)),
  )
  const all = [...messages, ...slack.ephemerals(as)]
  const view = slack.openView(as)
  const home = slack.homeView(as)
  const armed: Record<string, number> = sandbox.faults.armed()
  const lasting = sandbox.faults.lasting()
  return {
    as,
    people: PEOPLE,
    channels: [
      ...channels.map(({ id, name }) => ({ id, name, kind: 'channel' as const })),
      { id: direct.id, name: 'Signoff', kind: 'direct' as const },
    ],
    messages: all.sort((a, b) => a.ts.localeCompare(b.ts)).map(shown),
    view: view && {
      id: view.id,
      title: view.title,
      submit: view.submit,
      close: view.close ?? 'Cancel',
      parts: drawing.parts(view.blocks),
      values: view.values,
    },
    home: home && { id: home.id, hash: home.hash, parts: drawing.parts(home.blocks), values: home.values },
    next: nextStep(guideFacts(sandbox, as, systems)),
    world: systems,
    troubles: FAULTS.map((one) => ({
      ...one,
      armed: armed[one.name] ?? 0,
      lasts: lasting.includes(one.name),
      needsEnvironment: NEEDS_ENVIRONMENT.includes(one.name),
    })),
    work: WORK,
    commands: sandbox.slashCommands,
  }
}

function repliesOf({ slack }: Sandbox, name: string): Message[] {
  const roots = new Set(slack.messages(name).map(({ threadTs, ts }) => threadTs ?? ts))
  return [...roots].flatMap((ts) => slack.thread(name, ts).filter((reply) => !reply.isBroadcast))
}
