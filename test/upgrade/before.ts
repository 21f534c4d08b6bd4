/** What the version before leaves behind: a release in each state that an upgrade can meet, brought about by running it. */
import type { Delivery } from '../../src/sandbox/slack/workspace.ts'
import { startBot, startWorker } from './roles.ts'
import { createSlackTrouble, type SlackTrouble } from './slack-trouble.ts'
import type { JobRow, Waiting, Written } from './store-view.ts'
import { runCommand, type Version, type VersionProcess } from './versions.ts'
import type { Workplace } from './workplace.ts'

export const REASON = 'Digests go out in the night for half of our users.'

/** What whoever upgrades finds. */
export interface Left {
  /** Stands still in the middle of a push, and holds its environment. */
  readonly pausedWorker: VersionProcess
  /** Presses of buttons that the version before has posted, as Slack delivers them. */
  readonly presses: Readonly<Record<'approve' | 'retry' | 'plan again' | 'go', Delivery>>
  /** One that was handled, and that Slack delivers once more. */
  readonly handledPress: Delivery
  /** The number of each environment's release. */
  readonly numbers: Readonly<Record<string, number>>
  readonly waiting: readonly Waiting[]
  readonly jobs: readonly JobRow[]
  /** What the version before has written, by what holds it. */
  readonly written: Written
  /** The advisory locks of a bot that delivers and of a worker that runs a release. */
  readonly locks: readonly string[]
  /** What `audit export` prints of releases that have ended, by environment. */
  readonly evidence: Readonly<Record<string, string>>
  readonly botExitCode: number | null
}

/** They have ended: nothing but lines of their threads is still to come. */
export const EXPORTED = ['api integration', 'api patch', 'web failing'] as const

/** Brings everything about, and ends every process of the version but one, which stands still. */
export async function leaveThingsOpen(at: Workplace, version: Version): Promise<Left> {
  const { store } = at
  const trouble = createSlackTrouble(at.slack)
  const firstBot = await startBot(at, version)
  const pausedWorker = await pauseInPush(at, version)
  const worker = await startWorker(at, version)
  trouble.holdAnnouncements(/:announcement$/)
  await askForReleases(at)
  await openModals(at)
  trouble.takeNoReplies()
  await stopAfterMerge(at)
  const presses = await readyPresses(at)
  const letGo = await stopInTheMiddle(at, trouble)
  await Promise.all([worker.kill(), firstBot.kill()])
  await letGo()
  await store.processesAreDead()

  const secondBot = await startBot(at, version)
  await waitForWorker(at, trouble)
  trouble.takeNothing()
  const handledPress = await waitForSlack(at)
  const locks = await store.locks()
  const botExitCode = await secondBot.stop()
  trouble.end()

  const numbers = await store.numbers()
  const evidence = EXPORTED.map(async (environment) => {
    const asked = ['audit', 'export', '--release', String(numbers[environment])]
    const { exitCode, printed } = await runCommand(version, asked, at)
    if (exitCode !== 0) throw new Error(`the version before can't export ${environment}: ${printed}`)
    return [environment, printed] as const
  })
  return {
    pausedWorker,
    presses,
    handledPress,
    numbers,
    waiting: await store.waiting(),
    jobs: await store.jobs(),
    written: await store.written(),
    locks,
    evidence: Object.fromEntries(await Promise.all(evidence)),
    botExitCode,
  }
}

/** A worker that is stopped in the middle of a push, as on a virtual machine that is moved. */
async function pauseInPush(at: Workplace, version: Version): Promise<VersionProcess> {
  const worker = await startWorker(at, version, { host: 'another-host' })
  at.heroku.hangNextPush('after')
  await at.command(at.people.dana, '/deploy web rolling')
  await at.store.until('the push to rolling', async () => (await at.pushed('web rolling')).length > 0)
  // Not in a transaction, whose rows it would keep from everybody.
  await at.store.until('the worker to be between two transactions', async () => {
    worker.signal('SIGSTOP')
    if (!(await at.store.isInTransaction())) return true
    worker.signal('SIGCONT')
    return false
  })
  return worker
}

