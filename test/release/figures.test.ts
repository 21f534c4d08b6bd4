/** How each figure is counted, from the events of releases. */
import { describe, expect, it } from 'vitest'
import { type CountedRelease, countedRelease } from '../../src/release/counted.ts'
import { DAY_MS, type FigureDays, type Figures, figuresOf, usualRunMs } from '../../src/release/figures.ts'
import { aCommit, anEvent, aPlan, lifeOf, type Moment } from '../support/lives.ts'

const UNTIL = new Date('2026-11-30T12:00:00Z')
const PLACE = { app: 'api', environment: 'production' }

function figures(counted: readonly CountedRelease[], days: FigureDays = 30, until = UNTIL): Figures {
  return figuresOf(PLACE, counted, { days, until })
}

const HOUR = 60

/** Minutes before the end of the period. */
const ago = (minutes: number): Moment => new Date(UNTIL.getTime() - minutes * 60_000)

describe('one release', () => {
  it('counts lead times from the author, not the committer, and leaves merge commits out', () => {
    const commits = [
      aCommit('a1', 'Rebased', 'Ann', { at: '2026-11-30T09:00:00Z', authoredAt: '2026-11-29T10:00:00Z' }),
      aCommit('a2', 'As written', 'Ann', { at: '2026-11-30T09:00:00Z' }),
      aCommit('a3', 'Merge', 'Ann', { isMerge: true }),
    ]
    const one = lifeOf(1, { plan: aPlan({ commits }), at: new Date('2026-11-30T10:00:00Z') })
    expect(one).toMatchObject({ leadSeconds: [DAY_MS / 1000, 3_600], commits: 2 })
  })

  it('says how many commits it does not know: those beyond the listed ones, and picks of older plans', () => {
    const commits = [aCommit('a1', 'One', 'Ann', { at: '2026-11-30T09:00:00Z' })]
    expect(lifeOf(1, { plan: aPlan({ commits, commitCount: 700 }) })).toMatchObject({ commits: 700 })
    const pick = { from: 'b1', made: aCommit('a1', '').sha, title: '', author: { name: '', email: '' } }
    const hotfix = {
      picks: [{ ...pick, files: { count: 0, list: [] } }],
      at: '2026-11-30T09:00:00Z',
      alsoGoes: { count: 0, commits: [] },
    }
    const old = lifeOf(1, { kind: 'hotfix', plan: aPlan({ commits, hotfix }) })
    expect(old).toMatchObject({ leadSeconds: [], commits: 1 })
  })

  it('counts no commits of a first release, of a rollback, and of one that was never confirmed', () => {
    expect(lifeOf(1, { plan: aPlan({ firstRelease: true }) })).toMatchObject({ leadSeconds: [], commits: 0 })
    expect(lifeOf(1, { kind: 'rollback' })).toMatchObject({ leadSeconds: [], commits: 0 })
    expect(lifeOf(1, { ends: 'failed' })).toMatchObject({ leadSeconds: [], commits: 0, outcome: 'failed' })
  })

  it('counts an attention only after something irreversible, also once it has succeeded after Retry', () => {
    const begun = [anEvent('step_started', { step: 'merge', attempt: 1 }, ago(5))]
    const failed = (effect: 'none' | 'some' | 'unknown') =>
      anEvent('step_failed', { step: 'merge', attempt: 1, effect }, ago(4))
    const needed = anEvent('attention_needed', { gate: 'internal_error', attempt: 1 }, ago(3))
    const ended = anEvent('release_ended', { ...PLACE, state: 'succeeded' }, ago(1))
    const count = (...events: ReturnType<typeof anEvent>[]) =>
      countedRelease({ number: 1, ...PLACE, kind: 'deploy' }, events).attentionAt
    expect(count(...begun, failed('some'), needed, ended)).toBe(ago(3).getTime())
    expect(count(...begun, failed('unknown'), needed)).toBe(ago(3).getTime())
    expect(count(...begun, needed)).toBe(ago(3).getTime())
    expect(count(...begun, failed('none'), needed, ended)).toBeUndefined()
    expect(count(anEvent('step_started', { step: 'push', attempt: 1 }, ago(2)), ended)).toBeUndefined()
    expect(count(needed, ended)).toBeUndefined()
  })

  it('waits for sign-off from the plan to the last one that was owed; nobody waits where nobody signs', () => {
    expect(lifeOf(1, { signs: ['qa', 'approval'], signedAfterMin: 40 }).signedAfterMs).toBe(40 * 60_000)
    expect(lifeOf(1, { signs: [] }).signedAfterMs).toBeUndefined()
    const emergency = lifeOf(1, { signs: ['emergency'], signedAfterMin: 40 })
    expect(emergency).toMatchObject({ isEmergency: true })
    expect(emergency.signedAfterMs).toBeUndefined()
  })
})

