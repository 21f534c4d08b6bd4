/** The one budget for Slack, in virtual time. */
import { describe, expect, it } from 'vitest'
import { createBudget, type Share, type SlackCall } from '../../src/slack/budget.ts'

const START = 1_000_000
const MINUTE = 60_000

function budgetAt(options: { postEveryMs?: number; updatesAMinute?: number } = {}) {
  let time = START
  const budget = createBudget({ now: () => time, ...options })
  const tryTo = (call: SlackCall, share: Share) => {
    if (budget.allowedAt(call, share) !== 0) return false
    budget.began(call)
    return true
  }
  const move = (ms: number) => {
    time += ms
  }
  return { budget, tryTo, now: () => time, move }
}

const UPDATE = { method: 'chat.update' }
const post = (channel: string) => ({ method: 'chat.postMessage', channel })

describe('the budget: Slack’s published limits', () => {
  it.each([
    ['chat.update', 50],
    ['conversations.replies', 50],
    ['usergroups.users.list', 20],
    ['users.info', 100],
    ['views.open', 100],
    ['a.method.not.known', 100],
  ])('%s: no minute has more than %i calls, no matter who asks, and the long run has what is left', (method, most) => {
    const { tryTo, now, move } = budgetAt()
    const went: number[] = []
    for (let tried = 0; tried < 5 * 60 * 4; tried++) {
      const share: Share = (['people', 'news', 'cards', 'progress'] as const)[tried % 4] ?? 'progress'
      if (tryTo({ method }, share)) went.push(now())
      move(250)
    }
    for (const [index, at] of went.entries()) {
      expect(went.slice(index).filter((later) => later < at + MINUTE).length).toBeLessThanOrEqual(most)
    }
    expect(went.length).toBeGreaterThan(2 * most)
  })

  it('lets one post a second go to a channel, with a short burst, and channels do not wait for each other', () => {
    const { tryTo, move } = budgetAt()
    let went = 0
    for (let tried = 0; tried < 600; tried++) {
      if (tryTo(post('C1'), 'news')) went += 1
      move(100)
    }
    expect(went).toBeGreaterThanOrEqual(60)
    expect(went).toBeLessThanOrEqual(60 + 4)
    while (tryTo(post('C1'), 'news')) move(1)
    expect(tryTo(post('C2'), 'news')).toBe(true)
  })

  it('counts all posts of a workspace, too', () => {
    const { tryTo, move } = budgetAt()
    let went = 0
    for (let tried = 0; tried < 600; tried++) {
      for (let channel = 0; channel < 20; channel++) if (tryTo(post(`C${channel}`), 'progress')) went += 1
      move(100)
    }
    expect(went).toBeLessThanOrEqual(300)
    expect(went).toBeGreaterThan(150)
  })

  it('names the time from which a call may begin, and it may begin then', () => {
    const { budget, tryTo, now, move } = budgetAt()
    while (tryTo(UPDATE, 'people'));
    const later = budget.allowedAt(UPDATE, 'cards')
    expect(later).toBeGreaterThan(now())
    move(later - now() - 1)
    expect(tryTo(UPDATE, 'cards')).toBe(false)
    move(1)
    expect(tryTo(UPDATE, 'cards')).toBe(true)
  })
})

describe('the budget: shares', () => {
  it('leaves room for what is more urgent, however much progress there is', () => {
    const { tryTo, move } = budgetAt()
    for (let tried = 0; tried < 10 * 60; tried++) {
      while (tryTo(UPDATE, 'cards'));
      move(100)
    }
    // A last state each two seconds, for ever.
    for (let end = 0; end < 200; end++) {
      while (tryTo(UPDATE, 'cards'));
      expect(tryTo(UPDATE, 'news')).toBe(true)
      move(2_000)
    }
  })

  it.each([
    ['progress', 'cards'],
    ['cards', 'news'],
    ['news', 'people'],
  ] as const)('where %s can’t go any more, %s still can', (less, more) => {
    const { tryTo } = budgetAt()
    while (tryTo(UPDATE, less));
    expect(tryTo(UPDATE, more)).toBe(true)
  })

  it('lets an outcome go at once where lines have taken all that they may', () => {
    const { tryTo, move } = budgetAt()
    for (let second = 0; second < 60; second++) {
      while (tryTo(post('C1'), 'progress'));
      move(1_000)
    }
    while (tryTo(post('C1'), 'progress'));
    expect([tryTo(post('C1'), 'news'), tryTo(post('C1'), 'news')]).toEqual([true, true])
  })

  it('lets lines go at Slack’s pace while nothing else is under way', () => {
    const { tryTo, move } = budgetAt()
    let went = 0
    for (let tenth = 0; tenth < 600; tenth++) {
      if (tryTo(post('C1'), 'progress')) went += 1
      move(100)
    }
    expect(went).toBeGreaterThanOrEqual(59)
  })
})

describe('the budget: calls that go before', () => {
  it('keeps room for those that have not begun, in the same channel and of the same method alone', () => {
    const { budget, tryTo } = budgetAt()
    const ahead = Array.from({ length: 4 }, () => post('C1'))
    expect(budget.allowedAt(post('C1'), 'news')).toBe(0)
    expect(budget.allowedAt(post('C1'), 'news', ahead)).toBeGreaterThan(0)
    expect(budget.allowedAt(post('C2'), 'news', ahead)).toBe(0)
    expect(budget.allowedAt(UPDATE, 'progress', ahead)).toBe(0)
    for (let cards = 0; cards < 9; cards++) expect(tryTo(UPDATE, 'cards')).toBe(true)
    expect(budget.allowedAt(UPDATE, 'cards', [UPDATE])).toBeGreaterThan(0)
    expect(budget.allowedAt(UPDATE, 'cards')).toBe(0)
  })
})

describe('the budget: Retry-After', () => {
  it('keeps still for as long as Slack says, each method for itself, no matter who asks', () => {
    const { budget, tryTo, now, move } = budgetAt()
    budget.pause('chat.postMessage', now() + 7_000)
    budget.pause('chat.postMessage', now() + 2_000)
    expect(budget.allowedAt(post('C1'), 'people')).toBe(now() + 7_000)
    expect(tryTo(UPDATE, 'cards')).toBe(true)
    move(7_000)
    expect(tryTo(post('C1'), 'people')).toBe(true)
  })
})
