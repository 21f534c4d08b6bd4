/** What a look makes of the head that is noted, and what its builds change: tables of the pure decisions. */
import { describe, expect, it } from 'vitest'
import {
  BUILDS_BEGIN_WITHIN_MS,
  BUILDS_WATCHED_MS,
  buildsState,
  type Head,
  headAfterBuilds,
  headAfterLook,
  isHeldBack,
  isQuietRefusal,
  type Look,
} from '../../src/release/automatic.ts'
import type { Problem } from '../../src/release/refusals.ts'

const AT = new Date('2026-11-22T08:00:00Z')
const [A, B, C] = ['a', 'b', 'c'].map((digit) => digit.repeat(40)) as [string, string, string]

const noted = (more: Partial<Head> = {}): Head => ({
  ...{ app: 'api', environment: 'integration', configuration: '2:one', commit: A, state: 'done' },
  ...{ seenAt: AT, watchers: ['w1'], ...more },
})
const look = (more: Partial<Look> = {}): Look => ({
  ...{ app: 'api', environment: 'integration', configuration: '2:one', commit: A, worker: 'w1' },
  ...{ isFirst: false, alive: [], afterChecks: false, now: new Date(AT.getTime() + 60_000), ...more },
})
const restarted = (more: Partial<Look> = {}) => look({ worker: 'w2', isFirst: true, ...more })
const alive = (sinceStart: boolean) => [{ id: 'w1', sinceStart }]

/** The commit and state after the look, or what it says. */
function after(head: Head | undefined, of: Look): string {
  const found = headAfterLook(head, of)
  return typeof found === 'string' ? found : `${found.state} ${found.commit[0]} by ${found.watchers.join()}`
}

describe('a look', () => {
  it.each<[what: string, Head | undefined, Look, string]>([
    ['the first look ever only remembers', undefined, restarted(), 'remembered a by w2'],
    ['nothing is written where nothing is new', noted(), look(), 'same'],
    ['a new head is due', noted(), look({ commit: B }), 'due b by w1'],
    ['or waits for its builds', noted(), look({ commit: B, afterChecks: true }), 'builds b by w1'],
    ['a newer head takes the place of one that waits', noted({ state: 'due' }), look({ commit: B }), 'due b by w1'],
    ['also of one whose builds failed', noted({ state: 'builds', told: 'failed' }), look({ commit: B }), 'due b by w1'],

    ['a restart: the head is the same', noted(), restarted(), 'done a by w2'],
    ['a restart: one that moved meanwhile is only remembered', noted(), restarted({ commit: B }), 'remembered b by w2'],
    ['a restart: what was owed stays owed', noted({ state: 'due' }), restarted(), 'due a by w2'],
    ['a restart: the newest goes for what was owed', noted({ state: 'due' }), restarted({ commit: B }), 'due b by w2'],
    [
      'a second worker: the first has looked all the time',
      noted(),
      restarted({ commit: B, alive: alive(true) }),
      'due b by w1,w2',
    ],
    [
      'a worker that may be a dead one: told by the next look',
      noted(),
      restarted({ commit: B, alive: alive(false) }),
      'later',
    ],
    [
      'it was dead: what was there at the start is remembered',
      noted(),
      look({ worker: 'w2', commit: B, atStart: B }),
      'remembered b by w2',
    ],
    [
      'it was dead, and the head has moved since the start',
      noted(),
      look({ worker: 'w2', commit: C, atStart: B }),
      'due c by w2',
    ],
    [
      'a worker that has never looked does not count',
      noted({ watchers: [] }),
      restarted({ commit: B, alive: alive(true) }),
      'remembered b by w2',
    ],

    [
      'a changed entry is only remembered',
      noted(),
      restarted({ configuration: '2:two', commit: B, alive: alive(true) }),
      'remembered b by w2',
    ],
    [
      'also where a head was due',
      noted({ state: 'due' }),
      restarted({ configuration: '2:two', alive: alive(true) }),
      'remembered a by w2',
    ],
    [
      'a worker with the old entry leaves it to the others',
      noted({ configuration: '2:two', watchers: ['w1'] }),
      look({ worker: 'w0', commit: B, alive: alive(true) }),
      'same',
    ],
    [
      'and takes it back when they are gone',
      noted({ configuration: '2:two', watchers: ['w1'] }),
      look({ worker: 'w0', commit: B }),
      'remembered b by w0',
    ],
  ])('%s', (_what, head, of, expected) => expect(after(head, of)).toBe(expected))
})