describe('change failure rate', () => {
  const rate = (...counted: CountedRelease[]) => {
    const { failed, changes, numbers } = figures(counted).changeFailures
    return { failed, changes, numbers }
  }

  it('counts a release once, however it failed', () => {
    const one = lifeOf(1, { at: ago(10 * HOUR), attention: true, rolledBackAt: ago(9 * HOUR) })
    const fix = lifeOf(2, { at: ago(8 * HOUR), kind: 'hotfix' })
    expect(rate(one, fix)).toEqual({ failed: 1, changes: 2, numbers: [1] })
  })

  it('counts the change before a hot-fix that followed within 24 hours, and no other', () => {
    const first = lifeOf(1, { at: ago(30 * HOUR) })
    const second = lifeOf(2, { at: ago(29 * HOUR) })
    expect(rate(first, second, lifeOf(3, { at: ago(6 * HOUR), kind: 'hotfix' })).numbers).toEqual([2])
    expect(rate(first, second, lifeOf(3, { at: ago(5 * HOUR), kind: 'hotfix' })).numbers).toEqual([2])
    expect(rate(first, second, lifeOf(3, { at: ago(4 * HOUR), kind: 'hotfix' })).numbers).toEqual([])
    expect(rate(first, lifeOf(3, { at: ago(20 * HOUR), kind: 'hotfix', ends: 'failed' })).numbers).toEqual([])
    const again = lifeOf(4, { at: ago(5 * HOUR), kind: 'hotfix' })
    expect(rate(second, lifeOf(3, { at: ago(6 * HOUR), kind: 'hotfix' }), again).numbers).toEqual([2, 3])
  })

  it('is of deploys and hot-fixes that changed something: rollbacks and ends before that are no changes', () => {
    const counted = [
      lifeOf(1, { at: ago(90 * HOUR) }),
      lifeOf(2, { at: ago(80 * HOUR), ends: 'failed' }),
      lifeOf(3, { at: ago(70 * HOUR), ends: 'rejected' }),
      lifeOf(4, { at: ago(60 * HOUR), kind: 'rollback' }),
      lifeOf(5, { at: ago(50 * HOUR), kind: 'rollback', attention: true }),
      lifeOf(6, { at: ago(40 * HOUR), ends: 'closed', attention: true }),
      lifeOf(7, { at: ago(1 * HOUR), ends: undefined, attention: true }),
    ]
    expect(rate(...counted)).toEqual({ failed: 2, changes: 3, numbers: [6, 7] })
    const { releases, outcomes, rollbacks } = figures(counted)
    expect({ releases, outcomes, rollbacks }).toEqual({
      releases: 4,
      outcomes: { succeeded: 1, failed: 1, rejected: 1, closed: 1 },
      rollbacks: 2,
    })
  })
})

