/**
 * npm run faults -- --rounds 100 [--seed 7]: releases of each flow, each killed at a random moment and now and then
 * answered wrongly, for as many rounds as said. Every effect is counted outside; the exit code is 1 when one was lost,
 * doubled or guessed, or a release has not ended.
 */
import { parseArgs } from 'node:util'
import { verifyAudit } from '../../src/cli/audit.ts'
import { keyOf } from '../support/channel.ts'
import { HARMS } from '../support/fault-proxy.ts'
import { EFFECTS, type KillPoint, pointsOf } from '../support/kill-points.ts'
import { createRounds, LOOKS_TO_SPOIL, type Round, type Rounds, type Verdict } from '../support/kill-round.ts'
import { type KillTeam, startKillTeam, type Victim } from '../support/kill-team.ts'
import { FLOWS, type Flow, INTEGRATION_OR_PRODUCTION, WITHOUT_MASTER } from '../support/truth.ts'

const STARTED = performance.now()
const { values } = parseArgs({ options: { rounds: { type: 'string' }, seed: { type: 'string' } } })
const count = Number(values.rounds ?? 20)
const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31))
if (!Number.isInteger(count) || count < 1 || !Number.isInteger(seed)) {
  console.error('npm run faults -- --rounds <how many> [--seed <whole number>]')
  process.exit(2)
}

/** mulberry32: the same seed gives the same rounds. */
let state = seed >>> 0
function chance(): number {
  state = (state + 0x6d2b79f5) >>> 0
  let mixed = Math.imul(state ^ (state >>> 15), state | 1)
  mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
}
function pick<T>(from: readonly T[]): T {
  const found = from[Math.floor(chance() * from.length)]
  if (found === undefined) throw new Error('there is nothing to pick from')
  return found
}

/** How the rounds of production have ended, by whether their team is embedded. */
const production = new Map<
  boolean,
  { readonly flow: Flow; readonly migrates: boolean; readonly end: string | undefined }[]
>()

/** To the release before the last, which took along no migration, since a rollback over one must be talked over. */
function canRollBack(isEmbedded: boolean): boolean {
  const [last, before] = (production.get(isEmbedded) ?? []).toReversed()
  return [last, before].every((each) => each?.end === 'succeeded' && each.flow !== 'rollback') && !last?.migrates
}

function noteProduction(isEmbedded: boolean, { flow, migrates }: Round, end: string | undefined): void {
  if (INTEGRATION_OR_PRODUCTION[flow] !== 'production') return
  production.set(isEmbedded, [...(production.get(isEmbedded) ?? []), { flow, migrates, end }])
}

/** One in six rounds is played by one process with its embedded Postgres. */
function anyRound(): { round: Round; isEmbedded: boolean } {
  const isEmbedded = chance() < 1 / 6
  const flow = pick(FLOWS.filter((each) => each !== 'rollback' || canRollBack(isEmbedded)))
  const point = pick(pointsOf(flow))
  const victim = pick<Victim>(isEmbedded ? ['all', 'all and Postgres'] : ['bot', 'worker', 'both'])
  const migrates = point.step === 'migrate' || (!WITHOUT_MASTER.includes(flow) && chance() < 0.3)
  const fate = pick(['go', 'drop'] as const)
  const spoils = chance() < 0.4
  const effects = Object.keys(EFFECTS).filter((step) => pointsOf(flow).some((each) => each.step === step))
  const harm = { of: pick([...effects, ...LOOKS_TO_SPOIL]), harm: pick(HARMS) }
  return { isEmbedded, round: { flow, migrates, kills: [{ point, victim, fate }], ...(spoils && { harm }) } }
}

interface Row {
  rounds: number
  killed: number
  lost: number
  doubled: number
  guessed: number
  notEnded: number
}

const table = new Map<string, Row>()
const ends = new Map<string, number>()

function add({ step, when }: KillPoint, verdict: Verdict): void {
  const key = `${step}, ${when}`
  const row = table.get(key) ?? { rounds: 0, killed: 0, lost: 0, doubled: 0, guessed: 0, notEnded: 0 }
  table.set(key, row)
  row.rounds += 1
  row.killed += verdict.killed
  for (const what of ['lost', 'doubled', 'guessed', 'notEnded'] as const) row[what] += verdict[what].length > 0 ? 1 : 0
  const end = `${verdict.end ?? 'not ended'}${verdict.retries > 0 ? `, after ${verdict.retries} Retry` : ''}`
  ends.set(end, (ends.get(end) ?? 0) + 1)
}

