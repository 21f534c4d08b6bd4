/** T1 to T4: how long a release takes, beside the release document as a script. */
import { waitUntil } from '../../support/waiting.ts'
import { type Bench, type Case, inTurn } from '../case.ts'
import { type Moments, quiet, releaseProduction } from '../stage/release.ts'
import { channelOf, type Stage, startStage } from '../stage/stage.ts'
import { startWorkplace, type Workplace } from '../stage/workplace.ts'
import { createDeveloper, type Developer } from '../yardsticks/document.ts'

const DOCUMENT = 'the release document as a bash script'

export const RELEASES: Case = {
  lines: [
    {
      id: 'T1 told',
      what: 'Last click → the channel is told, production with a migration',
      yardstick: DOCUMENT,
      unit: 's',
      goal: { of: 'ratio', atMost: 1.5 },
    },
    {
      id: 'T1 proven',
      what: 'Last click → the platform is proven to run it, with a migration',
      yardstick: DOCUMENT,
      unit: 's',
      goal: { of: 'ratio', atMost: 1 },
    },
    {
      id: 'T2 told',
      what: 'Last click → the channel is told, without a migration',
      yardstick: DOCUMENT,
      unit: 's',
      goal: { of: 'ratio', atMost: 1.5 },
    },
    {
      id: 'T2 proven',
      what: 'Last click → the platform is proven to run it, without a migration',
      yardstick: DOCUMENT,
      unit: 's',
      goal: { of: 'ratio', atMost: 0.6 },
    },
    {
      id: 'T3 with a migration',
      what: '`/deploy` → card',
      unit: 's',
      goal: { of: 'value', atMost: 0.9 },
    },
    {
      id: 'T3 without',
      what: '`/deploy` → card',
      unit: 's',
      goal: { of: 'value', atMost: 0.4 },
    },
    {
      id: 'T4',
      what: '`/deploy` → "nothing to release"',
      yardstick: 'the document as a script, all of it, with nothing to release',
      unit: 's',
      goal: { of: 'ratio', atMost: 0.2 },
    },
  ],

  async measure(bench) {
    const { root, postgres } = bench
    const sizes = bench.sized({
      small: { files: 50, refs: 10 },
      usual: { files: 20_000, refs: 5_000 },
    })
    const commits = bench.sized({ small: 3, usual: 50 })
    const ours = await startWorkplace({ root, postgres, sizes, name: 'ours' })
    const byHand = await startWorkplace({ root, postgres, sizes, name: 'byhand' })
    const developer = await createDeveloper(byHand)
    const stage = await startStage({ ...bench, workplaces: [ours] })
    await stage.start('all')
    // The first release of a host clones the repository; the developer has cloned it, too.
    await grow([ours, byHand], { commits, migration: true })
    await releaseProduction(stage, ours)
    await developer.follow('migrate')
    for (const round of bench.rounds()) {
      if (bench.wants('T1') || bench.wants('T3')) {
        await grow([ours, byHand], { commits, migration: true })
        const measured = await besideScript(round, stage, ours, developer, 'migrate')
        addRound(bench, measured, { told: 'T1 told', proven: 'T1 proven', card: 'T3 with a migration' })
      }
      if (bench.wants('T2') || bench.wants('T3')) {
        await grow([ours, byHand], { commits, migration: false })
        const measured = await besideScript(round, stage, ours, developer, 'as-it-is')
        addRound(bench, measured, { told: 'T2 told', proven: 'T2 proven', card: 'T3 without' })
      }
      if (bench.wants('T4')) {
        const [answered, script] = await inTurn(
          round,
          () => nothingToRelease(stage, ours),
          () => developer.follow('migrate'),
        )
        bench.add('T4', { ours: answered / 1_000, yardstick: script / 1_000 })
      }
    }
    const { files, refs } = sizes
    for (const id of ['T1 told', 'T2 told']) bench.note(id, `${files} files, ${refs} refs, ${commits} commits`)
    await stage.close()
    await Promise.all([ours.close(), byHand.close()])
  },
}

async function grow(workplaces: readonly Workplace[], change: Parameters<Workplace['grow']>[0]): Promise<void> {
  for (const workplace of workplaces) await workplace.grow(change)
}

interface Measured {
  readonly moments: Moments
  readonly scriptMs: number
}

async function besideScript(
  round: number,
  stage: Stage,
  app: Workplace,
  developer: Developer,
  migrations: 'migrate' | 'as-it-is',
): Promise<Measured> {
  const [moments, scriptMs] = await inTurn(
    round,
    () => releaseProduction(stage, app),
    () => developer.follow(migrations),
  )
  return { moments, scriptMs }
}

function addRound(
  bench: Bench,
  { moments, scriptMs }: Measured,
  ids: { readonly told: string; readonly proven: string; readonly card: string },
): void {
  const { asked, card, click, proven, told } = moments
  const yardstick = scriptMs / 1_000
  bench.add(ids.told, { ours: (told - click) / 1_000, yardstick })
  bench.add(ids.proven, { ours: (proven - click) / 1_000, yardstick })
  bench.add(ids.card, { ours: (card - asked) / 1_000 })
}

/** Until the person reads it. */
async function nothingToRelease(stage: Stage, app: Workplace): Promise<number> {
  const { slack, people } = stage
  const channel = channelOf(app.name)
  const isIt = (text: string) => text.includes('nothing_to_release')
  const count = () => slack.log.filter(({ args, isApplied }) => isApplied && isIt(JSON.stringify(args))).length
  const before = count()
  const asked = Date.now()
  await slack.command({ user: people.dana, channel, command: '/deploy', text: `${app.name} production` })
  await waitUntil(() => count() > before, { what: 'nothing to release', everyMs: 5 })
  const at = slack.log.findLast(({ args }) => isIt(JSON.stringify(args)))?.at ?? Number.NaN
  const [last] = await stage.query<{ number: number }>('select max(number) as number from release')
  await quiet(stage, last?.number ?? 0)
  return at - asked
}
