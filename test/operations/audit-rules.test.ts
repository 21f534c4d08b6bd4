/** The rules in force and who was in the groups: stored in the events, so that an auditor reads them years later. */
import { afterAll, describe, expect, it } from 'vitest'
import { rulesSection } from '../../src/operations/audit/evidence-rules.ts'
import { verifyChain } from '../../src/operations/audit/record.ts'
import type { EventData } from '../../src/release/events.ts'
import { groupsAtThisMoment, MOST_RECORDED_MEMBERS } from '../../src/release/policy.ts'
import { type RecordedRules, recordedRules } from '../../src/release/recorded-rules.ts'
import { stopPostgres } from '../adapters/store-opened.ts'
import { aTeam, made, NIA, type Team } from '../release/service-team.ts'
import { aMigration, anEnvironment, anIntegration, DANA, LIN, SIGN_OFF, TOM } from '../support/builders.ts'

afterAll(stopPostgres)

async function dataOf<T extends keyof EventData>({ store }: Team, number: number, type: T) {
  const events = await store.events(number)
  return events.flatMap((event) => (event.type === type ? [event.data as Partial<EventData[T]>] : []))
}

const NO_DECISIONS = { signOffs: [] } as unknown as Parameters<typeof rulesSection>[0]

const APPROVERS = '@release-approvers'
const RULES = { qa: 1, approvals: 1, approvers: [APPROVERS], qa_by: 'every full member', emergency_by: [APPROVERS] }

describe('audit: the record of a release holds', () => {
  it('audit: the rules under which its plan asks, and for each sign-off who was in the groups at that moment', async () => {
    const team = await aTeam()
    const release = await team.awaiting()
    made(await team.service.act('qa', { release, by: LIN.id }))
    team.directory.group('@release-approvers', [NIA.id, DANA.id, TOM.id])
    made(await team.service.act('approval', { release, by: TOM.id }))
    team.directory.group('@release-approvers', [])
    const [plan] = await dataOf(team, release, 'plan_made')
    expect(plan?.rules).toEqual({
      ...{ ...RULES, qa_by: ['@qa', TOM.id] },
      ...{ require_checks: false, expires_after: '24h' },
    })
    const signed = await dataOf(team, release, 'sign_off_given')
    expect(signed.map(({ kind, right, groups }) => [kind, right, groups])).toEqual([
      ['qa', '@qa', [{ handle: '@qa', count: 1, members: [LIN.id] }]],
      ['approval', APPROVERS, [{ handle: APPROVERS, count: 3, members: [TOM.id, NIA.id, DANA.id] }]],
    ])
    expect(await team.audit.readChain((chain) => verifyChain(chain))).toMatchObject({ ok: true })
  })

  it('audit: the freezes and the order that were in force, and what an emergency waived of them', async () => {
    const freezes = [{ name: 'all of it', from: '2020-01-01', to: '2120-01-01', timeZone: 'Europe/Berlin' }]
    const team = await aTeam({ order: 'required', freezes })
    const { number } = made(await team.ask({ forEmergency: true, by: TOM.id }))
    await team.plan(number)
    await team.postCard(number)
    made(
      await team.service.act('emergency', { release: number, by: TOM.id, note: 'Search is down for every customer' }),
    )
    const [plan] = await dataOf(team, number, 'plan_made')
    expect(plan?.rules).toMatchObject({
      order: 'required',
      freezes: [{ name: 'all of it', from: '2020-01-01', to: '2120-01-01', time_zone: 'Europe/Berlin' }],
    })
    const [signed] = await dataOf(team, number, 'sign_off_given')
    expect(signed?.waives).toEqual(['environment_frozen', 'source_not_proven'])
    const shown = rulesSection(
      { ...NO_DECISIONS, ...(plan?.rules && { rules: plan.rules }), plannedAt: '2026-11-22T08:11:00Z' },
      new Map(),
    )
    expect(JSON.stringify(shown)).toContain('all of it (2020-01-01 to 2120-01-01, Europe/Berlin)')
    expect(JSON.stringify(shown)).toContain('must be proven on the promoted environment')
  })

  it('audit: who could declare the emergency that somebody declared', async () => {
    const team = await aTeam({ signOff: { ...SIGN_OFF, emergencyBy: ['@on-call', DANA.id] } })
    team.directory.group('@on-call', [NIA.id])
    const release = await team.awaiting()
    made(await team.service.act('emergency', { release, by: DANA.id, note: 'Search is down for every customer' }))
    const [signed] = await dataOf(team, release, 'sign_off_given')
    expect(signed).toMatchObject({
      ...{ kind: 'emergency', right: 'named by id' },
      groups: [{ handle: '@on-call', count: 1, members: [NIA.id] }],
    })
  })

  it('audit: no groups where the rules name none', async () => {
    const team = await aTeam({ signOff: { ...SIGN_OFF, approvers: [TOM.id] } })
    const release = await team.awaiting()
    made(await team.service.act('approval', { release, by: TOM.id }))
    const [signed] = await dataOf(team, release, 'sign_off_given')
    expect(signed).toMatchObject({ kind: 'approval', right: 'named by id' })
    expect(signed).not.toHaveProperty('groups')
  })
})

