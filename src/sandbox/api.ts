import type { createDrawing } from './drawing.ts'
import { FAULTS, isFaultName } from './faults.ts'
import { CHANNELS, PEOPLE, type PersonName } from './people.ts'
import type { Sandbox } from './sandbox.ts'
import { isRecord, type Json } from './slack/state.ts'
import type { FormValues, Seen } from './slack/workspace.ts'
import type { Systems } from './systems.ts'
import { screenOf } from './view.ts'
import { pushWork, WORK } from './work.ts'

export type ApiAnswer = { status: number; body: unknown }

/** A request that the API can't perform; the message is for the caller. */
class BadRequest extends Error {}

/**
 * The API of the page and of scripts, as JSON over HTTP; docs/sandbox.md documents it. Acts return what the person sees:
 * `seen`, and the errors of a form. `systems.read` reads the systems now, `systems.last` returns what an open page shows.
 */
export function createApi(
  sandbox: Sandbox,
  drawing: ReturnType<typeof createDrawing>,
  systems: { read(): Promise<Systems>; last(): Promise<Systems> },
) {
  const { slack } = sandbox

  const reads: Record<string, (query: URLSearchParams) => unknown> = {
    async screen(query) {
      return screenOf(sandbox, drawing, person(query.get('as') ?? 'dana'), await systems.last())
    },
    world: systems.read,
    transcript: () => ({ text: slack.transcript() }),
    troubles: () => ({ troubles: FAULTS, armed: sandbox.faults.armed() }),
  }

  const acts: Record<string, (body: Json) => Promise<unknown>> = {
    async command(body) {
      const [command = '', ...rest] = textOf(body, 'text').trim().split(/\s+/)
      if (!sandbox.slashCommands.some((one) => one.command === command)) {
        throw new BadRequest(`Unknown command: ${command.slice(0, 40)}`)
      }
      return act(slack.command({ user: as(body), channel: textOf(body, 'channel'), command, text: rest.join(' ') }))
    },
    async message(body) {
      const thread = body.thread === undefined ? {} : { threadTs: textOf(body, 'thread') }
      const posted = slack.say({
        user: as(body),
        channel: textOf(body, 'channel'),
        text: textOf(body, 'text'),
        ...thread,
      })
      return { ts: posted.ts }
    },
    async click(body) {
      const button = body.label === undefined ? { actionId: textOf(body, 'action') } : { label: textOf(body, 'label') }
      const click = { user: as(body), channel: textOf(body, 'channel'), ts: textOf(body, 'ts'), ...button }
      if (!sandbox.faults.takeDuplicate()) return act(slack.click(click))
      const all = await slack.deliver(slack.captureClick(click), { repeat: 3, sameId: false })
      return { ...shown(all[0]), copies: all.length }
    },
    async submit(body) {
      const values = isRecord(body.values) ? (body.values as FormValues) : {}
      return act(slack.submit({ user: as(body), values }))
    },
    async press(body) {
      return act(slack.press({ user: as(body), actionId: textOf(body, 'action') }))
    },
    /** Opens Signoff's Home. */
    async home(body) {
      const seen = await slack.openHome({ user: as(body) })
      return seen === undefined ? { seen: 'not subscribed' } : shown(seen)
    },
    /** Uses a control of the Home. */
    async use(body) {
      const block = body.block === undefined ? {} : { blockId: textOf(body, 'block') }
      const option = body.option === undefined ? {} : { option: textOf(body, 'option') }
      const options = Array.isArray(body.options) ? { options: body.options.map(String) } : {}
      return act(slack.useHome({ user: as(body), actionId: textOf(body, 'action'), ...block, ...option, ...options }))
    },
    async close(body) {
      await slack.closeView({ user: as(body) })
      return {}
    },
    async trouble(body) {
      if (!isFaultName(body.name))
        throw new BadRequest(`name must be one of ${FAULTS.map(({ name }) => name).join(', ')}.`)
      if (body.end === true) {
        sandbox.faults.end(body.name)
        return { armed: sandbox.faults.armed() }
      }
      const at = body.environment === 'integration' ? 'integration' : 'production'
      await sandbox.faults.inject(body.name, at, typeof body.seconds === 'number' ? body.seconds : 20)
      return { armed: sandbox.faults.armed() }
    },
    async clock(body) {
      if (body.to === 'next start') await sandbox.setForward('next start')
      else if (typeof body.minutes === 'number') await sandbox.setForward({ ms: body.minutes * 60_000 })
      else throw new BadRequest('Give minutes, or "to": "next start".')
      return {}
    },
    async work(body) {
      const found = WORK.find(({ name }) => name === body.name)
      if (found === undefined) throw new BadRequest(`name must be one of ${WORK.map(({ name }) => name).join(', ')}.`)
      return { sha: await pushWork(sandbox.repository, sandbox.bitbucket, found.name) }
    },
  }

  return {
    isRead: (name: string) => Object.hasOwn(reads, name),
    async read(name: string, query: URLSearchParams): Promise<ApiAnswer> {
      return answer(async () => reads[name]?.(query))
    },
    async act(name: string, body: unknown): Promise<ApiAnswer> {
      if (!Object.hasOwn(acts, name)) return { status: 404, body: { error: `Unknown action: ${name}` } }
      if (!isRecord(body)) return { status: 400, body: { error: 'The body must be a JSON object.' } }
      return answer(async () => acts[name]?.(body))
    },
  }
}

async function answer(work: () => Promise<unknown>): Promise<ApiAnswer> {
  try {
    return { status: 200, body: await work() }
  } catch (error) {
    // The stand-ins throw when a button no longer exists; the caller gets the reason.
    return { status: 400, body: { error: error instanceof Error ? error.message : 'unknown' } }
  }
}

const shown = (seen: Seen | undefined) => ({ seen: seen?.seen, why: seen?.why, errors: seen?.errors ?? {} })

const act = async (acting: Promise<Seen>) => shown(await acting)

function person(name: string): PersonName {
  const found = PEOPLE.find((one) => one.name === name)
  if (found === undefined) throw new BadRequest(`as must be one of ${PEOPLE.map((one) => one.name).join(', ')}.`)
  return found.name
}

const as = (body: Json): PersonName => person(textOf(body, 'as'))

function textOf(body: Json, name: string): string {
  const value = body[name]
  if (typeof value !== 'string' || value === '') {
    const example = name === 'channel' ? ` (${CHANNELS.join(' or ')})` : ''
    throw new BadRequest(`${name} is missing${example}.`)
  }
  return value
}