/** A release for each environment that waits for people, and some that have ended. */
async function askForReleases(at: Workplace): Promise<void> {
  const { bitbucket, repository, heroku, store } = at
  const { dana, lin, tom } = at.people
  bitbucket.setStatus(await repository.head('master'), { state: 'FAILED' })
  await at.takesPushes('web failing', false)
  const awaiting = ['api production', 'api eu', 'api us', 'web approved', 'web rejecting', 'web urgent', 'web left']
  const others = ['api integration', 'web failing', 'web checked', 'web announced', 'web announcing', 'web recording']
  for (const environment of [...others, ...awaiting]) await at.command(dana, `/deploy ${environment}`)
  await at.command(lin, '/deploy api apac')
  for (const environment of ['api patch', 'api careful']) {
    await at.command(dana, `/hotfix ${at.fix} ${environment}`)
    await at.submit(dana, { Reason: REASON, 'Are you sure?': true })
  }
  await store.reaches('api integration', 'succeeded')
  heroku.failNextReleasePhase()
  await at.command(dana, '/deploy web closing')
  await store.reaches('web closing', 'needs attention')
  for (const environment of [...awaiting, 'web recording', 'api apac', 'api patch', 'api careful']) {
    await store.reaches(environment, 'awaiting sign-off')
  }
  await store.reaches('web failing', 'failed')
  await store.reaches('web checked', 'refused')
  for (const environment of ['web announced', 'web announcing']) await store.reaches(environment, 'approved')

  await at.press(lin, 'api production', 'qa_passed')
  await at.press(tom, 'web left', 'approve')
  await store.until('two sign-offs', async () => (await store.query('select from sign_off')).length === 2)
}

/** One for each person, and nobody sends it before the upgrade. */
async function openModals(at: Workplace): Promise<void> {
  const { dana, lin, tom, eve, ben, sam } = at.people
  await at.press(lin, 'web rejecting', 'reject')
  await at.press(tom, 'api production', 'talked_over')
  await at.press(eve, 'web urgent', 'emergency')
  await at.press(sam, 'web closing', 'close')
  await at.command(dana, '/deploy')
  await at.command(ben, `/hotfix ${at.fix} api apac`)
  for (const user of [dana, lin, tom, eve, ben, sam]) {
    await at.slack.waitFor(() => at.slack.openView(user), { what: `a modal of ${user}`, timeoutMs: 30_000 })
  }
}

/** Its pull request is merged, and its migration fails: somebody has made by hand what the migration makes. */
async function stopAfterMerge(at: Workplace): Promise<void> {
  await at.byHand('api eu', 'alter table documents add column language text')
  await at.press(at.people.tom, 'api eu', 'approve')
  await at.store.reaches('api eu', 'needs attention')
}

/** As Slack would deliver them now, and delivers them only after the upgrade. */
async function readyPresses(at: Workplace): Promise<Left['presses']> {
  const { dana, tom } = at.people
  return {
    approve: await at.readyPress(tom, 'api production', 'approve'),
    retry: await at.readyPress(tom, 'api eu', 'retry'),
    'plan again': await at.readyPress(dana, 'web failing', 'plan_again'),
    go: await at.readyPrivatePress(dana, 'go'),
  }
}

/**
 * Between each intent and its outcome: the effect is there, or comes, and nobody was told. What is returned lets go of what
 * keeps them there; call it once the processes are killed.
 */
