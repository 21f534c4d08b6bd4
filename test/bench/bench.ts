/**
 * npm run bench: how fast Signoff is, each figure beside a yardstick in the same run. Prints a table, and writes it where
 * --json and --markdown say. See docs/performance.md.
 */
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { startTestPostgres } from '../support/postgres.ts'
import type { Bench, Case, Line, Size } from './case.ts'
import { CASES } from './cases/index.ts'
import { inMarkdown, isAsked, jsonOf, machine, tableOf } from './report.ts'
import { closeAll, closedAtTheEnd } from './stage/closing.ts'
import { type Round, summarize } from './statistics.ts'

const USAGE = `npm run bench -- [--only T1,T5,"growth refs"] [--rounds 5] [--small | --heavy] [--json file] [--markdown file] [--hubot path]`

/** As a team's own server would be: what is committed is on the disk. */
const DURABLE = {
  fsync: 'on',
  synchronous_commit: 'on',
  full_page_writes: 'on',
  shared_buffers: '256MB',
  max_wal_size: '4GB',
  shared_preload_libraries: 'pg_stat_statements',
}

const { values } = readArguments()
const rounds = Number(values.rounds ?? 5)
const only = values.only?.split(',').map((each) => each.trim())
const size: Size = values.small ? 'small' : values.heavy ? 'heavy' : 'usual'
const ids = CASES.flatMap(({ lines }) => lines.map(({ id }) => id))
const chosen = CASES.filter(({ lines }) => lines.some((line) => isAsked(line.id, only)))
const unknown = only?.filter((each) => !ids.some((id) => isAsked(id, [each]))) ?? []
if (!Number.isSafeInteger(rounds) || rounds < 1 || unknown.length > 0) wrongUse()

const began = performance.now()
const measured = new Map<string, Round[]>()
const notes = new Map<string, string[]>()
process.exit(await Promise.race([work(), interrupted()]).finally(closeAll))

/** Gives the exit code: 1 where a case could not be measured. */
async function work(): Promise<number> {
  const bench = await prepare()
  const failed: Case[] = []
  for (const each of chosen) if (!(await measure(bench, each))) failed.push(each)
  await report()
  return failed.length > 0 ? 1 : 0
}

async function interrupted(): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>()
  process.once('SIGINT', () => resolve(130)).once('SIGTERM', () => resolve(143))
  return promise
}

function readArguments() {
  const flag = { type: 'boolean' } as const
  const text = { type: 'string' } as const
  const options = {
    only: text,
    rounds: text,
    small: flag,
    heavy: flag,
    json: text,
    markdown: text,
    hubot: text,
  }
  try {
    return parseArgs({ options })
  } catch {
    return wrongUse()
  }
}

function wrongUse(): never {
  const lines = CASES.flatMap((each) => each.lines)
  console.error(`${USAGE}\nLines: ${lines.map(({ id }) => id).join(', ')}`)
  process.exit(2)
}

async function prepare(): Promise<Bench> {
  const root = await mkdtemp(join(tmpdir(), 'signoff-bench-'))
  closedAtTheEnd(() => rm(root, { recursive: true, force: true, maxRetries: 5 }))
  // Where we are root, Postgres runs as somebody else, who must get by here.
  await chmod(root, 0o711)
  const postgres = await startTestPostgres(DURABLE)
  // Who runs it may not remove its directory everywhere. It lies beside ours: the path of a socket must be short.
  closedAtTheEnd(() => rm(dirname(postgres.socketDir), { recursive: true, force: true, maxRetries: 5 }))
  closedAtTheEnd(() => postgres.stop())
  // What others make for a moment goes with the rest.
  process.env.TMPDIR = root
  return {
    root,
    postgres,
    size,
    hubot: values.hubot,
    sized: (of) => (size === 'small' ? of.small : size === 'heavy' ? (of.heavy ?? of.usual) : of.usual),
    rounds: (most = rounds) => Array.from({ length: Math.min(rounds, most) }, (_, at) => at),
    wants: (id) => chosen.some(({ lines }) => lines.some((line) => line.id.startsWith(id) && isAsked(line.id, only))),
    add(id, round) {
      measured.set(id, [...(measured.get(id) ?? []), round])
    },
    note(id, words) {
      notes.set(id, [...(notes.get(id) ?? []), words])
    },
  }
}

/** False where it failed, which does not keep the others from being measured. */
async function measure(bench: Bench, { lines, measure: work }: Case): Promise<boolean> {
  const asked = lines.filter(({ id }) => isAsked(id, only))
  const from = performance.now()
  process.stderr.write(`${asked.map(({ id }) => id).join(', ')} …`)
  try {
    await work(bench)
    process.stderr.write(` ${((performance.now() - from) / 1_000).toFixed(1)} s\n`)
    return true
  } catch (error) {
    process.stderr.write(` failed\n${error instanceof Error ? error.stack : error}\n`)
    return false
  }
}

async function report(): Promise<void> {
  const results = chosen
    .flatMap(({ lines }) => lines)
    .filter(({ id }) => isAsked(id, only))
    .map((line: Line) => {
      const given = measured.get(line.id) ?? []
      return { line, rounds: given, notes: notes.get(line.id) ?? [], summary: summarize(given, line.goal) }
    })
  const run = { ...(await machine()), size, took: Math.round((performance.now() - began) / 1_000) }
  console.log(tableOf(results))
  if (values.json !== undefined) await writeFile(values.json, `${JSON.stringify(jsonOf(run, results), undefined, 2)}\n`)
  if (values.markdown === undefined) return
  await writeFile(values.markdown, inMarkdown(await readFile(values.markdown, 'utf8'), run, results))
}
