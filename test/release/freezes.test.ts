/** The calendar of freezes: weekly and dated, across changes to and from summer time, overlapping and touching. */
import { describe, expect, test } from 'vitest'
import { freezeNotice, frozenAt, nextFreezes } from '../../src/release/freezes.ts'
import type { Freeze } from '../../src/release/settings.ts'

const freeze = (from: string, to: string, { name = 'weekend', timeZone = 'UTC' } = {}): Freeze => ({
  name,
  from,
  to,
  timeZone,
})
const berlin = (from: string, to: string, name = 'weekend') => freeze(from, to, { name, timeZone: 'Europe/Berlin' })
const until = (freezes: readonly Freeze[], at: string) => frozenAt(freezes, new Date(at))?.until?.toISOString()
const isFrozen = (freezes: readonly Freeze[], at: string) => frozenAt(freezes, new Date(at)) !== undefined
const windows = (freezes: readonly Freeze[], now: string, count = 3) =>
  nextFreezes(freezes, new Date(now), count).map(
    ({ name, from, to }) => `${name}: ${from.toISOString()} to ${to.toISOString()}`,
  )

/** Nothing is frozen one second before `from`, all is from there to one second before `to`, and nothing at `to`. */
function lastsExactly(freezes: readonly Freeze[], from: string, to: string) {
  const second = (at: string, by: number) => new Date(Date.parse(at) + by * 1_000).toISOString()
  expect(isFrozen(freezes, second(from, -1)), `before ${from}`).toBe(false)
  expect(until(freezes, from), `at ${from}`).toBe(new Date(to).toISOString())
  expect(until(freezes, second(to, -1)), `before ${to}`).toBe(new Date(to).toISOString())
  expect(isFrozen(freezes, to), `at ${to}`).toBe(false)
}

test.each([
  ['over the weekend', 'Fri 16:00', 'Mon 08:00', '2026-12-04T16:00Z', '2026-12-07T08:00Z'],
  ['within a day', 'Wed 09:00', 'Wed 17:30', '2026-12-02T09:00Z', '2026-12-02T17:30Z'],
  ['nearly a whole week', 'Wed 17:30', 'Wed 09:00', '2026-12-02T17:30Z', '2026-12-09T09:00Z'],
  ['over the end of the week', 'Sun 23:00', 'Mon 01:00', '2026-12-06T23:00Z', '2026-12-07T01:00Z'],
  ['to midnight', 'Sat 00:00', 'Mon 00:00', '2026-12-05T00:00Z', '2026-12-07T00:00Z'],
  ['over New Year', 'Thu 18:00', 'Fri 09:00', '2026-12-31T18:00Z', '2027-01-01T09:00Z'],
  ['over the 29th of February', 'Mon 18:00', 'Tue 09:00', '2028-02-28T18:00Z', '2028-02-29T09:00Z'],
])('each week, %s', (_, from, to, begins, ends) => {
  lastsExactly([freeze(from, to)], begins, ends)
})

test.each([
  ['dates are their 00:00', '2026-12-21', '2027-01-04', '2026-12-20T23:00Z', '2027-01-03T23:00Z'],
  ['with times', '2026-12-21 18:00', '2026-12-22 07:30', '2026-12-21T17:00Z', '2026-12-22T06:30Z'],
  ['in summer', '2026-07-01', '2026-07-02', '2026-06-30T22:00Z', '2026-07-01T22:00Z'],
  ['from winter into summer', '2026-03-28', '2026-03-30', '2026-03-27T23:00Z', '2026-03-29T22:00Z'],
])('dated, in Berlin: %s', (_, from, to, begins, ends) => {
  lastsExactly([berlin(from, to)], begins, ends)
})

