/** A freeze: what it refuses, to whom, and what goes on in it all the same. */
import { afterAll, expect, it } from 'vitest'
import { withWaysOut } from '../../src/release/environment-frozen.ts'
import type { Freeze } from '../../src/release/settings.ts'
import { planned } from '../../src/release/transitions/index.ts'
import { stopPostgres } from '../adapters/store-opened.ts'
import { anEnvironment, aPlan, DANA, LIN, TOM } from '../support/builders.ts'
import { aTeam, made, refusedBy, type Team } from './service-team.ts'

afterAll(stopPostgres)

const HOUR = 3_600_000

/** From so many hours after now to so many: the store's clock can't be set. */
function hours(from: number, to: number, name = 'weekend'): Freeze {
  const at = (after: number) => new Date(Date.now() + after * HOUR).toISOString().slice(0, 16).replace('T', ' ')
  return { name, from: at(from), to: at(to), timeZone: 'UTC' }
}

/** A team whose freezes can be changed meanwhile, as time would. */
async function aFreezingTeam(...first: readonly Freeze[]): Promise<{ team: Team; freezes: Freeze[] }> {
  const freezes = [...first]
  return { team: await aTeam({ freezes }), freezes }
}

it('refuses a request, with the freeze and its end, and makes no release', async () => {
  const { team } = await aFreezingTeam(hours(-2, 1, 'move'), hours(-1, 40))
  const asked = await team.ask()
  expect(asked).toMatchObject({
    refused: { gate: 'environment_frozen', app: 'api', environment: 'production', names: ['weekend'] },
  })
  expect(asked).not.toHaveProperty('refused.isOffered')
  expect(await team.store.releases({ limit: 1 })).toEqual([])
  expect(made(await team.ask({ environment: 'integration' })).number).toBe(1)
})

it('says to whom may declare an emergency that they may, and to everybody how to schedule for its end', async () => {
  const freeze = hours(-1, 40)
  const { team, freezes } = await aFreezingTeam(freeze)
  const refused = async (by: string) => {
    const answer = await team.ask({ by })
    return 'refused' in answer ? answer.refused : undefined
  }
  expect(await refused(TOM.id)).toMatchObject({ isOffered: true, at: freeze.to, who: ['@release-approvers'] })
  expect(await refused(DANA.id)).toMatchObject({ at: freeze.to, who: ['@release-approvers'] })
  freezes.splice(0, 1, hours(-1, 24 * 9))
  expect(await refused(DANA.id), 'too far ahead').not.toHaveProperty('at')
})

it('lets a rollback be planned for an emergency by those who may declare one, and refuses it of others', async () => {
  const { team } = await aFreezingTeam(hours(-1, 40))
  const ask = (by: string, forEmergency?: true) =>
    team.service.requestRollback({
      ...{ app: 'api', environment: 'production', reason: 'logins fail', lock: true },
      ...{ by, key: `rollback ${by} ${forEmergency}`, ...(forEmergency && { forEmergency }) },
    })
  expect(await ask(TOM.id)).toMatchObject({
    refused: { gate: 'environment_frozen', kind: 'rollback', isOffered: true },
  })
  expect(await ask(DANA.id)).not.toHaveProperty('refused.isOffered')
  expect(await ask(DANA.id, true)).toMatchObject({ refused: { gate: 'not_an_approver' } })
  expect(made(await ask(TOM.id, true))).toMatchObject({ kind: 'rollback', state: 'planning' })
})

it('says the end in the person’s own time zone, where Slack gives one', () => {
  const environment = anEnvironment({ freezes: [{ ...hours(0, 1), timeZone: 'Europe/Berlin' }] })
  const refusal = { gate: 'environment_frozen', app: 'api', environment: 'production', names: ['weekend'] } as const
  const until = '2026-12-07T07:00:00.000Z'
  const at = (timeZone?: string) => {
    const person = { ...DANA, groups: [], ...(timeZone && { timeZone }) }
    const told = withWaysOut({ ...refusal, kind: 'deploy', until }, environment, person, new Date('2026-12-05T12:00Z'))
    return 'at' in told ? told.at : undefined
  }
  expect(at('America/New_York')).toBe('2026-12-07 02:00')
  expect(at()).toBe('2026-12-07 08:00')
})

it('plans for an emergency only for those who may declare one', async () => {
  const { team } = await aFreezingTeam(hours(-1, 40))
  expect(await team.ask({ forEmergency: true, by: LIN.id })).toMatchObject({
    refused: { gate: 'not_an_approver', who: ['@release-approvers'], action: 'plan for an emergency' },
  })
  const { number } = made(await team.ask({ forEmergency: true, by: TOM.id }))
  expect(await team.jobs(number)).toEqual([{ kind: 'plan', release: number, forEmergency: true }])
  const [event] = await team.store.events(number)
  expect(event?.data).toMatchObject({ forEmergency: true })

  // QA and approval do not start it; an emergency does.
  await team.plan(number)
  await team.postCard(number)
  made(await team.service.act('qa', { release: number, by: LIN.id }))
  const nia = await team.service.act('approval', { release: number, by: 'U07NIA' })
  expect(refusedBy(nia)).toBe('environment_frozen')
  made(await team.service.act('emergency', { release: number, by: TOM.id, note: 'Search is down for everyone' }))
  expect((await team.release(number)).state).toBe('approved')
  const signed = (await team.store.events(number)).filter(({ type }) => type === 'sign_off_given')
  expect(signed.at(-1)?.data).toMatchObject({ kind: 'emergency', waives: ['environment_frozen'] })
})

