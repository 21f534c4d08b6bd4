/**
 * docs/webhooks.md shows an example of each type, made by what makes them. After a change, rewrite them with
 * `npx vitest run test/release/webhooks.test.ts -u` and read what has changed: receivers depend on each key.
 */
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { EVENTS } from '../../src/release/events.ts'
import { subjectOf, WEBHOOK_OF, WEBHOOK_TYPES, webhookOf } from '../../src/release/webhooks.ts'
import { aCommit, anyEvent, aPlan, aRelease, aSignOff, at, DANA, LIN } from '../support/builders.ts'
import { exampleBodies, examplesInMarkdown, KEPT_BACK } from './webhook-examples.ts'

const DOCUMENT = fileURLToPath(new URL('../../docs/webhooks.md', import.meta.url))
const EXAMPLES = /(<!-- examples: as they are sent -->\n)[\s\S]*(\n<!-- \/examples -->)/

describe('the document', () => {
  it('has an example of each type, as it is sent', async () => {
    const document = await readFile(DOCUMENT, 'utf8')
    expect(document).toMatch(EXAMPLES)
    const written = document.replace(EXAMPLES, (_all, begin, end) => `${begin}\n${examplesInMarkdown()}\n${end}`)
    await expect(written).toMatchFileSnapshot(DOCUMENT)
  })

  it('shows each type by an event that is told as that type', () => {
    expect(exampleBodies().map(({ type, body }) => [type, 'type' in body && body.type])).toEqual(
      WEBHOOK_TYPES.map((type) => [type, type]),
    )
  })
})

describe('what is told', () => {
  it('has no SQL, no e-mail address, and no address of a remote or a database', () => {
    const text = JSON.stringify(exampleBodies())
    for (const kept of KEPT_BACK) expect(text).not.toContain(kept)
  })

  it('stays small, however much a release brings', () => {
    const commits = Array.from({ length: 2_000 }, (_, index) => aCommit(index.toString(16), 'x'.repeat(5_000)))
    const release = aRelease({ plan: aPlan({ commits }) })
    const draft = webhookOf({ release: 12, type: 'run_started', actor: 'worker', data: { attempt: 1 } }, { release })
    expect(draft?.data.release).toMatchObject({ plan: { commit_count: 2_000 } })
    expect(JSON.stringify(draft).length).toBeLessThan(20_000)
  })

  it('names the person who did it, also where the event has their id alone, and nobody for a worker', () => {
    const event = {
      release: 12,
      type: 'release_ended',
      data: { app: 'api', environment: 'production', state: 'cancelled' },
    }
    const by = (actor: string, more: Parameters<typeof aRelease>[0] = {}) =>
      webhookOf(anyEvent({ ...event, actor }), { release: aRelease(more) })?.data.by
    expect(by(DANA.id)).toEqual(DANA)
    expect(by(LIN.id, { signOffs: [aSignOff('qa', LIN)] })).toEqual(LIN)
    expect(by('U0NOBODY')).toEqual({ id: 'U0NOBODY', name: 'U0NOBODY' })
    for (const part of ['worker', 'bot', 'signoff']) expect(by(part)).toBeNull()
  })

  it('tells an emergency with what it waived', () => {
    const release = aRelease({ signOffs: [aSignOff('emergency', DANA, { note: 'customers can’t log in' })] })
    const draft = webhookOf(
      {
        release: 12,
        type: 'sign_off_given',
        actor: DANA.id,
        data: {
          kind: 'emergency',
          fingerprint: 'x',
          name: 'Dana',
          right: 'every full member',
          waives: ['environment_frozen'],
        },
      },
      { release },
    )
    expect(draft?.data).toMatchObject({
      by: DANA,
      sign_off: { kind: 'emergency', note: 'customers can’t log in', waives: ['environment_frozen'] },
      release: { emergency: true },
    })
  })

  it('tells a rejection once, as the end of its release', () => {
    const rejection = { kind: 'rejection', fingerprint: 'x', name: 'Lin', right: 'x' } as const
    const event = { release: 12, type: 'sign_off_given', actor: LIN.id, data: rejection } as const
    expect(webhookOf(event, { release: aRelease() })).toBeUndefined()
  })

  it('tells a changed time only of a release that waits for it', () => {
    const schedule = { at: at('20:00'), timeZone: 'UTC' }
    const event = anyEvent({ release: 12, type: 'start_time_changed', actor: DANA.id, data: { name: 'Dana' } })
    expect(webhookOf(event, { release: aRelease({ schedule }) })).toBeUndefined()
    expect(webhookOf(event, { release: aRelease({ schedule, state: 'scheduled' }) })).toMatchObject({
      type: 'release.scheduled',
      data: { release: { start_at: schedule.at.toISOString() } },
    })
  })

  it('tells a lock of a rollback among the locks, not in the release', () => {
    const data = { lock: 3, app: 'api', environment: 'production', reason: 'x', name: 'Dana', right: 'the requester' }
    const event = { release: 12, type: 'lock_set', actor: DANA.id, data } as const
    expect(subjectOf(event)).toEqual({ lock: 3 })
    const draft = webhookOf(event, {})
    expect(draft).toMatchObject({ type: 'lock.set', stream: 'lock api/production' })
    expect(draft?.release).toBeUndefined()
  })

  it('asks for a release also where its request says whether to lock afterwards', () => {
    const data = {
      app: 'api',
      environment: 'production',
      kind: 'rollback',
      lock: true,
      name: 'Dana',
      right: 'x',
    } as const
    expect(subjectOf({ release: 12, type: 'release_requested', actor: DANA.id, data })).toEqual({ release: 12 })
  })

  it('has types that never change', () => {
    const releases =
      'requested planned signed scheduled approved started needs_attention succeeded failed refused rejected cancelled expired outdated closed marked'
    expect(WEBHOOK_TYPES).toEqual([
      ...releases.split(' ').map((name) => `release.${name}`),
      ...['lock.set', 'lock.taken_over', 'lock.ended'],
    ])
  })

  it('has every type behind some event, and each of the record’s events decided', () => {
    expect(Object.keys(WEBHOOK_OF).toSorted()).toEqual(Object.keys(EVENTS).toSorted())
    expect(new Set(exampleBodies().map(({ type }) => type)).size).toBe(WEBHOOK_TYPES.length)
  })
})
