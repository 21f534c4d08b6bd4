/** Runs the version before, and leaves a release in every state that an upgrade can meet. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Delivery } from '../../src/sandbox/slack/workspace.ts'
import { startBot, startWorker } from './roles.ts'
import { createSlackFaults, type SlackFaults } from './slack-faults.ts'
import type { JobRow, Waiting, Written } from './store-view.ts'
import { runCommand, type Version, type VersionProcess } from './versions.ts'
import type { Workplace } from './workplace.ts'

export const REASON = 'Digests go out in the night for half of our users.'

/** What the version before has left. */
export interface Left {
  /** A worker that is suspended during a push. It holds the lock of its environment. */
  readonly pausedWorker: VersionProcess
  /** Clicks on buttons that the version before has posted. Slack delivers them after the upgrade. */
  readonly presses: Readonly<Record<'approve' | 'retry' | 'plan again' | 'go', Delivery>>
  /** A click that the version before has handled. Slack delivers it again. */
  readonly handledPress: Delivery
  /** The number of each environment's release. */
  readonly numbers: Readonly<Record<string, number>>
  readonly waiting: readonly Waiting[]
  readonly jobs: readonly JobRow[]
  readonly written: Written
  /** The advisory locks of a bot that delivers messages and of a worker that runs a release. */
  readonly locks: readonly string[]
  /** The output of `audit export`, by environment. */
  readonly evidence: Readonly<Record<string, string>>
  readonly botExitCode: number | null
}

/** Environments whose release has ended, so that the export after the upgrade must have at least the same facts. */
export const EXPORTED = ['api integration', 'api patch', 'web failing'] as const

