/** `signoff releases`: every release of a period, with what an auditor samples by, and that no number is missing. */
import { execFile } from 'node:child_process'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { printReleases } from '../../src/cli/releases.ts'
import { momentOf } from '../../src/operations/audit/period.ts'
import type { PopulationFilter } from '../../src/operations/audit/population.ts'
import { csvCell, type PopulationFormatName } from '../../src/operations/audit/population-formats.ts'
import type { ReleaseEvent } from '../../src/release/events.ts'
import { recordedRules } from '../../src/release/recorded-rules.ts'
import { type Opened, openedStore, stopPostgres } from '../adapters/store-opened.ts'
import { anEnvironment, anIntegration, aPlan, sha } from '../support/builders.ts'

const MAIN = new URL('../../src/main.ts', import.meta.url).pathname

afterAll(stopPostgres)

/** A reader of RFC 4180 that accepts nothing else: the records of a text, each with its fields. */
function readCsv(text: string): string[][] {
  const records: string[][] = []
  let at = 0
  while (at < text.length) {
    const fields: string[] = []
    for (;;) {
      const quoted = /^"((?:[^"]|"")*)"/.exec(text.slice(at))
      const bare = /^[^",\r\n]*/.exec(text.slice(at))?.[0] ?? ''
      fields.push(quoted ? (quoted[1] ?? '').replaceAll('""', '"') : bare)
      at += (quoted?.[0] ?? bare).length
      if (text[at] !== ',') break
      at += 1
    }
    if (text.slice(at, at + 2) !== '\r\n') throw new Error(`no end of a line at ${at}: ${text.slice(at - 20, at + 20)}`)
    at += 2
    records.push(fields)
  }
  return records
}

const NAME = '=HYPERLINK("https://evil.example";"Tom")'
const REASON = 'Search is down,\nsaid "everybody";\r\n=1+1'

/** Writes a release as the service does: a row, its sign-offs and its events, requested on `day`. */
async function aRelease(
  opened: Opened,
  day: string,
  environment: 'production' | 'integration',
  life: readonly (ReleaseEvent extends infer E ? (E extends { data: unknown } ? Omit<E, 'release'> : never) : never)[],
  startAt?: string,
): Promise<number> {
  const { store, sql } = opened
  return store
    .transaction(async (tx) => {
      const created = await tx.createRelease({
        ...{ app: 'api', environment, kind: 'deploy', requester: { id: 'U0A', name: 'Ann' }, configuration: 'digest' },
        requestKey: `${environment} ${day} ${Math.random()}`,
      })
      if (!('made' in created)) throw new Error('there was one')
      const { number } = created.made
      const request = { app: 'api', environment, kind: 'deploy', name: 'Ann', right: 'every full member' } as const
      const data = { ...request, ...(startAt && { startAt, timeZone: 'UTC' }) }
      tx.addEvent({ release: number, type: 'release_requested', actor: 'U0A', data })
      for (const event of life) {
        tx.addEvent({ ...event, release: number } as ReleaseEvent)
        if (event.type !== 'sign_off_given') continue
        const { kind, fingerprint, name, right } = event.data
        await tx.addSignOff(number, { kind, fingerprint, right, person: { id: event.actor, name } })
      }
      const ended = life.find(({ type }) => type === 'release_ended')
      if (ended !== undefined) {
        await tx.changeRelease(number, { plan: aPlan(), fingerprint: 'f'.repeat(64) })
        const path =
          environment === 'production' ? ['awaiting sign-off', 'approved', 'running'] : ['approved', 'running']
        for (const state of path) await tx.changeRelease(number, { state: state as 'running' })
        await tx.changeRelease(number, { state: 'succeeded', endedAt: tx.now })
      }
      return number
    })
    .finally(() => sql('select 1'))
}

const rules = (environment: 'production' | 'integration') =>
  recordedRules(environment === 'production' ? anEnvironment() : anIntegration())
const planned = (environment: 'production' | 'integration') =>
  ({
    type: 'plan_made',
    actor: 'worker',
    data: { fingerprint: 'f'.repeat(64), commits: 5, pending: 2, rules: rules(environment) },
  }) as const
