import { describe, expect, expectTypeOf, it } from 'vitest'
import { type Defined, defined } from '../../src/lib/defined.ts'

interface Wanted {
  readonly name: string
  readonly email?: string
}

describe('defined', () => {
  it('leaves out undefined values, and keeps all others', () => {
    const given = { a: undefined, b: null, c: false, d: 0, e: '', f: [undefined], g: { h: undefined } }
    expect(Object.entries(defined(given))).toEqual([
      ['b', null],
      ['c', false],
      ['d', 0],
      ['e', ''],
      ['f', [undefined]],
      ['g', { h: undefined }],
    ])
    expect(Object.keys(given)).toContain('a')
  })

  it('gives the types that exact optional keys need', () => {
    const email = undefined as string | undefined
    const wanted: Wanted = defined({ name: 'Dana', email })
    const spread: Wanted = { name: 'Dana', ...defined({ email }) }
    expect([wanted, spread]).toEqual([{ name: 'Dana' }, { name: 'Dana' }])
    // @ts-expect-error: the key may be absent.
    const unsure: Wanted = defined({ name: email })
    // @ts-expect-error: of another type.
    const wrong: Wanted = { name: 'Dana', ...defined({ email: email === undefined ? undefined : 1 }) }
    expect([unsure, wrong]).toEqual([{}, { name: 'Dana' }])
  })

  it('keeps literals, null, and keys that were optional before', () => {
    expectTypeOf<
      Defined<{ a: string; b: number | undefined; c?: boolean; d: Date | null; e?: 1 | undefined }>
    >().toEqualTypeOf<{
      a: string
      b?: number
      c?: boolean
      d: Date | null
      e?: 1
    }>()
    const answer: { is: 'member' } | { is: 'guest' } = defined({ is: 'member' })
    expect(answer).toEqual({ is: 'member' })
  })
})
