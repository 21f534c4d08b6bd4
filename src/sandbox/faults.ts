import type { AppRepository } from './app-repository.ts'
import type { Bitbucket } from './bitbucket/bitbucket.ts'
import type { AppDatabase, Databases } from './databases.ts'
import type { Heroku } from './heroku/heroku.ts'
import type { Service } from './service.ts'
import type { SlackWorkspace } from './slack/workspace.ts'
import { APPS } from './systems.ts'
import { pushWork } from './work.ts'

export const FAULTS = [
  {
    name: 'fail-build',
    group: 'Heroku and database',
    title: 'Fail the next build',
    what: 'Heroku rejects the next push: its requirements can’t be installed.',
    expect: 'the release stops at the push, and the old version keeps running. The card offers Retry.',
  },
  {
    name: 'fail-release-phase',
    group: 'Heroku and database',
    title: 'Fail the next release phase',
    what: 'Heroku accepts the push, but the command it runs before the start fails.',
    expect: 'the card says that the push arrived but isn’t running, and needs attention.',
  },
  {
    name: 'fail-migration',
    group: 'Heroku and database',
    title: 'Fail the next migration',
    what: 'The users database has no disk space left at the next schema change.',
    expect: 'the migration is rolled back and nothing is pushed.',
  },
  {
    name: 'cut-push',
    group: 'Heroku and database',
    title: 'Cut the next push after it arrives',
    what: 'Heroku finishes the push, but the connection breaks before it can say so.',
    expect: 'the worker checks Heroku, finds the push there, and doesn’t push again.',
  },
  {
    name: 'cut-push-before',
    group: 'Heroku and database',
    title: 'Cut the next push before it arrives',
    what: 'The connection breaks before Heroku receives anything.',
    expect: 'the worker checks Heroku, finds nothing, and reports that. The card offers Retry.',
  },
  {
    name: 'move-master',
    group: 'Changes by other people',
    title: 'Move master',
    what: 'A colleague pushes to master while people sign off.',
    expect: 'the sign-offs no longer count. The release is outdated, and Plan again starts a new one.',
  },
  {
    name: 'push-behind',
    group: 'Changes by other people',
    title: 'Push to Heroku by hand',
    what: 'A colleague pushes master straight to Heroku, without Signoff.',
    expect: 'a release that awaits sign-off is outdated. The next plan starts from what is deployed.',
  },
  {
    name: 'slack-slow',
    group: 'Slack',
    title: 'Slow down Slack for 20 s',
    what: 'Every response from Slack takes 1.5 seconds.',
    expect: 'everything happens once, only later.',
  },
  {
    name: 'slack-limited',
    group: 'Slack',
    title: 'Rate-limit Slack for 20 s',
    what: 'Slack rejects every call with 429 and Retry-After.',
    expect: 'messages are delayed and posted once. Production waits for its announcement.',
  },
  {
    name: 'slack-down',
    group: 'Slack',
    title: 'Take Slack down for 20 s',
    what: 'All connections break. Commands and buttons fail until Slack is back.',
    expect: 'the bot reconnects automatically and posts each delayed message once.',
  },
  {
    name: 'duplicate-click',
    group: 'Slack',
    title: 'Duplicate the next click',
    what: 'Slack delivers the next button click three times.',
    expect: 'the click counts once.',
  },
  {
    name: 'kill-worker',
    group: 'Worker',
    title: 'Kill the worker',
    what: 'The worker process gets SIGKILL now and restarts after 3 seconds.',
    expect: 'a running release resumes at the same step, and nothing happens twice.',
  },
  {
    name: 'kill-worker-at-push',
    group: 'Worker',
    title: 'Kill the worker at the next push',
    what: 'The worker process gets SIGKILL while Heroku receives the push.',
    expect: 'the restarted worker checks whether the push arrived, and continues from there.',
  },
] as const

export type FaultName = (typeof FAULTS)[number]['name']

/** Faults of one environment's own remote or database; the caller chooses which. */
export const NEEDS_ENVIRONMENT: readonly FaultName[] = ['fail-migration', 'push-behind']

export const isFaultName = (name: unknown): name is FaultName => FAULTS.some((one) => one.name === name)

export type FaultInjector = ReturnType<typeof createFaultInjector>