const signed = (kind: 'qa' | 'approval' | 'emergency', actor: string, name: string, note?: string) =>
  ({
    type: 'sign_off_given',
    actor,
    data: { kind, fingerprint: 'f'.repeat(64), name, right: '@release-approvers', ...(note && { note }) },
  }) as const
const APPROVED = { type: 'release_approved', actor: 'bot', data: { attempt: 1 } } as const
const RAN = [
  { type: 'run_started', actor: 'worker', data: { attempt: 1 } },
  { type: 'step_done', actor: 'worker', data: { step: 'push', attempt: 1, commit: sha('bad') } },
  { type: 'step_done', actor: 'worker', data: { step: 'confirm', attempt: 1, commit: sha('c0ffee') } },
  {
    type: 'release_ended',
    actor: 'worker',
    data: { app: 'api', environment: 'production', state: 'succeeded' },
  },
] as const

/** Moves the requests of releases, and the events that tell of them, to these days. As no one but a test could. */
async function moveRequests(opened: Opened, days: Readonly<Record<number, string>>): Promise<void> {
  await opened.sql('alter table event disable trigger user')
  for (const [number, day] of Object.entries(days)) {
    await opened.sql('update release set requested_at = $2 where number = $1', [number, day])
    await opened.sql(
      `update event set at = $2, body = regexp_replace(body, '"at":"[^"]*"', '"at":"' || $3 || '"') where release = $1`,
      [number, day, new Date(day).toISOString()],
    )
  }
}

interface Printed {
  readonly text: string
  readonly statement: readonly string[]
  readonly exitCode: number
}

async function list(
  { url }: Opened,
  filter: PopulationFilter = {},
  format: PopulationFormatName = 'csv',
): Promise<Printed> {
  let text = ''
  const told = await printReleases({ storeUrl: url, dataDir: 'unused' }, filter, format, async (part) => {
    text += part
  })
  return { text, ...told }
}

const day = (text: string, edge: 'since' | 'until') => momentOf(text, edge) ?? new Date(Number.NaN)

