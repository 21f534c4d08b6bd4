/** Who is told of a fact in a direct message, and who is mentioned instead. */
import { describe, expect, it } from 'vitest'
import type { DirectMessageKind } from '../../src/release/direct-messages.ts'
import { choicesWithout } from '../../src/release/direct-messages.ts'
import { whoIsTold } from '../../src/release/told-in-private.ts'
import { createFakeDirectory } from '../support/directory.ts'

const NOW = new Date('2026-12-01T10:00:00Z')
const DAY_MS = 24 * 60 * 60_000

/** A workspace of ten people, U1 to U10, of whom these want no direct messages or get none. */
function workspace({
  off = {},
  refusedAt = {},
  directMessages = true,
}: {
  off?: Record<string, readonly DirectMessageKind[]>
  refusedAt?: Record<string, Date>
  directMessages?: boolean
} = {}) {
  const directory = createFakeDirectory()
  const ids = Array.from({ length: 10 }, (_, index) => `U${index + 1}`)
  for (const id of ids) directory.member(id, `Person ${id}`)
  const store = {
    directMessages: async (person: string) => choicesWithout(off[person] ?? []),
    directMessageRefusal: async (person: string) => {
      const at = refusedAt[person]
      return at && { error: 'user_disabled', at }
    },
    now: async () => NOW,
  }
  const tell = async (...entries: readonly string[]) => {
    const told = await whoIsTold({ store, directory, directMessages }, 'reminders', [{ entries, isAbout: () => true }])
    return [told.people.map(({ id }) => id).join(' '), told.mentioned.join(' ')]
  }
  const group = (handle: string, size: number) => directory.group(handle, ids.slice(0, size))
  return { directory, tell, group }
}

describe('who is told in private', () => {
  it('people who are named, and the members of a group of up to eight', async () => {
    const { tell, group } = workspace()
    group('@eight', 8)
    expect(await tell('U10', '@eight')).toEqual(['U10 U1 U2 U3 U4 U5 U6 U7 U8', ''])
  })

  it('not a larger group: it is mentioned, and nobody in it is told twice', async () => {
    const { tell, group } = workspace()
    group('@nine', 9)
    group('@two', 2)
    expect(await tell('@nine', '@two', 'U3', 'U10')).toEqual(['U10', '@nine'])
  })

  it('each once, who is in several groups and named besides', async () => {
    const { tell, group } = workspace()
    group('@two', 2)
    group('@three', 3)
    expect(await tell('@two', '@three', 'U1')).toEqual(['U1 U2 U3', ''])
  })

  it('not who has switched this kind off: they are mentioned, as without direct messages', async () => {
    const { tell, group } = workspace({ off: { U2: ['reminders'], U3: ['locks'] } })
    group('@three', 3)
    expect(await tell('@three')).toEqual(['U1 U3', 'U2'])
  })

  it('not whom Slack has refused in the last seven days: they are mentioned', async () => {
    const at = (days: number) => new Date(NOW.getTime() - days * DAY_MS)
    const { tell } = workspace({ refusedAt: { U1: at(6.9), U2: at(7.1) } })
    expect(await tell('U1', 'U2')).toEqual(['U2', 'U1'])
  })

  it('nobody where Slack does not say who belongs to a group, or who a person is', async () => {
    const { directory, tell, group } = workspace()
    group('@two', 2)
    directory.answers(false)
    expect(await tell('@two', 'U5')).toEqual(['', '@two U5'])
    directory.answers(true)
    expect(await tell('@two', 'U99')).toEqual(['', '@two U99'])
  })

  it('nobody where releases.yml says so', async () => {
    const { directory, tell, group } = workspace({ directMessages: false })
    group('@two', 2)
    expect(await tell('@two', 'U5')).toEqual(['', '@two U5'])
    expect(directory.asked).toEqual([])
  })

  it('no guest, and nobody of a group that is gone', async () => {
    const { directory, tell } = workspace()
    directory.notAMember('U4', 'guest')
    expect(await tell('U4', '@gone', 'U5')).toEqual(['U5', ''])
  })
})