it('holds the last sign-off, which records nothing and can be given again when it is over; others count meanwhile', async () => {
  const { team, freezes } = await aFreezingTeam()
  const number = await team.awaiting()
  freezes.push(hours(-1, 1))
  made(await team.service.act('qa', { release: number, by: LIN.id }))
  const before = await team.store.events(number)
  const held = await team.service.act('approval', { release: number, by: TOM.id })
  expect(held).toMatchObject({ refused: { gate: 'environment_frozen', number, who: ['@release-approvers'] } })
  expect(await team.store.events(number)).toEqual(before)
  expect(await team.release(number)).toMatchObject({ state: 'awaiting sign-off', signOffs: [{ kind: 'qa' }] })
  freezes.pop()
  made(await team.service.act('approval', { release: number, by: TOM.id }))
  expect((await team.release(number)).state).toBe('approved')
})

it('asks nothing more once a release is approved: Retry, Cancel and Close go on', async () => {
  const { team, freezes } = await aFreezingTeam()
  const number = await team.stuck()
  freezes.push(hours(-1, 1))
  made(await team.service.act('retry', { release: number, by: DANA.id, key: 'again' }))
  expect((await team.release(number)).state).toBe('approved')
  made(await team.service.act('cancel', { release: number, by: DANA.id, key: 'no' }))
  made(await team.service.act('close', { release: number, by: TOM.id, note: 'looked at by hand' }))
})

it('refuses Plan again and leaves the old release as it was', async () => {
  const { team, freezes } = await aFreezingTeam()
  const number = await team.awaiting()
  made(await team.service.act('rejection', { release: number, by: TOM.id, note: 'not yet' }))
  const before = await team.release(number)
  freezes.push(hours(-1, 1))
  const again = await team.service.act('plan again', { release: number, by: TOM.id })
  expect(again).toMatchObject({ refused: { gate: 'environment_frozen', isOffered: true } })
  expect(await team.release(number)).toEqual(before)
})

it('holds Go, and ends a plan that needs nobody as refused', async () => {
  const { team, freezes } = await aFreezingTeam()
  const hotfix = { picks: [], at: '2026-11-22T08:00:00Z', alsoGoes: { count: 0, commits: [] }, asksGo: true as const }
  const { number } = made(await team.ask({ kind: 'hotfix', picks: ['7ad90f4'], reason: 'search is down' }))
  await team.plan(number, { hotfix })
  freezes.push(hours(-1, 1))
  expect(refusedBy(await team.service.act('go', { release: number, by: DANA.id }))).toBe('environment_frozen')
  expect((await team.release(number)).state).toBe('awaiting sign-off')

  const alone = await aTeam()
  const { number: first } = made(await alone.ask({ environment: 'integration' }))
  const { signOff: _, ...open } = anEnvironment({ freezes, migrations: [] })
  await alone.store.transaction(async (tx) => {
    const release = await tx.lockRelease(first)
    if (release) await planned(tx, release, open, aPlan({ migrations: [] }))
  })
  expect(await alone.release(first)).toMatchObject({
    state: 'refused',
    problem: { because: { gate: 'environment_frozen', number: first } },
  })
})

it('redraws the card two hours before, when it begins and when it is over, once each and with nothing in between', async () => {
  const { team, freezes } = await aFreezingTeam()
  const number = await team.awaiting()
  const moments: (readonly [string, readonly Freeze[]])[] = [
    ['long before', [hours(3, 9)]],
    ['soon', [hours(1, 9)]],
    ['now', [hours(-1, 9)]],
    ['longer', [hours(-1, 12)]],
    ['over', [hours(-9, -1)]],
  ]
  const redrawn: [string, number][] = []
  for (const [name, now] of moments) {
    freezes.splice(0, freezes.length, ...now)
    for (let ticks = 0; ticks < 3; ticks++) {
      await team.delivered()
      await team.service.tick()
      const count = (await team.redrawn()).filter((each) => each === number).length
      if (count > 0) redrawn.push([name, count])
    }
  }
  expect(redrawn).toEqual([
    ['soon', 1],
    ['now', 1],
    ['longer', 1],
    ['over', 1],
  ])
})

it('is told in the status, also two hours before', async () => {
  const { team, freezes } = await aFreezingTeam(hours(1, 9))
  const freeze = async () =>
    (await team.service.status()).environments.map(({ environment, freeze }) => [environment, freeze?.is])
  expect(await freeze()).toEqual([
    ['integration', undefined],
    ['production', 'soon'],
  ])
  freezes.splice(0, 1, hours(-1, 9))
  expect((await freeze())[1]).toEqual(['production', 'frozen'])
})

it('refuses a time in a freeze, at the request and at Change time…, and takes the time at its end', async () => {
  const freeze = hours(3, 40)
  const { team } = await aFreezingTeam(freeze)
  const [inIt, atItsEnd] = [new Date(Date.now() + 4 * HOUR), new Date(`${freeze.to.replace(' ', 'T')}Z`)]
  expect(await team.ask({ at: { picked: inIt } })).toMatchObject({ refused: { gate: 'environment_frozen' } })
  const { number } = made(await team.ask({ at: { picked: new Date(Date.now() + HOUR) } }))
  await team.plan(number)
  await team.postCard(number)
  const move = (startAt: Date) =>
    team.service.act('change time', { release: number, by: DANA.id, startAt, key: startAt.toISOString() })
  const before = await team.release(number)
  expect(await move(inIt)).toMatchObject({
    refused: { gate: 'environment_frozen', number, startAt: inIt.toISOString(), names: ['weekend'] },
  })
  expect(await team.release(number)).toEqual(before)
  made(await move(atItsEnd))
  expect((await team.release(number)).schedule?.at).toEqual(atItsEnd)
})