describe('changes to and from summer time', () => {
  test.each([
    // Berlin: forward on 2026-03-29 at 01:00Z, back on 2026-10-25 at 01:00Z.
    [
      'the weekend that loses an hour',
      'Europe/Berlin',
      'Fri 16:00',
      'Mon 08:00',
      '2026-03-27T15:00Z',
      '2026-03-30T06:00Z',
    ],
    ['the weekend that gains one', 'Europe/Berlin', 'Fri 16:00', 'Mon 08:00', '2026-10-23T14:00Z', '2026-10-26T07:00Z'],
    [
      'from a time that does not exist',
      'Europe/Berlin',
      'Sun 02:30',
      'Sun 05:00',
      '2026-03-29T01:00Z',
      '2026-03-29T03:00Z',
    ],
    [
      'to a time that does not exist',
      'Europe/Berlin',
      'Sun 01:30',
      'Sun 02:30',
      '2026-03-29T00:30Z',
      '2026-03-29T01:00Z',
    ],
    [
      'to the end of the hour that is left out',
      'Europe/Berlin',
      'Sun 01:30',
      'Sun 03:00',
      '2026-03-29T00:30Z',
      '2026-03-29T01:00Z',
    ],
    [
      'from a time that exists twice',
      'Europe/Berlin',
      'Sun 02:30',
      'Sun 05:00',
      '2026-10-25T00:30Z',
      '2026-10-25T04:00Z',
    ],
    [
      'to a time that exists twice',
      'Europe/Berlin',
      'Sun 01:30',
      'Sun 02:30',
      '2026-10-24T23:30Z',
      '2026-10-25T01:30Z',
    ],
    // New York: forward on 2026-03-08 at 07:00Z, back on 2026-11-01 at 06:00Z.
    ['New York in spring', 'America/New_York', 'Sat 22:00', 'Sun 02:30', '2026-03-08T03:00Z', '2026-03-08T07:00Z'],
    ['New York in autumn', 'America/New_York', 'Sun 01:30', 'Sun 12:00', '2026-11-01T05:30Z', '2026-11-01T17:00Z'],
    // Lord Howe moves by half an hour: forward on 2026-10-03 at 15:30Z, back on 2026-04-04 at 15:00Z.
    ['Lord Howe in spring', 'Australia/Lord_Howe', 'Sun 02:15', 'Sun 04:00', '2026-10-03T15:30Z', '2026-10-03T17:00Z'],
    ['Lord Howe in autumn', 'Australia/Lord_Howe', 'Sun 00:00', 'Sun 01:45', '2026-04-04T13:00Z', '2026-04-04T15:15Z'],
    // Without summer time.
    ['Kolkata in March', 'Asia/Kolkata', 'Sun 02:30', 'Sun 05:00', '2026-03-28T21:00Z', '2026-03-28T23:30Z'],
    // A whole day that does not exist: Apia went from 29 to 31 December 2011.
    ['a day that does not exist', 'Pacific/Apia', 'Fri 08:00', 'Sat 08:00', '2011-12-30T10:00Z', '2011-12-30T18:00Z'],
  ])('%s', (_, timeZone, from, to, begins, ends) => {
    lastsExactly([freeze(from, to, { timeZone })], begins, ends)
  })

  test('a window within an hour that is left out is none, and the next week it is there again', () => {
    const night = [berlin('Sun 02:10', 'Sun 02:40')]
    expect(windows(night, '2026-03-28T12:00Z', 1)).toEqual([
      'weekend: 2026-04-05T00:10:00.000Z to 2026-04-05T00:40:00.000Z',
    ])
    expect(isFrozen(night, '2026-03-29T01:00Z')).toBe(false)
  })

  test('the same wall clock in two zones is two moments', () => {
    const tokyo = [freeze('Fri 16:00', 'Mon 08:00', { timeZone: 'Asia/Tokyo' })]
    lastsExactly(tokyo, '2026-12-04T07:00Z', '2026-12-06T23:00Z')
  })
})

