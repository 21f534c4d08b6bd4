import type { OutboxMessage } from '../../src/release/messages.ts'
import type { Job } from '../../src/release/ports/jobs.ts'
import type { Gate, Refusal } from '../../src/release/refusals.ts'
import type { Release, StepRow } from '../../src/release/release.ts'
import { createReleaseService, type ReleaseService } from '../../src/release/service.ts'
import type { Environment } from '../../src/release/settings.ts'
import { announceOrRun, cardPosted, planned, stop } from '../../src/release/transitions/index.ts'
import { openedStore } from '../adapters/store-opened.ts'
import { anApp, anEnvironment, anIntegration, aPlan, DANA, LIN, SERVICES, TOM } from '../support/builders.ts'
import { createFakeDirectory } from '../support/directory.ts'

export const NIA = { id: 'U07NIA', name: 'Nia' }
export const OLA = { id: 'U08OLA', name: 'Ola' }

/**
 * A team with its own store: Dana requests, Tom and Nia approve, Lin confirms QA, Ola is a plain member. A worker is alive.
 * The worker's and Slack's changes to a release are made by the same transitions as in the program.
 */
export async function aTeam(production: Partial<Environment> = {}) {
  const opened = await openedStore()
  const { store, sql } = opened
  const environment = anEnvironment({
    signOff: {
      qa: 1,
      approvals: 1,
      approvers: ['@release-approvers'],
      qaBy: ['@qa', TOM.id],
      emergencyBy: ['@release-approvers'],
      requireChecks: false,
      expiresAfterMs: 24 * 3_600_000,
    },
    ...production,
  })
  const integration = anIntegration()
  const apps = [anApp({ environments: [integration, environment] })]
  const directory = createFakeDirectory()
  for (const { id, name } of [DANA, LIN, TOM, NIA, OLA]) directory.member(id, name, `${id.toLowerCase()}@example.com`)
  directory.group('@release-approvers', [TOM.id, NIA.id])
  directory.group('@qa', [LIN.id])
  const service = createReleaseService({ store, directory, apps, services: SERVICES })
  await store.workerSeen({ id: 'worker', configurations: {} })
  let keys = 0

  async function locked(number: number): Promise<Release> {
    const release = await store.release(number)
    if (release === undefined) throw new Error(`there is no release #${number}`)
    return release
  }

  const team = {
    store,
    outbox: opened.outbox,
    audit: opened.audit,
    sql,
    directory,
    service,
    services: SERVICES,
    apps,
    environment,
    integration,
    release: locked,
    /** A second bot with its own connections. */
    anotherBot: async (): Promise<ReleaseService> =>
      createReleaseService({ store: (await opened.again()).store, directory, apps, services: SERVICES }),

    ask: (more: Partial<Parameters<ReleaseService['request']>[0]> = {}) =>
      service.request({
        app: 'api',
        environment: 'production',
        kind: 'deploy',
        by: DANA.id,
        key: `key ${++keys}`,
        ...more,
      }),

    /** Creates a planned release of production with its card posted; returns its number. */
    awaiting: async (more: Parameters<typeof aPlan>[0] = {}): Promise<number> => {
      const { number } = made(await team.ask())
      await team.plan(number, more)
      await team.postCard(number)
      return number
    },

    plan: (number: number, more: Parameters<typeof aPlan>[0] = {}) =>
      store.transaction(async (tx) => {
        const release = await tx.lockRelease(number)
        if (release) await planned(tx, release, environment, aPlan(more))
      }),

    postCard: (number: number) =>
      store.transaction((tx) =>
        cardPosted(tx, number, environment, { channel: 'C02PROD', ts: `${number}.0001` }, { asked: true }),
      ),

    /** The preflight has passed: queues the announcement. */
    announce: (number: number) =>
      store.transaction(async (tx) => {
        const release = await tx.lockRelease(number)
        if (release) await announceOrRun(tx, release, environment)
      }),

    run: (number: number) =>
      store.transaction(async (tx) => tx.changeRelease(number, { state: 'running', startedAt: tx.now })),

    steps: (number: number, ...rows: readonly StepRow[]) =>
      store.transaction(async (tx) => {
        for (const row of rows) await tx.putStep(number, row)
      }),

    /** Signed off by Lin and Tom. */
    approved: async (): Promise<number> => {
      const number = await team.awaiting()
      made(await service.act('qa', { release: number, by: LIN.id }))
      made(await service.act('approval', { release: number, by: TOM.id }))
      return number
    },

    /** A release that needs attention after its merge. */
    stuck: async (): Promise<number> => {
      const number = await team.approved()
      await team.run(number)
      await team.steps(number, { name: 'merge', state: 'done', attempt: 1, effect: 'some' })
      await store.transaction(async (tx) => {
        const release = await tx.lockRelease(number)
        const because = { gate: 'internal_error' as const, detail: 'the disk is full' }
        if (release) await stop(tx, release, { step: 'migrate', because }, { actor: 'worker' })
      })
      return number
    },

    /** Moves every stored time back by the interval; the worker stays alive. */
    passes: async (interval: string) => {
      const columns = ['requested_at', 'planned_at', 'card_posted_at', 'approved_at', 'started_at', 'ended_at']
      const moved = [...columns, 'expires_at', 'start_at'].map((column) => `${column} = ${column} - $1::interval`)
      await sql(`update release set ${moved.join(', ')}`, [interval])
      await sql('update sign_off set at = at - $1::interval', [interval])
    },

    workerDies: (ago: string) => sql('update worker set at = now() - $1::interval', [ago]),

    jobs: async (number: number, kind?: Job['kind']): Promise<readonly Job[]> => {
      const rows = await sql(`select data from pgboss.job where (data->>'release')::int = $1 order by created_on`, [
        number,
      ])
      return rows.map(({ data }) => data as Job).filter((job) => kind === undefined || job.kind === kind)
    },

    /** Every message that was ever queued in the outbox, in order. */
    messages: async (): Promise<readonly OutboxMessage[]> =>
      (await sql('select message from outbox order by id')).map(({ message }) => message as OutboxMessage),

    /** The lines of a release's thread, without the one on its migrations. */
    lines: async (number: number) =>
      (await team.messages()).flatMap((message) =>
        message.kind === 'line' && message.release === number && message.line.is !== 'migrations' ? [message.line] : [],
      ),

    /** Slack has confirmed every waiting message, so the next card is a new one in the outbox. */
    delivered: () => sql(`update outbox set state = 'sent'`),
    /** The releases with a card in the outbox. */
    redrawn: async () =>
      (await sql(`select release from outbox where kind = 'card' and state = 'waiting' order by release`)).map(
        ({ release }) => release,
      ),

    events: async (number: number) => (await store.events(number)).map(({ type }) => type),
  }
  return team
}

export type Team = Awaited<ReturnType<typeof aTeam>>

/** The release of an answer; throws for a refusal. */
export function made(answer: { readonly release: Release } | { readonly refused: Refusal }): Release {
  if ('refused' in answer) throw new Error(`refused: ${JSON.stringify(answer.refused)}`)
  return answer.release
}

export function refusedBy(answer: object | { readonly refused: Refusal }): Gate | 'not refused' {
  return 'refused' in answer ? (answer.refused as Refusal).gate : 'not refused'
}
