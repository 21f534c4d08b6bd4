/** What is typed into any field has no effect but its own: nobody is mentioned, nothing is linked, and nothing breaks. */
import { describe, expect, it, onTestFinished } from 'vitest'
import { HOTFIX_FIELD, SURE } from '../../src/slack/views/hotfix-modal.ts'
import { FIELD } from '../../src/slack/views/modals.ts'
import { messageProblems, viewProblems } from '../support/block-kit-limits.ts'
import { DANA, LIN, TOM } from '../support/builders.ts'
import { HOSTILE_STRINGS } from '../support/hostile-strings.ts'
import { commandOf, pressOf, submissionOf } from '../support/simulation/clicks.ts'
import { createSimulation, type Simulation } from '../support/simulation/simulation.ts'

const BATCH = 24
const batches = Array.from({ length: Math.ceil(HOSTILE_STRINGS.length / BATCH) }, (_, at) =>
  HOSTILE_STRINGS.slice(at * BATCH, (at + 1) * BATCH),
)
const shown = (text: string) => JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text)

function simulated(): Simulation {
  const sim = createSimulation()
  onTestFinished(() => sim.end())
  return sim
}

type Json = Record<string, unknown>

function* objects(value: unknown): Generator<Json> {
  if (Array.isArray(value)) for (const item of value) yield* objects(item)
  else if (typeof value === 'object' && value !== null) {
    yield value as Json
    for (const item of Object.values(value)) yield* objects(item)
  }
}

const OURS: readonly string[] = [DANA.id, LIN.id, TOM.id]

/** What of a message would notify, link or look like more than text, though a person typed it. */
function effects(message: { readonly text: string; readonly blocks?: readonly unknown[] }): string[] {
  const found: string[] = []
  const parsed = [message.text]
  for (const part of objects(message.blocks ?? [])) {
    if (part.type === 'mrkdwn') parsed.push(String(part.text))
    if (part.type === 'broadcast' || part.type === 'usergroup' || part.type === 'channel')
      found.push(JSON.stringify(part))
    if (part.type === 'user' && !OURS.includes(String(part.user_id))) found.push(JSON.stringify(part))
    if (part.type === 'link' && String(part.url).includes('evil')) found.push(JSON.stringify(part))
  }
  for (const text of parsed) {
    found.push(
      ...(text.match(/<!(?!date\^\d+\^\{[^|>]*\|\d{4}-)[^>]*>|<(?:https?|mailto|slack|javascript):[^>]*evil[^>]*>/g) ??
        []),
    )
    found.push(...(text.match(/https?:\/\/evil\.example|(?<!\S)www\.evil/g) ?? []))
    found.push(...(text.match(/[\u202a-\u202e\u2066\u2067]/g) ?? []).map((each) => JSON.stringify(each)))
  }
  return found
}

function checkMessages(sim: Simulation, from: number, typed: string): void {
  for (const message of sim.world.slack.messages.slice(from)) {
    const { text, blocks } = message as { text: string; blocks?: readonly unknown[] }
    const drawn = { text, ...(blocks !== undefined && { blocks }) }
    expect(messageProblems(drawn), shown(typed)).toEqual([])
    expect(effects(drawn), shown(typed)).toEqual([])
  }
}

it('is a list of more than 548', () => {
  expect(HOSTILE_STRINGS.length).toBeGreaterThan(548)
})

describe.each([['deploy'], ['hotfix']] as const)('/%s', (command) => {
  it('answers each of them in words, and makes no release', async () => {
    const sim = simulated()
    for (const typed of HOSTILE_STRINGS) {
      const from = sim.world.slack.messages.length
      await sim.deliver((id) => commandOf(command, typed, DANA.id, id))
      const view = sim.opened()
      if (view !== undefined) expect(viewProblems(view), shown(typed)).toEqual([])
      checkMessages(sim, from, typed)
    }
    expect(sim.releases()).toEqual([])
  })
})

/** Everything that was kept of it, and nothing was lost but what no store takes. */
const kept = (typed: string) => typed.replaceAll('\0', '\uFFFD').trim()

const isCommit = (typed: string) => /^[0-9a-f]{4,40}$/.test(typed)

/** The window of a button on the newest card. */
async function windowOf(sim: Simulation, action: 'rejection' | 'emergency', by: string) {
  const at = sim.release().card ?? { channel: '', ts: '' }
  const token = await sim.tokenOf(action)
  await sim.deliver((id) => pressOf({ action, token, at }, by, id))
  const view = sim.opened()
  if (view === undefined) throw new Error('no window was opened')
  return view
}

describe('a reason', () => {
  it.each(batches.map((batch, at) => [at + 1, batch] as const))('of a rejection, batch %i', async (_at, batch) => {
    const sim = simulated()
    for (const typed of batch) {
      const from = sim.world.slack.messages.length
      await sim.request()
      await sim.settle()
      const view = await windowOf(sim, 'rejection', TOM.id)
      await sim.deliver((id) => submissionOf(view, { [FIELD.reason]: typed }, TOM.id, id))
      await sim.settle()
      const release = sim.release()
      if (kept(typed) === '') {
        expect(release.state, shown(typed)).toBe('awaiting sign-off')
        await sim.cancel(DANA.id)
      } else {
        expect(release.state, shown(typed)).toBe('rejected')
        expect(release.endReason?.isWellFormed(), shown(typed)).toBeDefined()
      }
      checkMessages(sim, from, typed)
    }
  })

  it.each(batches.map((batch, at) => [at + 1, batch] as const))('of a hot-fix, batch %i', async (_at, batch) => {
    const sim = simulated()
    for (const typed of batch) {
      const from = sim.world.slack.messages.length
      const asked = { [HOTFIX_FIELD.app]: 'api', [HOTFIX_FIELD.environment]: 'production', [HOTFIX_FIELD.sure]: SURE }
      const wrong = { ...asked, [HOTFIX_FIELD.commits]: typed, [FIELD.reason]: typed }
      const right = {
        ...wrong,
        [HOTFIX_FIELD.commits]: sim.world.repository.fix,
        [FIELD.reason]: `It can’t wait: ${typed}`,
      }
      for (const values of [wrong, right]) {
        await sim.deliver((id) => commandOf('hotfix', '', DANA.id, id))
        const view = sim.opened()
        if (view === undefined) throw new Error('no window was opened')
        expect(viewProblems(view), shown(typed)).toEqual([])
        const before = sim.releases().length
        await sim.deliver((id) => submissionOf(view, values, DANA.id, id))
        await sim.settle()
        if (values === wrong && !isCommit(typed)) expect(sim.releases().length, shown(typed)).toBe(before)
      }
      expect(sim.release().state, shown(typed)).toBe('awaiting sign-off')
      await sim.cancel(DANA.id)
      await sim.settle()
      checkMessages(sim, from, typed)
    }
  })

  it('of an emergency, each eighth: it goes out', async () => {
    for (const typed of HOSTILE_STRINGS.filter((_, at) => at % 8 === 0)) {
      const sim = simulated()
      await sim.request()
      await sim.settle()
      const view = await windowOf(sim, 'emergency', TOM.id)
      await sim.deliver((id) => submissionOf(view, { [FIELD.reason]: `It is down: ${typed}` }, TOM.id, id))
      await sim.settle()
      expect(sim.release().state, shown(typed)).toBe('succeeded')
      checkMessages(sim, 0, typed)
      sim.checkInvariants()
    }
  })
})