describe('time to restore', () => {
  const restore = (...counted: CountedRelease[]) => figures(counted).restore

  it('is from confirm to confirm of the next that succeeded, whatever its kind', () => {
    const bad = lifeOf(1, { at: ago(300), rolledBackAt: ago(200) })
    const failed = lifeOf(2, { at: ago(250), ends: 'failed' })
    expect(restore(bad, failed, lifeOf(3, { at: ago(200), kind: 'rollback' }))).toMatchObject({
      restored: 1,
      open: 0,
      medianMs: 100 * 60_000,
    })
    const fixed = [lifeOf(1, { at: ago(300) }), lifeOf(2, { at: ago(260), kind: 'hotfix' })]
    expect(restore(...fixed)).toMatchObject({ restored: 1, medianMs: 40 * 60_000 })
  })

  it('is from the attention where there was no confirm, and to its own confirm after Retry', () => {
    const closed = lifeOf(1, { at: ago(300), ends: 'closed', attention: ago(310) })
    expect(restore(closed, lifeOf(2, { at: ago(210) }))).toMatchObject({ restored: 1, medianMs: 100 * 60_000 })
    expect(restore(lifeOf(1, { at: ago(300), attention: ago(330) }))).toMatchObject({ medianMs: 30 * 60_000 })
  })

  it('leaves open what no release has restored yet', () => {
    expect(restore(lifeOf(1, { at: ago(300), ends: 'closed', attention: true }))).toEqual({ restored: 0, open: 1 })
  })
})

describe('the period', () => {
  it('has what ended in it, and is the same later', () => {
    const inside = lifeOf(1, { at: ago(7 * 24 * HOUR - 1) })
    const outside = lifeOf(2, { at: ago(7 * 24 * HOUR) })
    expect(figures([inside, outside], 7).releases).toBe(1)
    const open = lifeOf(3, { at: ago(60), ends: undefined, attention: ago(60) })
    const closedLater = lifeOf(3, { at: ago(-60), ends: 'closed', attention: ago(60) })
    const rolledBackLater = { ...inside, rolledBackAt: ago(-10).getTime() }
    expect(figures([rolledBackLater, closedLater, lifeOf(4, { at: ago(-90), kind: 'hotfix' })], 7)).toEqual(
      figures([inside, open], 7),
    )
  })

  it('is empty without releases, and has whole weeks or seven days as its parts', () => {
    expect(figures([], 90)).toMatchObject({
      releases: 0,
      outcomes: {},
      leadTime: { known: 0, commits: 0 },
      changeFailures: { failed: 0, changes: 0 },
      restore: { restored: 0, open: 0 },
    })
    expect(([7, 30, 90] as const).map((days) => figures([], days).buckets.length)).toEqual([7, 4, 12])
    const [first, ...others] = figures([lifeOf(1, { at: ago(28 * 24 * HOUR - 1) })], 30).buckets
    expect(first).toMatchObject({ outcomes: { succeeded: 1 }, from: ago(28 * 24 * HOUR) })
    expect(others.every(({ outcomes }) => Object.keys(outcomes).length === 0)).toBe(true)
  })

  it('takes the step with the longest median as the slowest', () => {
    const times = [{ merge: 60_000, push: 50_000 }, { push: 70_000 }, { push: 400_000, confirm: 1 }]
    const counted = times.map((stepMs, index) => ({ ...lifeOf(index + 1, { at: ago(60 - index) }), stepMs }))
    expect(figures(counted).slowestStep).toEqual({ step: 'push', medianMs: 70_000, releases: 3 })
  })
})

describe('how long a run usually takes', () => {
  const run = (runMs: number | undefined, steps: CountedRelease['steps'] = ['push', 'confirm']) => ({
    kind: 'deploy' as const,
    steps,
    ...(runMs !== undefined && { runMs }),
  })
  const asked = { kind: 'deploy', steps: ['push', 'confirm'] }

  it('is the median of the last ten with the same kind and steps, and nothing below three', () => {
    expect(usualRunMs(asked, [run(3), run(1)])).toBeUndefined()
    expect(usualRunMs(asked, [run(300), run(100), run(200)])).toBe(200)
    expect(
      usualRunMs(asked, [run(300), run(100), run(undefined), run(9, ['migrate', 'push', 'confirm'])]),
    ).toBeUndefined()
    expect(usualRunMs({ ...asked, kind: 'hotfix' }, [run(1), run(1), run(1)])).toBeUndefined()
    const many = [...Array.from({ length: 10 }, () => run(5)), ...Array.from({ length: 40 }, () => run(900))]
    expect(usualRunMs(asked, many)).toBe(5)
  })
})
