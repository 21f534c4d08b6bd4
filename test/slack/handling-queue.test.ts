import { describe, expect, it } from 'vitest'
import { createHandlingQueue } from '../../src/slack/handling-queue.ts'

/** Work that ends when it is told to, and what of it was started. */
function setUp(limits: Partial<Parameters<typeof createHandlingQueue>[0]> = {}) {
  let time = 0
  let told = 0
  const started: string[] = []
  const ends = new Map<string, () => void>()
  const queue = createHandlingQueue(
    { atOnce: 2, mostWaiting: 3, leaveAfterMs: 100, ...limits },
    {
      now: () => time,
      left: () => {
        told += 1
      },
    },
  )
  return {
    started,
    told: () => told,
    pass: (ms: number) => {
      time += ms
    },
    add(name: string, isFirst = false) {
      const { promise, resolve } = Promise.withResolvers<void>()
      ends.set(name, resolve)
      const work = () => {
        started.push(name)
        return promise
      }
      return queue.add(work, isFirst)
    },
    async end(name: string) {
      ends.get(name)?.()
      await new Promise(setImmediate)
    },
    queue,
  }
}

describe('T7: what was stored', () => {
  it('is handled in its order, so many at a time', async () => {
    const { add, end, started } = setUp()
    const outcomes = ['a', 'b', 'c', 'd'].map((name) => add(name))
    expect(started).toEqual(['a', 'b'])
    await end('b')
    expect(started).toEqual(['a', 'b', 'c'])
    for (const name of ['a', 'c', 'd']) await end(name)
    expect(await Promise.all(outcomes)).toEqual([true, true, true, true])
  })

  it('is left to the sweep where more come than are kept, and that is said once', async () => {
    const { add, end, started, told } = setUp()
    const outcomes = ['a', 'b', 'c', 'd', 'e', 'f', 'g'].map((name) => add(name))
    for (const name of ['a', 'b', 'c', 'd', 'e']) await end(name)
    expect(await Promise.all(outcomes)).toEqual([true, true, true, true, true, false, false])
    expect(started).toEqual(['a', 'b', 'c', 'd', 'e'])
    expect(told()).toBe(1)
  })

  it('is left to the sweep before that may take it, so that none is handled by both', async () => {
    const { add, end, pass, started } = setUp({ atOnce: 1 })
    const outcomes = [add('a'), add('b'), add('c')]
    pass(101)
    const late = add('d')
    await end('a')
    await end('d')
    expect(await Promise.all([...outcomes, late])).toEqual([true, false, false, true])
    expect(started).toEqual(['a', 'd'])
  })

  it('goes first where a person has a modal open', async () => {
    const { add, end, started } = setUp({ atOnce: 1, mostWaiting: 1 })
    const outcomes = [add('a'), add('b'), add('modal', true)]
    for (const name of ['a', 'modal', 'b']) await end(name)
    expect(await Promise.all(outcomes)).toEqual([true, true, true])
    expect(started).toEqual(['a', 'modal', 'b'])
  })

  it('does not keep the next where one fails', async () => {
    const { queue, add, end } = setUp({ atOnce: 1 })
    const failed = queue.add(() => Promise.reject(new Error('no')))
    const next = add('b')
    await expect(failed).rejects.toThrow('no')
    await end('b')
    expect(await next).toBe(true)
  })
})