describe('audit: who is in a group is stored', () => {
  const crowd = Array.from({ length: 5_000 }, (_, index) => `U${index}`)
  const person = { id: 'U4999', name: 'Zoe', groups: ['@all'], groupMembers: { '@all': crowd } }

  it('audit: within bounds, the person first, with how many there were', () => {
    const [group] = groupsAtThisMoment(['@all', 'U1'], person)
    expect(group).toMatchObject({ handle: '@all', count: 5_000 })
    expect(group?.members).toHaveLength(MOST_RECORDED_MEMBERS)
    expect(group?.members?.slice(0, 2)).toEqual(['U4999', 'U0'])
  })

  it('audit: as not known, where Slack did not list a group, and not as empty', () => {
    expect(groupsAtThisMoment(['@all', '@lost'], { ...person, groupMembers: { '@all': ['U4999'] } })).toEqual([
      { handle: '@all', count: 1, members: ['U4999'] },
      { handle: '@lost' },
    ])
  })
})

describe('audit: the rules are stored as releases.yml has them', () => {
  it.each([
    ['an environment that asks nobody', anIntegration(), { sign_off: 'none' }],
    [
      'one that asks nobody but talks migrations over',
      anIntegration({ migrations: [aMigration({ talkItOver: ['locks'], approvers: ['@dba'] })] }),
      { sign_off: 'none', talk_it_over: ['locks'], talked_over_by: 'every full member' },
    ],
    ['defaults, filled in', anEnvironment(), { ...RULES, require_checks: false, expires_after: '24h' }],
    [
      'everything',
      anEnvironment({
        signOff: {
          ...{ qa: 2, approvals: 3, approvers: ['@a', 'U1'], qaBy: ['@q'], emergencyBy: ['U2'] },
          ...{ requireChecks: true, expiresAfterMs: 90 * 60_000 },
        },
        migrations: [aMigration({ talkItOver: ['destroys', 'unknown'], approvers: ['@dba'] })],
      }),
      {
        ...{ qa: 2, approvals: 3, approvers: ['@a', 'U1'], qa_by: ['@q'], emergency_by: ['U2'] },
        ...{ require_checks: true, expires_after: '90min' },
        ...{ talk_it_over: ['destroys', 'unknown'], talked_over_by: ['@dba'] },
      },
    ],
    [
      'several migrations, each set of people with its own kinds, and none of an entry that asks for no talk',
      anEnvironment({
        migrations: [
          aMigration({ name: 'users', talkItOver: ['destroys'], approvers: ['@dba'] }),
          aMigration({ name: 'search', talkItOver: ['adds', 'locks'], approvers: ['@search'] }),
          aMigration({ name: 'orders', talkItOver: ['destroys'], approvers: ['@dba'] }),
          aMigration({ name: 'logs', talkItOver: [], approvers: ['@logs'] }),
        ],
      }),
      {
        ...{ ...RULES, require_checks: false, expires_after: '24h' },
        migrations: [
          { names: ['users', 'orders'], talk_it_over: ['destroys'], talked_over_by: ['@dba'] },
          { names: ['search'], talk_it_over: ['adds', 'locks'], talked_over_by: ['@search'] },
        ],
      },
    ],
    [
      'several migrations, of which one asks for a talk with the approvers',
      anEnvironment({
        migrations: [
          aMigration({ name: 'users', talkItOver: [] }),
          aMigration({ name: 'search', talkItOver: ['adds'] }),
        ],
      }),
      {
        ...{ ...RULES, require_checks: false, expires_after: '24h' },
        migrations: [{ names: ['search'], talk_it_over: ['adds'], talked_over_by: [APPROVERS] }],
      },
    ],
  ])('audit: %s', (_what, environment, rules) => expect(recordedRules(environment)).toEqual(rules))

  it('audit: and the evidence has a line for each set of people', () => {
    const environment = anEnvironment({
      migrations: [
        aMigration({ name: 'users', talkItOver: ['destroys', 'unknown'], approvers: ['@dba'] }),
        aMigration({ name: 'search', talkItOver: ['adds'], approvers: ['@search', TOM.id] }),
      ],
    })
    const shown = (rules: RecordedRules) =>
      JSON.stringify(rulesSection({ rules, plannedAt: '2026-11-02T09:00:00.000Z', signOffs: [] }, new Map()))
    const several = shown(recordedRules(environment))
    expect(several).toContain('migrations of users of the kinds destroys, unknown, by @dba')
    expect(several).toContain(`migrations of search of the kinds adds, by @search, ${TOM.id}`)
    // As the events of earlier releases have it, for all migrations together.
    const before = shown({ sign_off: 'none', talk_it_over: ['locks'], talked_over_by: ['@dba', '@search'] })
    expect(before).toContain('migrations of the kinds locks, by @dba, @search')
  })
})