describe('builds', () => {
  const later = (ms: number) => new Date(AT.getTime() + ms)
  const head = noted({ state: 'builds' })
  const said = (from: Head, ...[state, at]: [Parameters<typeof headAfterBuilds>[1], Date]) => {
    const found = headAfterBuilds(from, state, at)
    return found === 'same' ? 'same' : `${found.state} ${found.told ?? '-'}`
  }
  const told = (because: NonNullable<Head['told']>) => ({ ...head, told: because })

  it.each<[what: string, string, string]>([
    ['passed: due', said(head, 'passed', AT), 'due -'],
    ['running: wait', said(head, 'pending', later(3_600_000)), 'same'],
    ['failed: told at once', said(head, 'failed', AT), 'builds failed'],
    ['failed: told once', said(told('failed'), 'failed', later(60_000)), 'same'],
    ['failed, then passed: due', said(told('failed'), 'passed', later(60_000)), 'due failed'],
    ['none yet: wait', said(head, 'none', later(BUILDS_BEGIN_WITHIN_MS - 1)), 'same'],
    ['none for half an hour: told', said(head, 'none', later(BUILDS_BEGIN_WITHIN_MS)), 'builds none'],
    ['none, then failed: told once', said(told('none'), 'failed', later(BUILDS_BEGIN_WITHIN_MS + 1)), 'same'],
    ['none, then passed: due', said(told('none'), 'passed', later(BUILDS_BEGIN_WITHIN_MS + 1)), 'due none'],
    ['running for a day: given up, and told', said(head, 'pending', later(BUILDS_WATCHED_MS)), 'given up unfinished'],
    ['failed for a day: given up', said(told('failed'), 'failed', later(BUILDS_WATCHED_MS)), 'given up failed'],
    ['passed at the last moment: due', said(head, 'passed', later(BUILDS_WATCHED_MS)), 'due -'],
    ['only a head that waits for builds', said(noted({ state: 'due' }), 'failed', AT), 'same'],
  ])('%s', (_what, found, expected) => expect(found).toBe(expected))

  it.each<[states: ('passed' | 'failed' | 'running' | 'stopped')[], string]>([
    [[], 'none'],
    [['passed', 'passed'], 'passed'],
    [['passed', 'running'], 'pending'],
    [['running', 'failed'], 'failed'],
    [['passed', 'stopped'], 'failed'],
  ])('%j is %s', (states, expected) =>
    expect(buildsState(states.map((state) => ({ name: 'b', state, url: '' })))).toBe(expected),
  )
})

describe('an automatic release that ended before it began', () => {
  const problem = (gate: string) => ({ because: { gate } }) as unknown as Problem
  it.each(['environment_locked', 'environment_frozen', 'hotfix_goes_first'])(
    'by %s: its head waits, quietly',
    (gate) => {
      expect(isHeldBack({ problem: problem(gate) })).toBe(true)
      expect(isQuietRefusal(problem(gate))).toBe(true)
    },
  )
  it('by nothing_to_release: nobody is told, and it is not tried again', () => {
    expect(isHeldBack({ problem: problem('nothing_to_release') })).toBe(false)
    expect(isQuietRefusal(problem('nothing_to_release'))).toBe(true)
  })
  it.each(['remote_diverged', 'database_unreachable', 'no_worker', 'plan_outdated'])('by %s: it is told', (gate) => {
    expect(isHeldBack({ problem: problem(gate) })).toBe(false)
    expect(isQuietRefusal(problem(gate))).toBe(false)
  })
})