async function stopInTheMiddle(at: Workplace, trouble: SlackTrouble): Promise<() => Promise<void>> {
  const { bitbucket, heroku, store } = at
  const { dana, tom, eve } = at.people
  const wrote = async (kind: 'pull request created' | 'comment created', holds: string) =>
    (await bitbucket.log()).some((event) => event.kind === kind && JSON.stringify(event).includes(holds))

  const lost = trouble.loseAnswer(/:done:sync:1$/)
  heroku.hangNextPush('after')
  await at.command(dana, '/deploy web pushing')
  const migration = await at.hold('web migrating', 'lock table effects in access exclusive mode')
  await store.until('a line that is posted without an answer', async () => lost.remaining === 0)
  await at.command(dana, '/deploy web migrating')
  await store.until('the push', async () => (await at.pushed('web pushing')).length > 0)
  await store.until('the migration to wait', migration.isWaitedFor)

  // What follows comes quickly, since a worker waits for no answer of Bitbucket's for longer than 15 s.
  bitbucket.fault({ route: 'create', kind: 'hang_after', times: 2 })
  await at.press(tom, 'api patch', 'approve')
  await store.reaches('api patch', /running|succeeded/, ({ steps }) => steps.record === 'done some')
  bitbucket.fault({ route: 'comment', kind: 'hang_after' })
  await at.press(tom, 'web recording', 'approve')
  await at.command(dana, '/deploy api ca')
  const { number } = await store.release('web recording')
  const left = await store.release('web left')
  const press = await at.hold('store', `select from release where number = ${left.number} for update`)
  await at.slack.deliver(await at.readyPress(eve, 'web left', 'approve'))
  await Promise.all([
    store.until('the press to wait', press.isWaitedFor),
    store.until('the record', () => wrote('comment created', `release #${number},`)),
    store.until('the hot-fix to be carried', () => wrote('pull request created', 'signoff/hotfix-')),
    store.until('the pull request to ca', () => wrote('pull request created', '"destination":"ca"')),
  ])
  return async () => {
    bitbucket.clearFaults()
    await Promise.all([migration.letGo(), press.letGo()])
  }
}

/** Nobody works: what is asked for waits in the queue. */
async function waitForWorker(at: Workplace, trouble: SlackTrouble): Promise<void> {
  const { store } = at
  const { nora } = at.people
  const announced = await store.release('web announced')
  const announcing = await store.release('web announcing')
  trouble.holdAnnouncements(new RegExp(`^${announcing.number}:announcement$`))
  await store.until('the run to be enqueued', async () => {
    await store.postingsAreDue()
    return (await store.jobs()).some(({ kind, release }) => kind === 'run' && release === announced.number)
  })
  const lostAnnouncement = trouble.loseAnswer(new RegExp(`^${announcing.number}:announcement$`))
  trouble.holdAnnouncements(/^none$/)
  await store.until('an announcement that is posted without an answer', async () => {
    await store.postingsAreDue()
    return lostAnnouncement.remaining === 0
  })

  await store.workersWereSeen('now()')
  await at.command(nora, '/deploy preview api production')
  await store.until('the preview to be enqueued', async () =>
    (await store.jobs()).some(({ kind }) => kind === 'preview'),
  )
  await store.workersWereSeen(`now() - interval '1 minute'`)
  const lostCard = trouble.loseAnswer(/^\d+:card$/)
  await at.command(nora, '/deploy web queued')
  await store.until('a card that is posted without an answer', async () => lostCard.remaining === 0)
}

/** Slack hands over what people do, and takes nothing. Gives a press that was handled. */
async function waitForSlack(at: Workplace): Promise<Delivery> {
  const { store, slack } = at
  const { dana, tom, nora } = at.people
  await at.press(tom, 'web approved', 'approve')
  const cancel = await at.readyPress(dana, 'api us', 'cancel')
  await slack.deliver(cancel)
  await slack.deliver(await at.readyPrivatePress(dana, 'plan_for_emergency'))
  await store.reaches('web approved', 'approved')
  await store.reaches('api us', 'cancelled')
  await store.reaches('web checked', 'planning')
  for (const text of ['help', 'nowhere', 'web again']) await at.command(nora, `/deploy ${text}`)
  const again = await store.reaches('web again', 'planning')
  await at.command(nora, `/deploy cancel ${again.number}`)
  await store.reaches('web again', 'cancelled')
  await store.until('every delivery to be handled but the one that was cut off', async () => {
    return (await store.query('select from inbox where handled_at is null')).length === 1
  })
  return cancel
}
