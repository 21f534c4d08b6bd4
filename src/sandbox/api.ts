import type { createDrawing } from './drawing.ts'
import { CHANNELS, PEOPLE, type PersonName } from './people.ts'
import type { Sandbox } from './sandbox.ts'
import { isRecord, type Json } from './slack/state.ts'
import type { FormValues, Seen } from './slack/workspace.ts'
import { isTrouble, TROUBLES } from './trouble.ts'
import { screenOf } from './view.ts'
import { giveWork, WORK } from './work.ts'
import type { World } from './world.ts'

export type ApiAnswer = { status: number; body: unknown }

/** A request that can't be done as it was made; the words are for who made it. */
class Unusable extends Error {}

/**
 * What the page and scripts can do, as JSON over HTTP: documented in docs/sandbox.md. `world.read` gives the world as it is
 * now, `world.last` as an open page knows it.
 * What a person does comes back as what they see of it: `seen`, and the errors of a form.
 */
export function createApi(
  sandbox: Sandbox,
  drawing: ReturnType<typeof createDrawing>,
  world: { read(): Promise<World>; last(): Promise<World> },
) {
  const { slack } = sandbox

  const reads: Record<string, (query: URLSearchParams) => unknown> = {
    async screen(query) {
      return screenOf(sandbox, drawing, person(query.get('as') ?? 'dana'), await world.last())
    },
    world: world.read,
    transcript: () => ({ text: slack.transcript() }),
    troubles: () => ({ troubles: TROUBLES, armed: sandbox.troubles.armed() }),
  }

  const acts: Record<string, (body: Json) => Promise<unknown>> = {
    async command(body) {
      const [command = '', ...rest] = words(body, 'text').trim().split(/\s+/)
      if (!sandbox.slashCommands.some((one) => one.command === command)) {
        throw new Unusable(`There is no command ${command.slice(0, 40)} here.`)
      }
      return act(slack.command({ user: as(body), channel: words(body, 'channel'), command, text: rest.join(' ') }))
    },
    async message(body) {
      const thread = body.thread === undefined ? {} : { threadTs: words(body, 'thread') }
      const said = slack.say({ user: as(body), channel: words(body, 'channel'), text: words(body, 'text'), ...thread })
      return { ts: said.ts }
    },
    async click(body) {
      const button = body.label === undefined ? { actionId: words(body, 'action') } : { label: words(body, 'label') }
      const click = { user: as(body), channel: words(body, 'channel'), ts: words(body, 'ts'), ...button }
      if (!sandbox.troubles.takeDuplicate()) return act(slack.click(click))
      const all = await slack.deliver(slack.captureClick(click), { repeat: 3, sameId: false })
      return { ...shown(all[0]), copies: all.length }
    },
    async submit(body) {
      const values = isRecord(body.values) ? (body.values as FormValues) : {}
      return act(slack.submit({ user: as(body), values }))
    },
    async press(body) {
      return act(slack.press({ user: as(body), actionId: words(body, 'action') }))
    },
    async close(body) {
      await slack.closeView({ user: as(body) })
      return {}
    },
    async trouble(body) {
      if (!isTrouble(body.name))
        throw new Unusable(`A trouble is one of ${TROUBLES.map(({ name }) => name).join(', ')}.`)
      if (body.end === true) {
        sandbox.troubles.end(body.name)
        return { armed: sandbox.troubles.armed() }
      }
      const at = body.environment === 'integration' ? 'integration' : 'production'
      await sandbox.troubles.make(body.name, at, typeof body.seconds === 'number' ? body.seconds : 20)
      return { armed: sandbox.troubles.armed() }
    },
    async work(body) {
      const found = WORK.find(({ name }) => name === body.name)
      if (found === undefined) throw new Unusable(`Work is one of ${WORK.map(({ name }) => name).join(', ')}.`)
      return { sha: await giveWork(sandbox.repository, sandbox.bitbucket, found.name) }
    },
  }

  return {
    isRead: (name: string) => Object.hasOwn(reads, name),
    async read(name: string, query: URLSearchParams): Promise<ApiAnswer> {
      return answer(async () => reads[name]?.(query))
    },
    async act(name: string, body: unknown): Promise<ApiAnswer> {
      if (!Object.hasOwn(acts, name)) return { status: 404, body: { error: `There is no ${name} here.` } }
      if (!isRecord(body)) return { status: 400, body: { error: 'The body is a JSON object.' } }
      return answer(async () => acts[name]?.(body))
    },
  }
}

async function answer(work: () => Promise<unknown>): Promise<ApiAnswer> {
  try {
    return { status: 200, body: await work() }
  } catch (error) {
    // The stand-ins throw when somebody presses what is not there any more: that is an answer too.
    return { status: 400, body: { error: error instanceof Error ? error.message : 'unknown' } }
  }
}

const shown = (seen: Seen | undefined) => ({ seen: seen?.seen, why: seen?.why, errors: seen?.errors ?? {} })

const act = async (acting: Promise<Seen>) => shown(await acting)

function person(name: string): PersonName {
  const found = PEOPLE.find((one) => one.name === name)
  if (found === undefined) throw new Unusable(`One is ${PEOPLE.map((one) => one.name).join(', ')} here.`)
  return found.name
}

const as = (body: Json): PersonName => person(words(body, 'as'))

function words(body: Json, name: string): string {
  const value = body[name]
  if (typeof value !== 'string' || value === '') {
    const example = name === 'channel' ? ` (${CHANNELS.join(' or ')})` : ''
    throw new Unusable(`${name} is missing${example}.`)
  }
  return value
}
