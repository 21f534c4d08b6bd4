import { afterAll, describe, expect, it } from 'vitest'
import { configurationFor, digestInFormOf, isSameConfiguration } from '../../src/release/configuration.ts'
import { stopPostgres } from '../adapters/store-opened.ts'
import { anEnvironment, at, DANA, digests, LIN, TOM } from '../support/builders.ts'
import { aTeam, made } from './service-team.ts'

afterAll(stopPostgres)

/** Its two digests differ beyond the prefix, so that a comparison of the wrong forms fails. */
const environment = anEnvironment({ digests: { ...digests('a'), form2: `2:${'b'.repeat(64)}` } })
const { form1, form2 } = environment.digests
const other = digests('c')

describe('two configurations are compared in the form that is given', () => {
  it.each<[string, string | undefined, boolean]>([
    ['form 1, the same', form1, true],
    ['form 2, the same', form2, true],
    ['form 1, another', other.form1, false],
    ['form 2, another', other.form2, false],
    ['form 2 without its prefix', form2.slice(2), false],
    ['form 1 with the prefix of form 2', `2:${form1}`, false],
    ['an unknown form', `3:${form1}`, false],
    ['none', undefined, false],
    ['an empty one', '', false],
  ])('%s', (_, seen, expected) => {
    expect(isSameConfiguration(seen, environment)).toBe(expected)
  })

  it('and the digest is given in the form that a plan has bound', () => {
    expect(digestInFormOf(other.form1, environment)).toBe(form1)
    expect(digestInFormOf(other.form2, environment)).toBe(form2)
  })
})

describe('a new release carries', () => {
  const worker = (digest?: string) => ({
    id: 'w',
    at: at('10:00'),
    configurations: { 'api/integration': 'd'.repeat(64), ...(digest !== undefined && { 'api/production': digest }) },
  })

  it.each<[string, ReturnType<typeof worker>[], string]>([
    ['form 2 without a worker', [], form2],
    ['form 2 for workers of this version', [worker(form2), worker(other.form2)], form2],
    ['form 2 when the worker does not know the environment', [worker()], form2],
    ['form 1 for a worker of the first version', [worker(form1)], form1],
    ['form 1 while one of several is of the first version', [worker(form2), worker(form1)], form1],
    ['form 1 when the files differ, which the worker then reports', [worker(other.form1)], form1],
  ])('%s', (_, workers, expected) => {
    expect(configurationFor(environment, workers)).toBe(expected)
  })

  it('always form 2 when form 1 does not cover the entry in full', () => {
    const newer = anEnvironment({ digests: { ...environment.digests, isForm1Complete: false } })
    expect(configurationFor(newer, [worker(form1)])).toBe(form2)
  })
})

describe('while one version replaces another', () => {
  it('a request uses form 1 beside a worker of the first version, and form 2 when that worker is gone', async () => {
    const team = await aTeam()
    const { form1, form2 } = team.environment.digests
    await team.store.workerSeen({ id: 'first edition', configurations: { 'api/production': form1 } })
    const { number } = made(await team.ask())
    expect(await team.release(number)).toMatchObject({ configuration: form1 })
    await team.service.preview({ app: 'api', environment: 'production', by: LIN.id, key: 'preview' })
    const [preview] = await team.sql(`select data from pgboss.job where data->>'kind' = 'preview'`)
    expect(preview).toMatchObject({ data: { configuration: form1 } })
    await team.service.act('cancel', { release: number, by: TOM.id })
    await team.sql(`update worker set at = at - interval '1 minute' where id = 'first edition'`)
    expect(made(await team.ask())).toMatchObject({ configuration: form2 })
  })

  it('a release of the first version keeps its sign-offs and is approved', async () => {
    const team = await aTeam()
    const { form1 } = team.environment.digests
    const number = await team.awaiting({ bound: { configuration: form1 } })
    await team.sql(`update release set configuration = '${form1}' where number = ${number}`)
    await team.service.act('qa', { release: number, by: LIN.id })
    await team.service.act('approval', { release: number, by: TOM.id })
    expect(await team.release(number)).toMatchObject({ state: 'approved', configuration: form1 })
  })

  it('one of the first version whose entry has changed is refused', async () => {
    const team = await aTeam()
    const number = await team.awaiting()
    await team.sql(`update release set configuration = '${other.form1}' where number = ${number}`)
    expect(await team.service.act('qa', { release: number, by: LIN.id })).toMatchObject({
      refused: { gate: 'configuration_differs' },
    })
  })

  it('Go is refused once the entry has changed since the hot-fix was requested', async () => {
    const team = await aTeam()
    const { number } = made(await team.ask({ kind: 'hotfix' }))
    const hotfix = { picks: [], at: '2026-11-22T08:00:00Z', alsoGoes: { count: 0, commits: [] }, asksGo: true as const }
    await team.plan(number, { hotfix })
    await team.sql(`update release set configuration = '${other.form2}' where number = ${number}`)
    expect(await team.service.act('go', { release: number, by: DANA.id })).toMatchObject({
      refused: { gate: 'configuration_differs' },
    })
    expect(await team.release(number)).toMatchObject({ state: 'awaiting sign-off' })
    expect(await team.jobs(number, 'preflight')).toEqual([])
  })
})
