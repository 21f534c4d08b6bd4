/** Who did what by which right: kept in the event of each press, and told in the evidence. */
import { afterAll, describe, expect, it } from 'vitest'
import { type Evidence, evidenceOf } from '../../src/operations/audit/evidence.ts'
import { evidenceMarkdown } from '../../src/operations/audit/evidence-formats.ts'
import { verifyChain } from '../../src/operations/audit/record.ts'
import { openedStore, stopPostgres } from '../adapters/store-opened.ts'
import { aTeam, made, NIA, OLA, type Team } from '../release/service-team.ts'
import { anyEvent, aRelease, at, DANA, LIN, TOM } from '../support/builders.ts'

afterAll(stopPostgres)

const HOTFIX = { picks: [], at: '2026-11-22T08:00:00Z', alsoGoes: { count: 0, commits: [] }, asksGo: true as const }

async function evidence({ store, audit }: Pick<Team, 'store' | 'audit'>, number: number): Promise<Evidence> {
  const release = await store.release(number)
  if (release === undefined) throw new Error(`there is no release #${number}`)
  const chain = await audit.readChain((stored) => verifyChain(stored))
  return evidenceOf({ release, events: await audit.rowsOf(number), messages: [], chain })
}

/** `Dana: cancel asked, the requester`, in the order of people and of what they did. */
const told = ({ people }: Evidence) =>
  people.flatMap(({ name, did }) => did.map(({ what, right }) => `${name}: ${what}, ${right}`))

const ASKED = 'Dana: release requested, every full member'
const SIGNED = ['Lin: sign off given: qa, @qa', 'Tom: sign off given: approval, @release-approvers']

interface Row {
  readonly what: string
  readonly press: (team: Team) => Promise<number>
  readonly people: readonly string[]
}

const ROWS: readonly Row[] = [
  {
    what: 'Cancel, by the requester',
    press: async ({ service, awaiting }) =>
      made(await service.act('cancel', { release: await awaiting(), by: DANA.id })).number,
    people: [ASKED, 'Dana: cancel asked, the requester'],
  },
  {
    what: 'Cancel, by an approver',
    press: async ({ service, awaiting }) =>
      made(await service.act('cancel', { release: await awaiting(), by: NIA.id })).number,
    people: [ASKED, 'Nia: cancel asked, @release-approvers'],
  },
  {
    what: 'a rejection, by somebody who is named by id',
    press: async ({ service, awaiting }) =>
      made(await service.act('rejection', { release: await awaiting(), by: TOM.id, note: 'Not today' })).number,
    people: [ASKED, 'Tom: sign off given: rejection, named by id, @release-approvers'],
  },
  {
    what: 'Retry, by somebody of whom nothing else is kept',
    press: async ({ service, stuck }) =>
      made(await service.act('retry', { release: await stuck(), by: NIA.id })).number,
    people: [ASKED, ...SIGNED, 'Nia: retry asked, @release-approvers'],
  },
  {
    what: 'Close',
    press: async ({ service, stuck }) =>
      made(await service.act('close', { release: await stuck(), by: TOM.id, note: 'By hand' })).number,
    people: [ASKED, ...SIGNED, 'Tom: release ended: closed, @release-approvers'],
  },
  {
    what: 'Go',
    press: async (team) => {
      const { number } = made(await team.ask())
      await team.plan(number, { hotfix: HOTFIX })
      return made(await team.service.act('go', { release: number, by: DANA.id })).number
    },
    people: [ASKED, 'Dana: go given, the requester'],
  },
  {
    what: 'Plan again, of the one that it makes',
    press: async ({ service, awaiting }) => {
      const release = await awaiting()
      await service.act('cancel', { release, by: DANA.id })
      return made(await service.act('plan again', { release, by: OLA.id, key: 'again' })).number
    },
    people: ['Ola: release requested, every full member'],
  },
  {
    what: 'Plan again, of the one that it ends',
    press: async ({ service, awaiting, store }) => {
      const release = await awaiting()
      await store.transaction((tx) => tx.changeRelease(release, { newerCommits: 2 }))
      made(await service.act('plan again', { release, by: OLA.id, key: 'again' }))
      return release
    },
    people: [ASKED, 'Ola: release ended: outdated, every full member'],
  },
  {
    what: 'a hot-fix that goes first, of the one that it ends',
    press: async ({ ask, awaiting }) => {
      const release = await awaiting()
      made(await ask({ kind: 'hotfix', by: OLA.id, picks: ['abcd'], reason: 'Search is down', ends: [release] }))
      return release
    },
    people: [ASKED, 'Ola: release ended: outdated, every full member'],
  },
]

describe('the evidence names everybody who pressed, what they did, and by which right', () => {
  it.each(ROWS)('$what', async ({ press, people }) => {
    const team = await aTeam()
    const shown = await evidence(team, await press(team))
    expect(told(shown).toSorted()).toEqual(people.toSorted())
    const markdown = evidenceMarkdown(shown, at('09:00'))
    for (const { id, name, did } of shown.people) {
      for (const { what, right = '', at } of did) {
        const time = at.slice(0, 19).replace('T', ' ')
        const cells = [`${name} (${id})`, what, right, time].join(' | ')
        expect(markdown).toContain(`| ${cells} |`)
      }
    }
  })

  it('of events of before it was kept: any person, with no right made up, in a chain that verifies', async () => {
    const opened = await openedStore()
    const number = await opened.store.transaction(async (tx) => {
      const created = await tx.createRelease({
        app: 'api',
        environment: 'production',
        kind: 'deploy',
        requester: DANA,
        configuration: 'digest',
        requestKey: 'key',
      })
      if (!('made' in created)) throw new Error('there was one')
      const release = created.made.number
      tx.addEvent(
        anyEvent({ release, type: 'release_requested', actor: DANA.id, data: { app: 'api', kind: 'deploy' } }),
      )
      tx.addEvent(anyEvent({ release, type: 'cancel_asked', actor: LIN.id, data: { state: 'planning' } }))
      tx.addEvent(anyEvent({ release, type: 'release_ended', actor: LIN.id, data: { state: 'cancelled' } }))
      tx.addEvent(anyEvent({ release, type: 'release_ended', actor: 'bot', data: { state: 'outdated' } }))
      return release
    })
    const shown = await evidence(opened, number)
    expect(shown.chain.found).toMatchObject({ ok: true, count: 4 })
    const time = expect.any(String)
    expect(shown.people).toEqual([
      { ...DANA, did: [{ event: 1, at: time, what: 'release requested' }] },
      { id: LIN.id, did: [{ event: 2, at: time, what: 'cancel asked' }] },
    ])
    expect(evidenceMarkdown(shown, at('09:00'))).toMatch(/^\| U05LIN \| cancel asked \| not recorded \|/m)
  })

  it('nobody, where nobody pressed', () => {
    const chain = { ok: true, count: 0, head: '', heads: [] } as const
    const shown = evidenceOf({ release: aRelease(), events: [], messages: [], chain })
    expect(shown.people).toEqual([])
  })
})
