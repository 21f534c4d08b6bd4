import { describe, expect, it } from 'vitest'
import {
  isTimeZone,
  isTooFarAhead,
  latestAhead,
  readDuration,
  readTypedTime,
  sayMoment,
} from '../../src/release/typed-times.ts'

const BERLIN = 'Europe/Berlin'
/** A Monday, 13:00 in Berlin. */
const NOON = '2026-11-30T12:00:00Z'

function read(typed: string, now = NOON, timeZone = BERLIN) {
  const found = readTypedTime(typed, { now: new Date(now), timeZone })
  return 'at' in found ? [found.at.toISOString(), found.said] : found.refused
}

describe('a typed time', () => {
  it.each([
    ['18:00', '2026-11-30T17:00:00.000Z', 'Mon 30 Nov 2026, 18:00 (Europe/Berlin)'],
    ['18:00 today', '2026-11-30T17:00:00.000Z', 'Mon 30 Nov 2026, 18:00 (Europe/Berlin)'],
    ['13:01', '2026-11-30T12:01:00.000Z', 'Mon 30 Nov 2026, 13:01 (Europe/Berlin)'],
    ['8:00 tomorrow', '2026-12-01T07:00:00.000Z', 'Tue 1 Dec 2026, 08:00 (Europe/Berlin)'],
    ['Tomorrow, 18:00', '2026-12-01T17:00:00.000Z', 'Tue 1 Dec 2026, 18:00 (Europe/Berlin)'],
    ['Mon 14:00', '2026-11-30T13:00:00.000Z', 'Mon 30 Nov 2026, 14:00 (Europe/Berlin)'],
    ['Mon 08:00', '2026-12-07T07:00:00.000Z', 'Mon 7 Dec 2026, 08:00 (Europe/Berlin)'],
    ['mon 13:00', '2026-12-07T12:00:00.000Z', 'Mon 7 Dec 2026, 13:00 (Europe/Berlin)'],
    ['sunday 23:59', '2026-12-06T22:59:00.000Z', 'Sun 6 Dec 2026, 23:59 (Europe/Berlin)'],
    ['2026-12-03 07:30', '2026-12-03T06:30:00.000Z', 'Thu 3 Dec 2026, 07:30 (Europe/Berlin)'],
    ['2026-12-03T07:30', '2026-12-03T06:30:00.000Z', 'Thu 3 Dec 2026, 07:30 (Europe/Berlin)'],
    ['2027-02-28 00:00', '2027-02-27T23:00:00.000Z', 'Sun 28 Feb 2027, 00:00 (Europe/Berlin)'],
  ])('is read: %s', (typed, at, said) => {
    expect(read(typed)).toEqual([at, said])
  })

  it('is in the zone of the person, whose day may be another', () => {
    expect(read('18:00', NOON, 'America/Los_Angeles')).toEqual([
      '2026-12-01T02:00:00.000Z',
      'Mon 30 Nov 2026, 18:00 (America/Los_Angeles)',
    ])
    expect(read('08:00', '2026-11-30T20:00:00Z', 'Asia/Tokyo')).toEqual([
      '2026-11-30T23:00:00.000Z',
      'Tue 1 Dec 2026, 08:00 (Asia/Tokyo)',
    ])
    expect(read('18:00', NOON, 'Etc/UTC')).toEqual(['2026-11-30T18:00:00.000Z', 'Mon 30 Nov 2026, 18:00 (UTC)'])
  })

  it.each([
    ['12:00', '12:00 is past today in Europe/Berlin. Write “12:00 tomorrow”.'],
    ['13:00', '13:00 is past today in Europe/Berlin. Write “13:00 tomorrow”.'],
    ['9:05 today', '09:05 is past today in Europe/Berlin. Write “09:05 tomorrow”.'],
  ])('that is past today is refused with the same time tomorrow: %s', (typed, refused) => {
    expect(read(typed)).toBe(refused)
  })

  it.each([
    ['2026-11-29 07:30', '2026-11-29 07:30 is past in Europe/Berlin.'],
    ['2026-11-30 13:00', '2026-11-30 13:00 is past in Europe/Berlin.'],
    ['2026-02-30 07:30', 'There is no day 2026-02-30.'],
    ['2026-13-01 07:30', 'There is no day 2026-13-01.'],
    ['', '“” isn’t a time.'],
    ['18', '“18” isn’t a time.'],
    ['24:00', '“24:00” isn’t a time.'],
    ['18:60', '“18:60” isn’t a time.'],
    ['6pm', '“6pm” isn’t a time.'],
    ['tomorrow', '“tomorrow” isn’t a time.'],
    ['Mon Tue 08:00', '“Mon Tue 08:00” isn’t a time.'],
    ['18:00 19:00', '“18:00 19:00” isn’t a time.'],
    ['18:00 soon', '“18:00 soon” isn’t a time.'],
    [`18:00 ${'x'.repeat(200)}`, 'isn’t a time.'],
    [`18:00${' '.repeat(200)}`, '“18:00” isn’t a time.'],
  ])('is refused when it is past, no day or no time: %s', (typed, refused) => {
    expect(read(typed)).toContain(refused)
  })
})