describe('audit: signoff releases', () => {
  let opened: Opened
  const ends: (() => Promise<void>)[] = []
  beforeAll(async () => {
    opened = await openedStore({}, (end) => ends.unshift(end))
    await aRelease(opened, '1', 'production', [
      ...[planned('production'), signed('qa', 'U0B', 'Ben'), signed('approval', 'U0T', NAME), APPROVED, ...RAN],
    ])
    await aRelease(opened, '2', 'integration', [planned('integration'), ...RAN])
    await aRelease(opened, '3', 'production', [
      ...[planned('production'), signed('emergency', 'U0A', 'Ann', REASON), APPROVED, ...RAN],
      signed('qa', 'U0B', 'Ben'),
    ])
    await aRelease(opened, '4', 'integration', [planned('integration'), ...RAN])
    await aRelease(opened, '5', 'production', [])
    await moveRequests(opened, {
      ...{ 1: '2026-01-31T23:59:59.999Z', 2: '2026-02-01T00:00:00Z', 3: '2026-02-28T23:59:59.999Z' },
      ...{ 4: '2026-03-01T00:00:00Z', 5: '2026-03-02T08:00:00Z' },
    })
  })
  afterAll(async () => {
    for (const end of ends) await end()
  })

  it('audit: a line for each release, with people, outcome, times and duties, and says that none is missing', async () => {
    const { text, statement, exitCode } = await list(opened)
    const [heads = [], ...lines] = readCsv(text)
    const rows = lines.map((fields) => Object.fromEntries(fields.map((field, index) => [heads[index], field])))
    expect(new Set(lines.map(({ length }) => length))).toEqual(new Set([heads.length]))
    expect(statement).toEqual(['Releases requested ever: 5, with numbers from #1 to #5. No number is missing.'])
    expect(exitCode).toBe(0)
    expect(rows[0]).toMatchObject({
      ...{ number: '1', kind: 'deploy', app: 'api', environment: 'production', outcome: 'succeeded' },
      ...{ commit: sha('c0ffee'), source_commit: sha('9f2c1ab'), fingerprint: 'f'.repeat(64), tables_differ_in: '' },
      ...{ requested_by: 'Ann (U0A)', qa_by: 'Ben (U0B)', approved_by: `'${NAME} (U0T)`, emergency_by: '' },
      ...{ duties: 'separated', requested_at: '2026-01-31T23:59:59.999Z' },
      ended_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
    })
    expect(rows[2]).toMatchObject({
      ...{ emergency_by: 'Ann (U0A)', emergency_reason: 'Search is down, said "everybody"; =1+1' },
      ...{ duties: 'not separated: emergency', qa_by: 'Ben (U0B) afterwards', approved_by: '' },
    })
    expect(rows.map(({ number, outcome, duties }) => [number, outcome, duties])).toEqual([
      ['1', 'succeeded', 'separated'],
      ['2', 'succeeded', 'not separated: nobody is asked'],
      ['3', 'succeeded', 'not separated: emergency'],
      ['4', 'succeeded', 'not separated: nobody is asked'],
      ['5', 'planning', 'undecided'],
    ])
  })

  it.each<[what: string, filter: PopulationFilter, numbers: number[], statement: string[]]>([
    [
      'a month, to the last millisecond of its days in UTC',
      { since: day('2026-02-01', 'since'), until: day('2026-02-28', 'until') },
      [2, 3],
      [
        'Releases requested from 2026-02-01T00:00:00.000Z before 2026-03-01T00:00:00.000Z: 2, with numbers from #2 to #3. No number is missing.',
      ],
    ],
    [
      'an environment, still counting every number',
      { since: day('2026-02-01', 'since'), environment: 'production', app: 'api' },
      [3, 5],
      [
        'Releases requested from 2026-02-01T00:00:00.000Z: 4, with numbers from #2 to #5. No number is missing.',
        'Listed: 2 of api production.',
      ],
    ],
    [
      'a period before everything',
      { until: day('2025-12-31', 'until') },
      [],
      ['No release was requested before 2026-01-01T00:00:00.000Z.'],
    ],
    [
      'a period after everything',
      { since: day('2027-01-01', 'since') },
      [],
      ['No release was requested from 2027-01-01T00:00:00.000Z.'],
    ],
  ])('audit: of %s', async (_what, filter, numbers, statement) => {
    const printed = await list(opened, filter)
    const [, ...lines] = readCsv(printed.text)
    expect(lines.map(([number]) => Number(number))).toEqual(numbers)
    expect(printed.statement).toEqual(statement)
  })

  it('audit: as one JSON document, with the statement in it', async () => {
    const { text, statement } = await list(opened, { environment: 'production' }, 'json')
    expect(statement).toEqual([])
    const { releases, population } = JSON.parse(text)
    expect(releases.map(({ number }: { number: number }) => number)).toEqual([1, 3, 5])
    expect(releases[0]).toMatchObject({ requestedBy: { id: 'U0A', name: 'Ann' }, duties: 'separated' })
    expect(population).toMatchObject({ environment: 'production', releases: 5, listed: 3, missing: [] })
    expect(population.statement).toContain('No number is missing.')
    expect(JSON.parse((await list(opened, { until: day('2025-12-31', 'until') }, 'json')).text).releases).toEqual([])
  })

  it('audit: as a table, on one line each, with the statement below', async () => {
    const { text } = await list(opened, {}, 'table')
    const lines = text.split('\n')
    expect(lines[1]).toBe(
      `#1       deploy    api production           succeeded        c0ffee0   2026-01-31 23:59:59   by Ann (U0A), QA Ben (U0B), approved ${NAME} (U0T)`,
    )
    expect(lines.at(-2)).toContain('No number is missing.')
    expect(lines).toHaveLength(9)
  })
})