function say(at: number, { round, isEmbedded }: ReturnType<typeof anyRound>, verdict: Verdict, ms: number): void {
  const [kill] = round.kills
  const { lost, doubled, guessed, notEnded } = verdict
  const wrong = Object.entries({ lost, doubled, guessed, 'not ended': notEnded }).flatMap(([what, each]) =>
    each.map((one) => `${what.toUpperCase()} ${one}`),
  )
  const words = [
    `${String(at).padStart(3)}/${count}`,
    `${round.flow} #${verdict.number}${isEmbedded ? ' (embedded)' : ''}${round.migrates ? ' with a migration' : ''}:`,
    `${kill?.victim} killed ${kill?.point.when} of ${kill?.point.step}${verdict.killed === 0 ? ' (never came)' : ''}, held ${kill?.fate};`,
    round.harm === undefined
      ? ''
      : `${round.harm.of} ${round.harm.harm}${verdict.spoiled === 0 ? ' (never came)' : ''};`,
    `${verdict.end ?? 'not ended'}${verdict.retries > 0 ? ` after ${verdict.retries} Retry` : ''}`,
    `in ${(ms / 1_000).toFixed(1)} s`,
    ...wrong,
  ]
  console.log(words.filter((word) => word !== '').join(' '))
}

/** Whether the chain is whole, with every head that a thread has shown. */
async function audit(kills: KillTeam): Promise<boolean> {
  const { team } = kills
  const outcomes = team.slack
    .messages('product')
    .filter((message) => /^\d+:(outcome|attention:\d+)$/.test(keyOf(message)))
  const heads = outcomes.flatMap((message) => {
    const head = /`([0-9a-f]{12})`/.exec(team.words(message))?.[1]
    return head === undefined ? [] : [head]
  })
  const { lines, exitCode } = await verifyAudit(
    { dataDir: team.env.DATA_DIR ?? '', ...(team.env.STORE_URL !== undefined && { storeUrl: team.env.STORE_URL }) },
    heads,
  )
  console.log(`${lines[0]} (${heads.length} heads of threads)`)
  return exitCode === 0
}

const teams = new Map<boolean, { kills: KillTeam; rounds: Rounds }>()
async function teamOf(isEmbedded: boolean) {
  const known = teams.get(isEmbedded)
  if (known !== undefined) return known
  const kills = await startKillTeam({ embedded: isEmbedded })
  const made = { kills, rounds: await createRounds(kills) }
  teams.set(isEmbedded, made)
  return made
}

async function playAll(): Promise<void> {
  for (let at = 1; at <= count; at++) {
    const drawn = anyRound()
    const { rounds } = await teamOf(drawn.isEmbedded)
    const from = performance.now()
    const verdict = await rounds.play(drawn.round)
    noteProduction(drawn.isEmbedded, drawn.round, verdict.end)
    const [kill] = drawn.round.kills
    if (kill !== undefined) add(kill.point, verdict)
    say(at, drawn, verdict, performance.now() - from)
  }
}

const COLUMNS = ['rounds', 'killed', 'lost', 'doubled', 'guessed', 'notEnded'] as const

/** Prints the table; gives how many rounds were wrong in some way. */
function printTable(): number {
  const total: Row = { rounds: 0, killed: 0, lost: 0, doubled: 0, guessed: 0, notEnded: 0 }
  for (const row of table.values()) for (const column of COLUMNS) total[column] += row[column]
  const line = (name: string, cells: readonly (string | number)[]) =>
    `| ${name.padEnd(34)} |${cells.map((cell) => String(cell).padStart(9)).join(' |')} |`
  const rowOf = (name: string, row: Row) =>
    line(
      name,
      COLUMNS.map((column) => row[column]),
    )
  console.log(`\n${line('kill point', ['rounds', 'killed', 'lost', 'doubled', 'guessed', 'not ended'])}`)
  console.log(`| ${'-'.repeat(34)} |${COLUMNS.map(() => '--------:').join(' |')} |`)
  for (const [name, row] of [...table].sort(([a], [b]) => (a < b ? -1 : 1))) console.log(rowOf(name, row))
  console.log(rowOf('all', total))
  console.log(`\nends: ${[...ends].map(([end, times]) => `${end}: ${times}`).join('; ')}`)
  return total.lost + total.doubled + total.guessed + total.notEnded
}

const closeAll = () => Promise.all([...teams.values()].map(({ kills }) => kills.close()))
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    printTable()
    closeAll().finally(() => process.exit(1))
  })
}

console.log(`seed ${seed}, ${count} rounds`)
let wrong = 1
try {
  await playAll()
  wrong = 0
  for (const { kills } of teams.values()) wrong += (await audit(kills)) ? 0 : 1
} finally {
  wrong += printTable()
  console.log(`seed ${seed}; ${count} rounds in ${((performance.now() - STARTED) / 60_000).toFixed(1)} minutes`)
  await closeAll()
}
process.exit(wrong === 0 ? 0 : 1)
