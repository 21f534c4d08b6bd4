import type { AppRepository } from './app-repository.ts'
import type { Bitbucket } from './bitbucket/bitbucket.ts'
import type { AppDatabase, Databases } from './databases.ts'
import type { Heroku } from './heroku/heroku.ts'
import type { Service } from './service.ts'
import type { SlackWorkspace } from './slack/workspace.ts'
import { giveWork } from './work.ts'
import { APPS } from './world.ts'

export const TROUBLES = [
  {
    name: 'fail-build',
    title: 'Fail the next build',
    what: 'Heroku refuses the next push: requirements could not be installed.',
    expect: 'The release stops at push, and what ran still runs. The card offers the way on.',
  },
  {
    name: 'fail-release-phase',
    title: 'Fail the next release phase',
    what: 'Heroku takes the push, and the command that it runs before the start fails.',
    expect: 'The push arrived and is not live: the card says so and asks for a person.',
  },
  {
    name: 'fail-migration',
    title: 'Fail the next migration',
    what: 'The database’s disk is full at the next change of its schema.',
    expect: 'The migration is rolled back and nothing is pushed.',
  },
  {
    name: 'cut-push',
    title: 'Cut the next push, after it arrived',
    what: 'The connection breaks when Heroku has done all and before it says so.',
    expect: 'The worker looks instead of pushing again, and finds that it arrived.',
  },
  {
    name: 'cut-push-before',
    title: 'Cut the next push, before it arrived',
    what: 'The connection breaks and Heroku has seen nothing.',
    expect: 'The worker looks, finds nothing, and says what it knows.',
  },
  {
    name: 'move-master',
    title: 'Move master',
    what: 'A colleague pushes to master while people sign off.',
    expect: 'The sign-offs are void: the release is outdated, and Plan again makes a new one.',
  },
  {
    name: 'push-behind',
    title: 'Push to Heroku behind the bot’s back',
    what: 'Somebody pushes master to the remote by hand.',
    expect: 'A release that awaits sign-off is outdated. The next plan starts from what is there.',
  },
  {
    name: 'slack-slow',
    title: 'Slack slow for 20 s',
    what: 'Every answer of Slack takes a second and a half.',
    expect: 'Everything still happens once, later.',
  },
  {
    name: 'slack-limited',
    title: 'Slack says “too many requests” for 20 s',
    what: 'Every call is answered with 429 and a wait.',
    expect: 'Messages wait and then come, each once. Nothing goes to production before its announcement.',
  },
  {
    name: 'slack-down',
    title: 'Slack down for 20 s',
    what: 'Connections break and none can be made. Commands and buttons fail meanwhile.',
    expect: 'The bot connects again by itself, and what waited is posted once.',
  },
  {
    name: 'kill-worker',
    title: 'Kill the worker',
    what: 'SIGKILL, now. It starts again after three seconds.',
    expect: 'A release under way is taken up again where it was, and nothing happens twice.',
  },
  {
    name: 'kill-worker-at-push',
    title: 'Kill the worker at the next push',
    what: 'SIGKILL while Heroku takes the push.',
    expect: 'The next worker looks whether the push arrived, and goes on from there.',
  },
  {
    name: 'duplicate-click',
    title: 'Duplicate the next click',
    what: 'Slack hands the next press of a button over three times.',
    expect: 'It counts once.',
  },
] as const

export type TroubleName = (typeof TROUBLES)[number]['name']

/** Those that strike one environment's own remote or database, so that one has to say which. */
export const STRIKES_ONE: readonly TroubleName[] = ['fail-migration', 'push-behind']

export const isTrouble = (name: unknown): name is TroubleName => TROUBLES.some((one) => one.name === name)

export type Troubles = ReturnType<typeof createTroubles>

/** Makes things go wrong, as they do outside. `armed` are the troubles that wait for their moment or still last. */
export function createTroubles(given: {
  slack: SlackWorkspace
  bitbucket: Bitbucket
  heroku: Heroku
  repository: AppRepository
  databases: Databases
  service: () => Service
  onChange: () => void
}) {
  const { slack, bitbucket, heroku, repository, databases } = given
  const armed = new Map<TroubleName, number>()
  const lasting = new Map<TroubleName, { timer: NodeJS.Timeout; end: () => void }>()

  const arm = (name: TroubleName) => {
    armed.set(name, (armed.get(name) ?? 0) + 1)
    given.onChange()
  }
  const spend = (name: TroubleName) => {
    const left = (armed.get(name) ?? 0) - 1
    if (left > 0) armed.set(name, left)
    else armed.delete(name)
    given.onChange()
  }

  function last(name: TroubleName, seconds: number, end: () => void): void {
    stopLasting(name)
    arm(name)
    const timer = setTimeout(() => stopLasting(name), seconds * 1000)
    lasting.set(name, { timer, end })
  }
  function stopLasting(name: TroubleName): void {
    const one = lasting.get(name)
    if (one === undefined) return
    clearTimeout(one.timer)
    lasting.delete(name)
    one.end()
    spend(name)
  }

  /** The trouble is over when a build or a release that shows it has come. */
  function untilHeroku(name: TroubleName, count: () => number): void {
    arm(name)
    const before = count()
    const looking = setInterval(() => {
      if (count() === before && armed.has(name)) return
      clearInterval(looking)
      spend(name)
    }, 200)
    looking.unref()
  }
  const failures = () => heroku.log.filter(({ kind }) => kind === 'build failed').length
  const failedReleases = () =>
    heroku.log.filter((event) => event.kind === 'release settled' && event.status === 'failed').length

  async function make(name: TroubleName, at: AppDatabase, seconds: number): Promise<void> {
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
        const looking = setInterval(async () => {
          if (await databases.willFail(at).catch(() => false)) return
          clearInterval(looking)
          spend(name)
        }, 500)
        looking.unref()
        return
      }
      case 'cut-push':
      case 'cut-push-before':
        heroku.cutNextPush(name === 'cut-push' ? 'after' : 'before')
        arm(name)
        void heroku.pushArrived().then(() => spend(name))
        return
      case 'move-master':
        await giveWork(repository, bitbucket, 'commit')
        return
      case 'push-behind':
        await heroku.pushBehind(APPS[at], await repository.head('master'), repository.bare)
        return
      case 'slack-slow': {
        const fault = slack.fault({ kind: 'delay', ms: 1500, times: Number.POSITIVE_INFINITY })
        return last(name, seconds, () => fault.clear())
      }
      case 'slack-limited': {
        const fault = slack.fault({ kind: 'rate_limited', retryAfter: 2, times: Number.POSITIVE_INFINITY })
        return last(name, seconds, () => fault.clear())
      }
      case 'slack-down':
        slack.down()
        return last(name, seconds, () => slack.up())
      case 'kill-worker':
        return given.service().kill('worker')
      case 'kill-worker-at-push':
        arm(name)
        void heroku.pushArrived().then(() => {
          given.service().kill('worker')
          spend(name)
        })
        return
      case 'duplicate-click':
        return arm(name)
    }
  }

  return {
    make,
    armed: () => Object.fromEntries(armed),
    /** Those that last a while, and last now. */
    lasting: () => [...lasting.keys()],
    /** Ends one that lasts before its time; nothing where it does not last. */
    end: stopLasting,
    /** Whether the next click is to be handed over several times; uses it up. */
    takeDuplicate(): boolean {
      if (!armed.has('duplicate-click')) return false
      spend('duplicate-click')
      return true
    },
    close(): void {
      for (const { timer } of lasting.values()) clearTimeout(timer)
      lasting.clear()
    },
  }
}
