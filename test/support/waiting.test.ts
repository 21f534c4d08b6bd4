import { expect, it } from 'vitest'
import { eventually, waitUntil } from './waiting.ts'

/** Something that never comes to rest, as a job that runs again and again. */
function periodic(): () => unknown {
  let runs = 0
  return () => ({ runs: runs++ })
}

it('returns the first thing that is found', async () => {
  const seen = [undefined, null, false, 0]
  expect(await waitUntil(() => seen.shift(), { what: 'a number', everyMs: 1 })).toBe(0)
})

it('gives up once nothing has moved, with what was waited for and why the last look failed', async () => {
  const look = () => {
    throw new Error('not yet')
  }
  const wait = waitUntil(look, { what: () => 'a card', moves: () => 1, stillMs: 20, everyMs: 1 })
  await expect(wait).rejects.toThrow('timed out waiting for a card (nothing has moved for 0.02 s)')
  await expect(wait).rejects.toHaveProperty('cause.message', 'not yet')
})

it('gives up in the end though something moves for ever, with what moved last', async () => {
  const wait = waitUntil(() => false, { what: 'a wrong word', moves: periodic(), lastMs: 1_200, everyMs: 1 })
  await expect(wait).rejects.toThrow(
    /^timed out waiting for a wrong word \(it was not there after 1\.2 s of looks, and something still moves: \{"runs":\d\}\)$/,
  )
})

it('does not count the time in which a busy machine could not look', async () => {
  let looks = 0
  const slow = async () => {
    looks += 1
    await new Promise((settle) => setTimeout(settle, 100))
    return looks === 5
  }
  expect(await waitUntil(slow, { what: 'the fifth look', moves: periodic(), lastMs: 400, everyMs: 1 })).toBe(true)
})

it('is bounded by the clock alone where a limit by the clock is given', async () => {
  const wait = waitUntil(() => false, { what: 'an answer', lastMs: 1, atMostMs: 30, everyMs: 1 })
  await expect(wait).rejects.toThrow('timed out waiting for an answer (it was not there within 0.03 s)')
})

it('an expectation that never holds fails with what does not hold', async () => {
  const wait = eventually(() => expect(1).toBe(2), { moves: periodic(), lastMs: 60, everyMs: 1 })
  await expect(wait).rejects.toThrow(/expected 1 to be 2[\s\S]*after 0\.06 s of looks/)
})
