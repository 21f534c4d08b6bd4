/** People as Slack has them: what is asked again for a right, and what is kept for drawing. */
import type { WebClient } from '@slack/web-api'
import { expect, it, vi } from 'vitest'
import { createDirectory } from '../../src/slack/directory.ts'

const member = (id: string, name = id) => ({ id, team_id: 'T1', name, profile: { display_name: name } })

/** A client of `users.info` alone, which counts its calls. */
function slackOf(answer: (user: string) => unknown) {
  const info = vi.fn(async ({ user }: { user: string }) => ({ ok: true, user: await answer(user) }))
  return { info, client: { users: { info } } as unknown as WebClient }
}

it('S2: asks for the names of ten approvers once for many drawings, and not again for each', async () => {
  const { client, info } = slackOf((user) => member(user, `name of ${user}`))
  const directory = createDirectory(client, 'T1')
  const ids = Array.from({ length: 10 }, (_, index) => `U${index}`)
  for (let drawing = 0; drawing < 25; drawing++) {
    const found = await Promise.all(ids.map((id) => directory.person(id)))
    expect(found[3]).toMatchObject({ is: 'member', name: 'name of U3' })
  }
  expect(info).toHaveBeenCalledTimes(10)
})

it('S2: asks about a right each time', async () => {
  const { client, info } = slackOf((user) => member(user))
  const directory = createDirectory(client, 'T1', { forRights: true })
  for (let click = 0; click < 5; click++) await directory.person('U1')
  expect(info).toHaveBeenCalledTimes(5)
})

it('S2: draws the last known name where Slack gives none, and does not ask in every drawing', async () => {
  vi.useFakeTimers({ toFake: ['performance'] })
  let answers = true
  const { client, info } = slackOf((user) => {
    if (!answers) throw new Error('no answer')
    return member(user)
  })
  const directory = createDirectory(client, 'T1')
  await directory.person('U1')
  answers = false
  vi.advanceTimersByTime(11 * 60_000)
  for (let drawing = 0; drawing < 20; drawing++) {
    expect(await directory.person('U1')).toMatchObject({ is: 'member', name: 'U1' })
    expect(await directory.person('U2')).toEqual({ is: 'unknown' })
  }
  expect(info).toHaveBeenCalledTimes(3)
  vi.useRealTimers()
})

it('knows the time zone of a person, unless Slack gives none or none that is known', async () => {
  const zones: Readonly<Record<string, unknown>> = {
    U1: 'Europe/Berlin',
    U2: 'Etc/UTC',
    U3: 'Mars/Olympus',
    U4: '',
    U5: undefined,
  }
  const { client } = slackOf((user) => ({ ...member(user), tz: zones[user] }))
  const directory = createDirectory(client, 'T1')
  const found = await Promise.all(Object.keys(zones).map((id) => directory.person(id)))
  expect(found.map((person) => ('timeZone' in person ? person.timeZone : undefined))).toEqual([
    'Europe/Berlin',
    'Etc/UTC',
    undefined,
    undefined,
    undefined,
  ])
})

it('S2: keeps a bounded number of names', async () => {
  const { client, info } = slackOf((user) => member(user))
  const directory = createDirectory(client, 'T1')
  for (let nth = 0; nth < 3_000; nth++) await directory.person(`U${nth}`)
  await directory.person('U2999')
  expect(info).toHaveBeenCalledTimes(3_000)
  await directory.person('U0')
  expect(info).toHaveBeenCalledTimes(3_001)
})
