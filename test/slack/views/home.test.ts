/** App Home as it is drawn: its parts, and Slack's limits with many environments. */
import { describe, expect, it } from 'vitest'
import { choicesWithout } from '../../../src/release/direct-messages.ts'
import { waitingFor } from '../../../src/release/home.ts'
import type { EnvironmentStatus } from '../../../src/release/messages.ts'
import { problemsOfView } from '../../../src/sandbox/slack/blocks.ts'
import { home, shownIn } from '../../../src/slack/views/home/home.ts'
import type { HomeFacts } from '../../../src/slack/views/home/home-facts.ts'
import { isItem, readItem } from '../../../src/slack/views/home/menu.ts'
import { kindOfSwitch } from '../../../src/slack/views/home/messages.ts'
import {
  anEnvironment,
  anIntegration,
  aPlan,
  aRelease,
  at,
  DANA,
  LIN,
  SERVICES,
  sha,
  TOM,
} from '../../support/builders.ts'

const NOW = at('15:00')

function facts(overrides: Partial<HomeFacts> = {}): HomeFacts {
  return {
    services: SERVICES,
    now: NOW,
    waiting: [],
    unlisted: [],
    status: { environments: [] },
    menuOf: () => [
      { is: 'deploy', token: 'x'.repeat(32) },
      { is: 'lock', token: 'x'.repeat(32) },
    ],
    tokenOf: () => 'x'.repeat(32),
    own: [],
    goTokens: new Map(),
    link: (number) => `https://example.slack.com/archives/C1/p${number}`,
    figures: { figures: [], isComplete: true },
    choices: choicesWithout([]),
    ...overrides,
  }
}

const long = 'a'.repeat(80)
function environments(apps: number, more: Partial<EnvironmentStatus> = {}): EnvironmentStatus[] {
  return Array.from({ length: apps }, (_, at) => `${long.slice(0, 30)}-${at}`).flatMap((app) =>
    ['integration', 'production'].map((environment) => ({
      app,
      environment,
      live: {
        is: 'proven',
        commit: sha('9f2c1ab'),
        number: 7,
        at: NOW.toISOString(),
        webUrl: `https://bitbucket.org/${long}/${long}`,
        by: DANA,
      },
      ...more,
    })),
  )
}

const lock = { id: 1, holder: TOM, reason: '<!channel> & '.repeat(60), since: NOW.toISOString() }
const text = (view: ReturnType<typeof home>) => JSON.stringify(view.blocks)

describe('a Home', () => {
  it.each<[string, number, Partial<EnvironmentStatus>]>([
    ['1 app', 1, {}],
    ['40 apps', 40, {}],
    ['400 apps', 400, {}],
    [
      '40 apps where all is locked, and something under way',
      40,
      { lock: { ...lock, app: 'api', environment: 'production' }, under_way: aRelease({ plan: aPlan() }) },
    ],
    ['2,000 apps of which each is locked', 2_000, { lock: { ...lock, app: 'api', environment: 'production' } }],
  ])('keeps Slack’s limits with %s, and says what it leaves out', (_, apps, more) => {
    const all = environments(apps, more)
    const view = home(facts({ status: { environments: all, all: lock } }))
    expect(view.blocks.length).toBeLessThanOrEqual(100)
    expect(Buffer.byteLength(JSON.stringify(view))).toBeLessThan(250_000)
    expect(problemsOfView(view as never)).toEqual([])
    const words = text(view)
    const named = all.filter(({ app }) => words.includes(`${app} `) || words.includes(`*${app}*`)).length
    if (named < all.length) expect(words).toMatch(/and \d+ more environments: `\/deploy status`/)
    expect(words).toContain('The last 30 days')
    expect(words).not.toContain('<!channel>')
  })

  it('draws every part also where there is nothing, and no button without its token', () => {
    const words = text(home(facts()))
    for (const part of [
      'Waiting for you',
      'Environments',
      'Your releases',
      'The last 30 days',
      'What Signoff may send you',
    ])
      expect(words).toContain(`"text":"${part}"`)
    expect(words).toContain('Nothing waits for you.')
    expect(words).toContain('No releases in the last 30 days.')
  })

  it('says what it does not know: groups that Slack did not list, figures that are still counted, switches that are off for all', () => {
    const { choices: _, ...others } = facts({ unlisted: ['@qa'], figures: { figures: [], isComplete: false } })
    const words = text(home(others))
    expect(words).toContain('Slack did not list the members of @qa')
    expect(words).toContain('slack.direct_messages')
  })

  it('has changed when what it shows has changed, and not because time has passed', () => {
    const status = { environments: environments(1) }
    const before = shownIn(home(facts({ status })))
    expect(shownIn(home(facts({ status, now: at('15:05') })))).toBe(before)
    expect(
      shownIn(
        home(facts({ status: { environments: environments(1, { lock: { ...lock, app: 'a', environment: 'b' } }) } })),
      ),
    ).not.toBe(before)
  })

  it('lists as waiting exactly what the person may do', () => {
    const environment = anEnvironment()
    const asked = { now: NOW, environmentOf: () => environment }
    const awaiting = aRelease({ state: 'awaiting sign-off', plan: aPlan(), requester: DANA })
    const person = (who: typeof DANA, groups: readonly string[] = []) => ({ ...who, groups })
    const kinds = (who: typeof DANA, groups?: readonly string[]) =>
      waitingFor(person(who, groups), [awaiting], asked).flatMap(({ what }) =>
        what.is === 'sign-off' ? what.owed.map(({ kind }) => kind) : [],
      )
    expect(kinds(TOM, ['@release-approvers'])).toEqual(['qa', 'approval'])
    expect(kinds(LIN)).toEqual(['qa'])
    // Her own release: another person approves it.
    expect(kinds(DANA, ['@release-approvers'])).toEqual(['qa'])
    const stopped = aRelease({ number: 3, state: 'needs attention', plan: aPlan(), requester: DANA })
    const decides = (who: typeof DANA, groups?: readonly string[]) =>
      waitingFor(person(who, groups), [awaiting, stopped], asked).map(({ release, what }) => [
        release.number,
        what.is === 'attention' ? what.may : what.is,
      ])
    expect(decides(TOM, ['@release-approvers'])).toEqual([
      [3, ['retry', 'close']],
      [12, 'sign-off'],
    ])
    expect(decides(DANA)[0]).toEqual([3, ['retry']])
    expect(decides(LIN)).toEqual([[12, 'sign-off']])
    // Slack did not list the group: nothing is guessed.
    expect(waitingFor({ ...person(LIN), unknownGroups: ['@release-approvers'] }, [stopped], asked)).toEqual([])
    expect(
      waitingFor(person(TOM), [{ ...awaiting, environment: 'integration' }], {
        now: NOW,
        environmentOf: () => anIntegration(),
      }),
    ).toEqual([])
  })

  it('reads of a menu and of a switch only what it has made', () => {
    expect(readItem('lock:abc')).toEqual({ is: 'lock', token: 'abc' })
    for (const value of ['', 'lock', 'toString:abc', '__proto__:x', 'nothing:abc']) {
      const read = readItem(value)
      expect(read === undefined || (isItem(read.is) && read.token === '')).toBe(true)
    }
    expect(kindOfSwitch('home_messages_when_free')).toBe('when free')
    expect(kindOfSwitch('home_messages_everything')).toBeUndefined()
  })
})