describe('a time on a day when the clocks change', () => {
  const BEFORE_SPRING = '2027-03-27T12:00:00Z'
  it.each([
    ['02:30 tomorrow', '“03:00 tomorrow”'],
    ['02:00 tomorrow', '“03:00 tomorrow”'],
    ['Sun 02:59', '“Sun 03:00”'],
    ['2027-03-28 02:30', '“2027-03-28 03:00”'],
  ])('that does not exist is refused with the next that does: %s', (typed, next) => {
    expect(read(typed, BEFORE_SPRING)).toBe(
      `${typed.match(/..:../)?.[0]} doesn’t exist on Sun 28 Mar 2027 in Europe/Berlin, because clocks go forward. The next time that does is ${next}.`,
    )
  })

  it.each([
    ['02:30', '“03:00”'],
    ['02:30 today', '“03:00”'],
  ])('that does not exist today, either: %s', (typed, next) => {
    expect(read(typed, '2027-03-28T00:10:00Z')).toContain(`The next time that does is ${next}.`)
  })

  it('exists right before and right after the clocks go forward', () => {
    expect(read('01:59 tomorrow', BEFORE_SPRING)).toContain('2027-03-28T00:59:00.000Z')
    expect(read('03:00 tomorrow', BEFORE_SPRING)).toContain('2027-03-28T01:00:00.000Z')
  })

  it('where a whole day is missing names the next day', () => {
    // Samoa had no 30 December 2011.
    const refused = read('2011-12-30 10:00', '2011-12-28T12:00:00Z', 'Pacific/Apia')
    expect(refused).toContain('“2011-12-31 00:00”')
  })

  it('that exists twice is the first, said with its offset', () => {
    const now = '2026-10-24T12:00:00Z'
    const first = ['2026-10-25T00:30:00.000Z', 'Sun 25 Oct 2026, 02:30 (UTC+02:00, Europe/Berlin)']
    expect(read('02:30 tomorrow', now)).toEqual(first)
    expect(read('Sun 02:30', now)).toEqual(first)
    expect(read('2026-10-25 02:30', now)).toEqual(first)
    expect(read('03:00 tomorrow', now)).toEqual(['2026-10-25T02:00:00.000Z', 'Sun 25 Oct 2026, 03:00 (Europe/Berlin)'])
    expect(sayMoment(new Date('2026-10-25T01:30:00Z'), BERLIN)).toBe(
      'Sun 25 Oct 2026, 02:30 (UTC+01:00, Europe/Berlin)',
    )
  })
})

describe('7 days ahead', () => {
  const where = { now: new Date(NOON), timeZone: BERLIN }

  it('is the last moment', () => {
    expect(isTooFarAhead(new Date('2026-12-07T12:00:00.000Z'), where)).toBe(false)
    expect(isTooFarAhead(new Date('2026-12-07T12:00:00.001Z'), where)).toBe(true)
  })

  it('is counted in days of the calendar, so the next such weekday is never too far', () => {
    const now = new Date('2026-10-19T08:00:30Z')
    const found = readTypedTime('Mon 10:00', { now, timeZone: BERLIN })
    if (!('at' in found)) throw new Error(found.refused)
    expect(found.at.toISOString()).toBe('2026-10-26T09:00:00.000Z')
    expect(isTooFarAhead(found.at, { now, timeZone: BERLIN })).toBe(false)
    expect(latestAhead({ now, timeZone: 'UTC' }).toISOString()).toBe('2026-10-26T08:00:30.000Z')
  })
})

describe('a typed duration', () => {
  it.each([
    ['2h', 120],
    ['30min', 30],
    ['30 min', 30],
    ['45m', 45],
    ['1d', 24 * 60],
    ['1 day', 24 * 60],
    ['2 Hours', 120],
    ['1h30min', 90],
    ['1h 30min', 90],
  ])('is read: %s', (typed, minutes) => {
    expect(readDuration(typed)).toEqual({ ms: minutes * 60_000 })
  })

  it.each(['', '2', 'h', '0h', '2w', '-2h', '1.5h', '2h soon', '999999h', `1h${' '.repeat(200)}1h`])(
    'is refused: %s',
    (typed) => {
      expect(readDuration(typed)).toHaveProperty('refused')
    },
  )
})

it('a time zone is known by its name', () => {
  expect(['Europe/Berlin', 'UTC', 'Etc/UTC', 'Asia/Calcutta'].map(isTimeZone)).toEqual([true, true, true, true])
  expect(['', 'Europe/Nowhere', 'x'.repeat(500)].map(isTimeZone)).toEqual([false, false, false])
})