/** Resolves when every process of the version has ended, except for the paused worker. */
export async function runVersionBefore(at: Workplace, version: Version): Promise<Left> {
  const { store } = at
  const faults = createSlackFaults(at.slack)
  const firstBot = await startBot(at, version)
  const pausedWorker = await pauseWorkerDuringPush(at, version)
  const worker = await startWorker(at, version)
  faults.refuseAnnouncements(/:announcement$/)
  await requestReleases(at)
  await openModals(at)
  faults.refuseReplies()
  await failAfterMerge(at)
  const presses = await preparePresses(at)
  const unblock = await interruptEffects(at, faults)
  await Promise.all([worker.kill(), firstBot.kill()])
  await unblock()
  await store.expireDeadProcesses()

  const secondBot = await startBot(at, version)
  await queueWithoutWorker(at, faults)
  faults.refuseEverything()
  const handledPress = await queueWithoutSlack(at)
  const locks = await store.locks()
  const botExitCode = await secondBot.stop()
  faults.end()

  const numbers = await store.numbers()
  const evidence = EXPORTED.map(async (environment) => {
    const args = ['audit', 'export', '--release', String(numbers[environment])]
    const { exitCode, printed } = await runCommand(version, args, at)
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

/** Suspends a worker during a push, as when its virtual machine is migrated. */
async function pauseWorkerDuringPush(at: Workplace, version: Version): Promise<VersionProcess> {
  const worker = await startWorker(at, version, { host: 'another-host' })
  at.heroku.hangNextPush('after')
  await at.command(at.people.dana, '/deploy web rolling')
  await at.store.until('the push to rolling', async () => (await at.pushed('web rolling')).length > 0)
  // A suspended transaction would block everybody who needs its rows.
  await at.store.until('the worker to be outside of transactions', async () => {
    worker.signal('SIGSTOP')
    await delay(50)
    if (!(await at.store.isInTransaction())) return true
    worker.signal('SIGCONT')
    return false
  })
  return worker
}

/** Requests a release of most environments, and waits until each can't continue without people. */
async function requestReleases(at: Workplace): Promise<void> {
  const { bitbucket, repository, heroku, store } = at
  const { dana, lin, tom } = at.people
  bitbucket.setStatus(await repository.head('master'), { state: 'FAILED' })
  await at.allowPushes('web failing', false)
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

/** Opens a modal for each of six people. They submit it after the upgrade. */
async function openModals(at: Workplace): Promise<void> {
  const { dana, lin, tom, eve, ben, sam } = at.people
  await at.press(lin, 'web rejecting', 'reject')
  await at.press(tom, 'api production', 'talked_over')
  await at.press(eve, 'web urgent', 'emergency')
  await at.press(sam, 'web closing', 'close')
  await at.command(dana, '/deploy')
  await at.command(ben, `/hotfix ${at.fix} api apac`)
  for (const user of [dana, lin, tom, eve, ben, sam]) {
    await at.slack.waitFor(() => at.slack.openView(user), { what: `a modal of ${user}`, silenceMs: 30_000 })
  }
}

/** Makes a migration fail after the merge, since its column exists already. */
async function failAfterMerge(at: Workplace): Promise<void> {
  await at.runSql('api eu', 'alter table documents add column language text')
  await at.press(at.people.tom, 'api eu', 'approve')
  await at.store.reaches('api eu', 'needs attention')
}

/** Clicks on buttons as they are now. Nothing is delivered yet. */
async function preparePresses(at: Workplace): Promise<Left['presses']> {
  const { dana, tom } = at.people
  return {
    approve: await at.preparePress(tom, 'api production', 'approve'),
    retry: await at.preparePress(tom, 'api eu', 'retry'),
    'plan again': await at.preparePress(dana, 'web failing', 'plan_again'),
    go: await at.preparePrivatePress(dana, 'go'),
  }
}

/**
 * Lets effects happen whose outcome can't be stored. Returns how to make it possible again, to be called after the processes
 * were killed.
 */
async function interruptEffects(at: Workplace, faults: SlackFaults): Promise<() => Promise<void>> {
  const { bitbucket, store } = at
  const { dana, tom, eve } = at.people
  const [carried, recording, left] = await Promise.all(
    ['api patch', 'web recording', 'web left'].map(async (environment) => (await store.release(environment)).number),
  )
  const last = Math.max(...Object.values(await store.numbers()))
  const unblock = await store.blockWrites({
    outbox: `new.key = '${carried}:carried'`,
    release: `new.environment = 'ca' and new.state = 'awaiting sign-off'`,
    sign_off: `new.release = ${left}`,
    step: `new.state = 'done' and (new.name = 'push' and new.release > ${last} or new.name = 'record' and new.release = ${recording})`,
  })
  const migration = await at.lock('web migrating', 'lock table effects in access exclusive mode')

  const lost = faults.loseAnswer(/:done:sync:1$/, 'thread')
  await at.command(dana, '/deploy web pushing')
  await store.until('a line to be posted without an answer', async () => lost.remaining === 0)
  await at.command(dana, '/deploy web migrating')
  await at.command(dana, '/deploy api ca')
  for (const environment of ['api patch', 'web recording']) await at.press(tom, environment, 'approve')
  await at.slack.deliver(await at.preparePress(eve, 'web left', 'approve'))

  const wrote = async (kind: 'pull request created' | 'comment created', text: string) =>
    (await bitbucket.log()).some((event) => event.kind === kind && JSON.stringify(event).includes(text))
  await store.until('the push', async () => (await at.pushed('web pushing')).length > 0)
  await store.until('the migration', migration.isBlocking)
  await store.until('the pull request to ca', () => wrote('pull request created', '"destination":"ca"'))
  await store.until('the pull request that carries the hot-fix', () => wrote('pull request created', 'signoff/hotfix-'))
  await store.until('the record', () => wrote('comment created', `release #${recording},`))
  return async () => {
    await Promise.all([unblock(), migration.release()])
  }
}

/** Leaves a run, a preview and a plan in the queue, and two messages whose answer from Slack was lost. */
async function queueWithoutWorker(at: Workplace, faults: SlackFaults): Promise<void> {
  const { store } = at
  const { nora } = at.people
  const announced = await store.release('web announced')
  const announcing = await store.release('web announcing')
  faults.refuseAnnouncements(new RegExp(`^${announcing.number}:announcement$`))
  await store.until('the run to be enqueued', async () => {
    await store.retryPostings()
    return (await store.jobs()).some(({ kind, release }) => kind === 'run' && release === announced.number)
  })
  const lostAnnouncement = faults.loseAnswer(new RegExp(`^${announcing.number}:announcement$`), 'channel')
  faults.refuseAnnouncements(/^none$/)
  await store.until('the announcement to be posted without an answer', async () => {
    await store.retryPostings()
    return lostAnnouncement.remaining === 0
  })

  await store.setWorkersSeen('now()')
  await at.command(nora, '/deploy preview api production')
  await store.until('the preview to be enqueued', async () =>
    (await store.jobs()).some(({ kind }) => kind === 'preview'),
  )
  await store.setWorkersSeen(`now() - interval '1 minute'`)
  const lostCard = faults.loseAnswer(/^\d+:card$/, 'channel')
  await at.command(nora, '/deploy web queued')
  await store.until('the card to be posted without an answer', async () => lostCard.remaining === 0)
}

/** Leaves messages of every kind in the outbox, while people go on clicking and typing. Returns a click that was handled. */
async function queueWithoutSlack(at: Workplace): Promise<Delivery> {
  const { store, slack } = at
  const { dana, tom, nora } = at.people
  await at.press(tom, 'web approved', 'approve')
  const cancel = await at.preparePress(dana, 'api us', 'cancel')
  await slack.deliver(cancel)
  await slack.deliver(await at.preparePrivatePress(dana, 'plan_for_emergency'))
  await store.reaches('web approved', 'approved')
  await store.reaches('api us', 'cancelled')
  await store.reaches('web checked', 'planning')
  for (const text of ['help', 'nowhere', 'web again']) await at.command(nora, `/deploy ${text}`)
  const again = await store.reaches('web again', 'planning')
  await at.command(nora, `/deploy cancel ${again.number}`)
  await store.reaches('web again', 'cancelled')
  await store.until('all deliveries to be handled, except for the interrupted one', async () => {
    return (await store.query('select from inbox where handled_at is null')).length === 1
  })
  return cancel
}