describe('audit: signoff releases finds', () => {
  const FOREIGN = ['event', 'sign_off'].map((table) => `alter table ${table} drop constraint ${table}_release_fkey`)

  it('audit: a missing number, at the start, in the middle and at the end, whatever the filter', async () => {
    const opened = await openedStore()
    for (const environment of Array(8).fill('integration')) {
      await aRelease(opened, '1', environment, [planned('integration'), ...RAN])
    }
    for (const statement of [...FOREIGN, 'delete from release where number in (1, 4, 5, 8)'])
      await opened.sql(statement)
    const { text, statement, exitCode } = await list(opened, { environment: 'production' })
    const [, ...lines] = readCsv(text)
    expect(lines.map((fields) => [fields[0], fields[3], fields[4], fields[7]])).toEqual(
      ['1', '4', '5', '8'].map((number) => [number, 'integration', 'missing', 'Ann (U0A)']),
    )
    expect(statement[0]).toContain('4, with numbers from #1 to #8. 4 numbers are missing: #1, #4 to #5, #8.')
    expect(exitCode).toBe(1)
    await opened.sql('update release_number set last = 7')
    expect((await list(opened)).statement[0]).toContain('#8.')
  })

  it('E5: the time that a release was scheduled for, as it was last changed', async () => {
    const opened = await openedStore()
    const [first, then] = ['2026-12-03T07:30:00.000Z', '2026-12-04T08:00:00.000Z']
    const data = { from: first, to: then, timeZone: 'UTC', name: 'Ann', right: 'the requester' }
    const changed = { type: 'start_time_changed', actor: 'U0A', data } as const
    await aRelease(opened, '1', 'integration', [planned('integration'), ...RAN])
    await aRelease(opened, '1', 'integration', [planned('integration'), ...RAN], first)
    await aRelease(opened, '1', 'integration', [planned('integration'), changed, ...RAN], first)
    const [heads = [], ...lines] = readCsv((await list(opened)).text)
    const column = heads.indexOf('scheduled_for')
    expect(lines.map((fields) => fields[column])).toEqual(['', first, then])
    const { releases } = JSON.parse((await list(opened, {}, 'json')).text)
    expect(releases.map((one: { scheduledFor?: string }) => one.scheduledFor)).toEqual([undefined, first, then])
    const table = (await list(opened, {}, 'table')).text.split('\n')
    expect(table[1]).not.toContain('scheduled for')
    expect(table[3]).toContain('scheduled for 2026-12-04 08:00:00')
  })

  it('audit: tables that say otherwise than the record, and in what', async () => {
    const opened = await openedStore()
    const life = [planned('production'), signed('qa', 'U0B', 'Ben'), signed('approval', 'U0T', 'Tom'), APPROVED, ...RAN]
    const tampered: readonly (readonly [what: string, statement: string])[] = [
      ['', 'select'],
      ['the outcome', `update release set state = 'rejected' where number = 2`],
      ['who requested it', `update release set requester_id = 'U0Z' where number = 3`],
      [
        'the sign-offs',
        `insert into sign_off (release, kind, person_id, person_name, fingerprint, "right") values (4, 'approval', 'U0Z', 'Zoe', 'f', 'x')`,
      ],
      ['the sign-offs', `delete from sign_off where kind = 'qa' and release = 5`],
      ['when it was requested', `update release set requested_at = requested_at - interval '90 days' where number = 6`],
      ['the fingerprint; the outcome', `update release set fingerprint = 'e', state = 'failed' where number = 7`],
    ]
    for (const _ of tampered) await aRelease(opened, '1', 'production', life)
    expect((await list(opened)).exitCode).toBe(0)
    for (const [, statement] of tampered) await opened.sql(statement)
    const { text, statement, exitCode } = await list(opened)
    const [heads = [], ...lines] = readCsv(text)
    expect(lines.map((fields) => fields[heads.indexOf('tables_differ_in')])).toEqual(tampered.map(([what]) => what))
    expect(lines.map((fields) => fields[4])).toEqual(tampered.map(() => 'succeeded'))
    expect(statement.at(-1)).toBe("The store's tables say otherwise than the record for #2 to #7.")
    expect(exitCode).toBe(1)
  })
})