describe('freezes that overlap or touch', () => {
  const weekend = freeze('Fri 16:00', 'Mon 08:00')
  const yearEnd = freeze('2026-12-21', '2027-01-04', { name: 'year-end' })

  test.each([
    [
      'one within another',
      [weekend, freeze('Sat 10:00', 'Sat 12:00', { name: 'fair' })],
      '2026-12-05T11:00Z',
      '2026-12-07T08:00Z',
      ['weekend'],
    ],
    [
      'a longer one begins meanwhile',
      [weekend, yearEnd],
      '2026-12-19T12:00Z',
      '2027-01-04T08:00Z',
      ['weekend', 'year-end'],
    ],
    [
      'two that touch',
      [weekend, freeze('Mon 08:00', 'Tue 09:00', { name: 'board' })],
      '2026-12-05T12:00Z',
      '2026-12-08T09:00Z',
      ['weekend', 'board'],
    ],
    [
      'a chain of three',
      [
        weekend,
        freeze('Mon 08:00', 'Tue 09:00', { name: 'board' }),
        freeze('2026-12-08 09:00', '2026-12-09', { name: 'move' }),
      ],
      '2026-12-04T16:00Z',
      '2026-12-09T00:00Z',
      ['weekend', 'board', 'move'],
    ],
    [
      'a minute between two',
      [weekend, freeze('Mon 08:01', 'Tue 09:00', { name: 'board' })],
      '2026-12-05T12:00Z',
      '2026-12-07T08:00Z',
      ['weekend'],
    ],
  ])('%s: the latest end is told', (_, freezes, at, ends, names) => {
    expect(frozenAt(freezes, new Date(at))).toEqual({ names, until: new Date(ends) })
  })

  test('freezes that never leave a gap have no end, and take no time to find that out', () => {
    const always = [freeze('Mon 00:00', 'Thu 00:00', { name: 'a' }), freeze('Thu 00:00', 'Mon 00:00', { name: 'b' })]
    expect(frozenAt(always, new Date('2026-12-05T12:00Z'))).toEqual({ names: ['b', 'a'] })
  })

  test('none at all', () => {
    expect(frozenAt([], new Date('2026-12-05T12:00Z'))).toBeUndefined()
    expect(freezeNotice([], new Date('2026-12-05T12:00Z'))).toBeUndefined()
  })
})

test('people are told two hours before, and while it lasts', () => {
  const weekend = [freeze('Fri 16:00', 'Mon 08:00')]
  const notice = (at: string) => freezeNotice(weekend, new Date(at))
  const lasts = { names: ['weekend'], until: new Date('2026-12-07T08:00Z') }
  expect(notice('2026-12-04T13:59:59Z')).toBeUndefined()
  expect(notice('2026-12-04T14:00:00Z')).toEqual({ is: 'soon', from: new Date('2026-12-04T16:00Z'), ...lasts })
  expect(notice('2026-12-04T16:00:00Z')).toEqual({ is: 'frozen', ...lasts })
  expect(notice('2026-12-07T07:59:59Z')).toEqual({ is: 'frozen', ...lasts })
  expect(notice('2026-12-07T08:00:00Z')).toBeUndefined()
})

test('the next three: what lasts now first, each freeze by itself, and none that is over', () => {
  const freezes = [
    berlin('Fri 16:00', 'Mon 08:00'),
    berlin('2026-12-21', '2027-01-04', 'year-end'),
    berlin('2026-11-01', '2026-11-02', 'move'),
  ]
  expect(windows(freezes, '2026-12-13T12:00Z')).toEqual([
    'weekend: 2026-12-11T15:00:00.000Z to 2026-12-14T07:00:00.000Z',
    'weekend: 2026-12-18T15:00:00.000Z to 2026-12-21T07:00:00.000Z',
    'year-end: 2026-12-20T23:00:00.000Z to 2027-01-03T23:00:00.000Z',
  ])
  expect(windows([berlin('2026-11-01', '2026-11-02', 'move')], '2026-12-13T12:00Z')).toEqual([])
  expect(windows([berlin('2028-11-01', '2028-11-02', 'move')], '2026-12-13T12:00Z')).toHaveLength(1)
})
