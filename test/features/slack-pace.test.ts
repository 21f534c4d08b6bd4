import { describe, expect, it } from 'vitest'
import { createPace } from '../../src/slack/outbox/pace.ts'

/** A clock that stands until it is moved. */
function paceAt(start: number) {
  let time = start
  const pace = createPace({ now: () => time, updateEveryMs: 0 })
  return {
    pace,
    now: () => time,
    move: (ms: number) => {
      time += ms
    },
  }
}

describe('the pace of messages to Slack', () => {
  it('lets at most 40 updates go in any minute, over all cards', () => {
    const { pace, now, move } = paceAt(1_000_000)
    const went: number[] = []
    for (let tried = 0; tried < 5 * 60 * 4; tried++) {
      if (pace.update(`card ${tried % 7}`) === 0) went.push(now())
      move(250)
    }
    expect(went.length).toBeGreaterThan(4 * 40)
    for (const [index, at] of went.entries()) {
      expect(went.slice(index).filter((later) => later < at + 60_000).length).toBeLessThanOrEqual(40)
    }
  })

  it('names the time from which an update may go, and it may go then', () => {
    const { pace, now, move } = paceAt(1_000_000)
    for (let update = 0; update < 40; update++) expect(pace.update(`card ${update}`)).toBe(0)
    const later = pace.update('one more')
    expect(later).toBeGreaterThan(now())
    expect(later).toBeLessThanOrEqual(now() + 60_001)
    move(later - now() - 2)
    expect(pace.update('one more')).toBe(later)
    move(2)
    expect(pace.update('one more')).toBe(0)
  })

  it('leaves time between two updates of one card, so that states in between are drawn as one', () => {
    let time = 1_000_000
    const pace = createPace({ now: () => time, updateEveryMs: 1_500 })
    expect(pace.update('card')).toBe(0)
    expect(pace.update('other card')).toBe(0)
    expect(pace.update('card')).toBe(time + 1_500)
    time += 1_500
    expect(pace.update('card')).toBe(0)
  })

  it('lets one post a second go to a channel in the long run, with a short burst, and channels do not wait for each other', () => {
    const { pace, now, move } = paceAt(1_000_000)
    const went: number[] = []
    for (let tried = 0; tried < 600; tried++) {
      if (pace.post('C1') === 0) went.push(now())
      move(100)
    }
    expect(went.length).toBeGreaterThan(50)
    expect(went.length).toBeLessThanOrEqual(60 + 3)
    for (const [index, at] of went.entries()) {
      expect(went.slice(index).filter((later) => later < at + 3_000).length).toBeLessThanOrEqual(3)
    }
    while (pace.post('C1') === 0) move(1)
    expect(pace.post('C2')).toBe(0)
  })

  it('keeps still for as long as Slack says, posts and updates each for themselves', () => {
    const { pace, now, move } = paceAt(1_000_000)
    pace.pause('post', now() + 7_000)
    pace.pause('post', now() + 2_000)
    expect(pace.post('C1')).toBe(now() + 7_000)
    expect(pace.update('card')).toBe(0)
    move(7_000)
    expect(pace.post('C1')).toBe(0)
  })
})