it('audit: memory stays flat, and the first lines are written before the last are read', async () => {
  const opened = await openedStore()
  const count = 6_000
  await opened.sql('update release_number set last = $1', [count])
  await opened.sql(
    `insert into release (number, app, environment, kind, state, requester_id, requester_name, configuration, request_key, plan)
     select n, 'api', 'e' || n, 'deploy', 'planning', 'U0A', 'Ann', 'd', 'k' || n,
       json_build_object('bound', json_build_object('source', json_build_object('commit', repeat('a', 40))), 'title', E'\\\\u0000' || repeat('x', 2000))
     from generate_series(1, $1::int) n`,
    [count],
  )
  const sizes: number[] = []
  await printReleases({ storeUrl: opened.url, dataDir: 'unused' }, {}, 'csv', async (part) => {
    sizes.push(part.length)
    if (sizes.length === 3) {
      // A snapshot: what is deleted meanwhile is still there.
      await opened.sql('delete from release where number > 5000')
    }
  })
  expect(sizes.length).toBeGreaterThan(count / 1_000)
  expect(Math.max(...sizes)).toBeLessThan(300_000)
  const { statement } = await list(opened)
  expect(statement[0]).toContain('1000 numbers are missing: #5001 to #6000.')
})

describe('audit: a cell of the CSV', () => {
  it.each([
    ['=1+1', `"'=1+1"`],
    ['+1', `"'+1"`],
    ['-1', `"'-1"`],
    ['@SUM(A1)', `"'@SUM(A1)"`],
    ['\t=1', `"'=1"`],
    ['\u200b=1', `"'=1"`],
    ['\uff1d1', `"'\uff1d1"`],
    ['a "b", c', '"a ""b"", c"'],
    ['a;=b', '"a;=b"'],
    ['a\r\nb', 'a b'],
    ['Zoë – 🦊', 'Zoë – 🦊'],
    ['', ''],
  ])('audit: of %j is %j', (value, cell) => expect(csvCell(value)).toBe(cell))
})

describe('audit: an edge of a period', () => {
  it.each([
    ['2026-01-31', 'since', '2026-01-31T00:00:00.000Z'],
    ['2026-01-31', 'until', '2026-02-01T00:00:00.000Z'],
    ['2026-01-31T08:00Z', 'until', '2026-01-31T08:00:00.000Z'],
    ['2026-01-31T08:00:30.5+01:00', 'since', '2026-01-31T07:00:30.500Z'],
    ['2026-02-30', 'since', undefined],
    ['2026-02-30T08:00Z', 'since', undefined],
    ['2026-13-01', 'since', undefined],
    ['31.1.2026', 'since', undefined],
    ['2026-01-31T08:00', 'since', undefined],
    ['yesterday', 'until', undefined],
  ] as const)('audit: %s as %s is %s', (text, edge, moment) => expect(momentOf(text, edge)?.toISOString()).toBe(moment))
})

describe('audit: the command line of signoff releases', () => {
  const run = (args: readonly string[], env: Record<string, string> = {}) =>
    new Promise<{ code: number; out: string; err: string }>((resolve) => {
      const options = { env: { PATH: process.env.PATH ?? '', ...env } }
      const child = execFile(process.execPath, [MAIN, 'releases', ...args], options, (_error, out, err) =>
        resolve({ code: child.exitCode ?? -1, out, err }),
      )
    })

  it('audit: prints the list alone to the standard output, and what it says about it beside', async () => {
    const opened = await openedStore()
    await aRelease(opened, '1', 'production', [])
    const { code, out, err } = await run(['--format', 'csv', '--since', '2026-01-01'], { STORE_URL: opened.url })
    expect(readCsv(out)).toHaveLength(2)
    expect(err).toContain('1, with numbers from #1 to #1. No number is missing.')
    expect(code).toBe(0)
  })

  it('audit: refuses what is no period with 2', async () => {
    const [none, turned] = await Promise.all([
      run(['--since', 'yesterday']),
      run(['--since', '2026-02-01', '--until', '2026-01-31'], { STORE_URL: 'postgres://u@127.0.0.1:1/x' }),
    ])
    expect(none).toMatchObject({ code: 2, err: expect.stringContaining('Use a day') })
    expect(turned).toMatchObject({ code: 2, err: expect.stringContaining('not after its start') })
  })
})