/** Injects the faults of the page. A fault is armed until it has taken effect, or while it lasts. */
export function createFaultInjector(given: {
  slack: SlackWorkspace
  bitbucket: Bitbucket
  heroku: Heroku
  repository: AppRepository
  databases: Databases
  service: () => Service
  onChange: () => void
}) {
  const { slack, bitbucket, heroku, repository, databases } = given
  const armed = new Map<FaultName, number>()
  const lasting = new Map<FaultName, { timer: NodeJS.Timeout; undo: () => void }>()

  const arm = (name: FaultName) => {
    armed.set(name, (armed.get(name) ?? 0) + 1)
    given.onChange()
  }
  const disarm = (name: FaultName) => {
    const left = (armed.get(name) ?? 0) - 1
    if (left > 0) armed.set(name, left)
    else armed.delete(name)
    given.onChange()
  }

  function keepFor(name: FaultName, seconds: number, undo: () => void): void {
    end(name)
    arm(name)
    const timer = setTimeout(() => end(name), seconds * 1000)
    lasting.set(name, { timer, undo })
  }
  function end(name: FaultName): void {
    const one = lasting.get(name)
    if (one === undefined) return
    clearTimeout(one.timer)
    lasting.delete(name)
    one.undo()
    disarm(name)
  }

  /** Disarms a fault when `count`, the number of failures at Heroku, has changed. */
  function untilHeroku(name: FaultName, count: () => number): void {
    arm(name)
    const before = count()
    const watching = setInterval(() => {
      if (count() === before && armed.has(name)) return
      clearInterval(watching)
      disarm(name)
    }, 200)
    watching.unref()
  }
  const failures = () => heroku.log.filter(({ kind }) => kind === 'build failed').length
  const failedReleases = () =>
    heroku.log.filter((event) => event.kind === 'release settled' && event.status === 'failed').length

  async function inject(name: FaultName, at: AppDatabase, seconds: number): Promise<void> {
    switch (name) {
      case 'fail-build':
        heroku.failNextBuild()
        return untilHeroku(name, failures)
      case 'fail-release-phase':
        heroku.failNextReleasePhase()
        return untilHeroku(name, failedReleases)
      case 'fail-migration': {
        await databases.failNextChange(at)
        arm(name)
        const watching = setInterval(async () => {
          if (await databases.willFail(at).catch(() => false)) return
          clearInterval(watching)
          disarm(name)
        }, 500)
        watching.unref()
        return
      }
      case 'cut-push':
      case 'cut-push-before':
        heroku.cutNextPush(name === 'cut-push' ? 'after' : 'before')
        arm(name)
        void heroku.pushArrived().then(() => disarm(name))
        return
      case 'move-master':
        await pushWork(repository, bitbucket, 'commit')
        return
      case 'push-behind':
        await heroku.pushBehind(APPS[at], await repository.head('master'), repository.bare)
        return
      case 'slack-slow': {
        const fault = slack.fault({ kind: 'delay', ms: 1500, times: Number.POSITIVE_INFINITY })
        return keepFor(name, seconds, () => fault.clear())
      }
      case 'slack-limited': {
        const fault = slack.fault({ kind: 'rate_limited', retryAfter: 2, times: Number.POSITIVE_INFINITY })
        return keepFor(name, seconds, () => fault.clear())
      }
      case 'slack-down':
        slack.down()
        return keepFor(name, seconds, () => slack.up())
      case 'kill-worker':
        return given.service().kill('worker')
      case 'kill-worker-at-push':
        arm(name)
        void heroku.pushArrived().then(() => {
          given.service().kill('worker')
          disarm(name)
        })
        return
      case 'duplicate-click':
        return arm(name)
    }
  }

  return {
    inject,
    armed: () => Object.fromEntries(armed),
    /** The faults with a duration that are active now. */
    lasting: () => [...lasting.keys()],
    /** Ends an active fault early. Does nothing if it isn't active. */
    end,
    /** Whether to deliver this click several times. Disarms that fault. */
    takeDuplicate(): boolean {
      if (!armed.has('duplicate-click')) return false
      disarm('duplicate-click')
      return true
    },
    close(): void {
      for (const { timer } of lasting.values()) clearTimeout(timer)
      lasting.clear()
    },
  }
}
