/** The record step over fakes: it writes once, whatever answers are lost. */
import { describe, expect, it } from 'vitest'
import type { Answer } from '../../../src/release/ports/answers.ts'
import { recordMarker } from '../../../src/worker/run/record-text.ts'
import { record } from '../../../src/worker/run/steps/record.ts'
import { aPlan, aRelease, MIGRATIONS } from '../../support/builders.ts'
import { COMMIT, fakeRun } from '../fakes.ts'

interface Case {
  /** The comments that are there, by their text. */
  readonly there?: readonly string[]
  /** `lost`: the comment is made and the answer is not. */
  readonly answers?: 'all' | 'lost' | 'none'
  readonly plan?: ReturnType<typeof aPlan>
}

const AWAY: Answer<never> = { ok: false, failure: 'unreachable', detail: 'no answer' }

function runOf({ there = [], answers = 'all', plan = aPlan() }: Case) {
  const comments = [...there]
  const places = new Set<string>()
  const release = aRelease({ plan, state: 'running', attempt: 1 })
  const { run } = fakeRun(
    {
      forge: {
        findComment: async (_app, _on, marker) => {
          const found = comments.findIndex((text) => text.includes(marker))
          return { ok: true, value: found < 0 ? undefined : `https://comments.test/${found}` }
        },
        comment: async (_app, on, text) => {
          places.add(JSON.stringify(on))
          if (answers !== 'none') comments.push(text)
          return answers === 'all' ? { ok: true, value: `https://comments.test/${comments.length - 1}` } : AWAY
        },
      },
    },
    { plan, release },
  )
  return { run, comments, places, marker: recordMarker(release) }
}

/** A plan whose SQL does not fit into one comment. */
const LONG = aPlan({
  migrations: MIGRATIONS.map((migration) => ({
    ...migration,
    sql: Array.from({ length: 2_000 }, () => 'SELECT 1 + 1;'),
  })),
})

describe('the look', () => {
  it('finds the record by its marker', async () => {
    const { run, marker } = runOf({})
    expect(await record.probe(run)).toEqual({ is: 'absent' })
    expect(await record.probe(runOf({ there: [`${marker}\n\n* QA passed`] }).run)).toMatchObject({ is: 'there' })
    expect(await record.probe(runOf({ there: ['Signoff record of release #1, plan 0'] }).run)).toEqual({ is: 'absent' })
  })

  it('stops where the forge does not answer', async () => {
    const { run } = fakeRun({ forge: { findComment: async () => AWAY } })
    expect(await record.probe(run)).toMatchObject({ is: 'stopped', effect: 'as before' })
  })
})

describe('the step', () => {
  it.each<[string, Case, object, number]>([
    ['writes one comment', {}, { is: 'done', effect: 'some', result: { commentUrl: 'https://comments.test/0' } }, 1],
    ['finds a comment whose answer was lost', { answers: 'lost' }, { is: 'done', effect: 'some' }, 1],
    [
      'stops where nothing was written',
      { answers: 'none' },
      { is: 'stopped', because: { gate: 'record_failed' }, effect: 'none' },
      0,
    ],
    ['writes long SQL before the record', { plan: LONG }, { is: 'done', effect: 'some' }, 3],
    ['the same where answers are lost', { plan: LONG, answers: 'lost' }, { is: 'done', effect: 'some' }, 3],
  ])('%s', async (_what, given, outcome, count) => {
    const { run, comments, marker } = runOf(given)
    expect(await record.perform(run)).toMatchObject(outcome)
    expect(comments).toHaveLength(count)
    expect(comments.filter((text) => text.includes(marker))).toEqual(comments.slice(-1))
  })

  it('writes the SQL that a try before has not written, and no comment twice', async () => {
    const first = runOf({ plan: LONG })
    await record.perform(first.run)
    const again = runOf({ plan: LONG, there: first.comments.slice(0, 1) })
    await record.perform(again.run)
    expect(again.comments).toEqual(first.comments)
  })

  it('W6: goes on where a try before stopped, each comment once', async () => {
    const findings = Array.from({ length: 30 }, () => ({
      risk: 'destroys' as const,
      what: 'drops a column',
      why: 'What it holds is gone. '.repeat(4),
    }))
    const migrations = Array.from({ length: 1_000 }, (_, n) => ({
      ...MIGRATIONS[0],
      revision: `rev${n}`,
      message: `Migration ${n}`,
      file: `m/${n}.py`,
      findings,
    }))
    const long = aPlan({ migrations })
    const whole = runOf({ plan: long })
    expect(await record.perform(whole.run)).toMatchObject({ is: 'done' })
    expect(whole.comments.length).toBeGreaterThan(2)
    expect(Math.max(...whole.comments.map(({ length }) => length))).toBeLessThanOrEqual(32_768)
    for (const done of [1, whole.comments.length - 1]) {
      const again = runOf({ plan: long, there: whole.comments.slice(0, done), answers: 'lost' })
      expect(await record.probe(again.run)).toEqual({ is: 'absent' })
      expect(await record.perform(again.run)).toMatchObject({ is: 'done' })
      expect(again.comments).toEqual(whole.comments)
    }
  })

  it('writes on the pull request, or on the commit where there is none', async () => {
    const { pullRequest: _, ...plan } = aPlan()
    const onPullRequest = runOf({})
    const onCommit = runOf({ plan })
    await record.perform(onPullRequest.run)
    await record.perform(onCommit.run)
    expect([...onPullRequest.places, ...onCommit.places]).toEqual(['{"pullRequest":418}', `{"commit":"${COMMIT}"}`])
  })
})
