import type { WebClient } from '@slack/web-api'
import { afterEach, expect, it, vi } from 'vitest'
import { createDirectory } from '../../src/slack/directory.ts'

afterEach(() => {
  vi.useRealTimers()
})

it('looks a group up at each click, though the clock of this machine was set back since the last one', async () => {
  let users = ['U1']
  const client = {
    usergroups: {
      list: async () => ({ ok: true, usergroups: [{ id: 'S1', handle: 'qa' }] }),
      users: { list: async () => ({ ok: true, users }) },
    },
  } as unknown as WebClient
  const directory = createDirectory(client, 'T1', { forRights: true })
  expect(await directory.groupMembers('@qa')).toEqual(['U1'])
  users = []
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() - 3_600_000 })
  expect(await directory.groupMembers('@qa')).toEqual([])
})
