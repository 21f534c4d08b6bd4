/** Words that people stumbled over. */
import { describe, expect, it } from 'vitest'
import type { Release } from '../../../src/release/release.ts'
import { announcement } from '../../../src/slack/views/announcement.ts'
import { card } from '../../../src/slack/views/card.ts'
import { detailsModal } from '../../../src/slack/views/details.ts'
import { problemWords } from '../../../src/slack/views/failures.ts'
import { stepOf } from '../../../src/slack/views/parts/facts.ts'
import { privateMessage } from '../../../src/slack/views/private/index.ts'
import { anEnvironment, aPlan, aRelease, at, SERVICES, SIGNED, sha, stepsUpTo } from '../../support/builders.ts'
import { read } from './read.ts'

const environment = anEnvironment()
const cardOf = (release: Release) =>
  read(
    card(release, {
      services: SERVICES,
      environment,
      tokens: {},
      progress: 'lines',
      owed: [],
      now: at('08:20'),
      mentionGroups: false,
    }),
  )
const everywhere = (plan: Release['plan']) => {
  const run = { plan, signOffs: SIGNED, attempt: 1, approvedAt: at('08:44'), startedAt: at('08:45') }
  return [
    cardOf(aRelease({ plan })),
    cardOf(aRelease({ ...run, state: 'running', steps: stepsUpTo('confirm', { state: 'running' }) })),
    read(announcement(aRelease({ ...run, state: 'approved' }), { environment })),
    ...(plan
      ? [read(privateMessage({ is: 'preview', app: 'api', environment: 'production', plan }, { services: SERVICES }))]
      : []),
    JSON.stringify(detailsModal(aRelease({ plan }), { services: SERVICES, environment })),
  ]
}

describe('a release that brings no commit', () => {
  const none = { commits: [], commitCount: 0, authors: [] }
  const held = sha('9f2c1ab')

  it('says what it does instead: it migrates', () => {
    const { pullRequest: _none, ...plan } = aPlan()
    const release = {
      ...plan,
      ...none,
      bound: { ...plan.bound, result: { how: 'commit' as const, commit: held, tree: sha('7ee') } },
    }
    const all = everywhere(release)
    for (const words of all) expect(words).not.toMatch(/\b0 commits/)
    expect(all[0]).toContain('*No new commits*')
    expect(all[0]).toContain('requests 2 migrations')
    expect(all[2]).toContain('no new commits, 2 migrations')
  })

  it('says what it does instead: it makes run what is held', () => {
    const { pullRequest: _none, ...plan } = aPlan({ migrations: [] })
    const remote = { ...plan.bound.remote, holds: held }
    const result = { how: 'commit' as const, commit: held, tree: sha('7ee') }
    const all = everywhere({ ...plan, ...none, bound: { ...plan.bound, remote, result } })
    for (const words of all) expect(words).not.toMatch(/\b0 commits/)
    expect(all[0]).toContain('*No new commits*: 9f2c1ab is already on the remote but does not run')
    expect(all[0]).toContain('requests 9f2c1ab, which is already on the remote')
    expect(all[3]).toContain('would deploy 9f2c1ab, which is already on the remote.')
  })
})

describe('a build that failed', () => {
  const line = 'Push rejected, failed to compile Python app.'
  const why = (...output: string[]) =>
    problemWords({ gate: 'build_failed', remote: 'heroku-live', line, output }, { services: SERVICES }).verbatim

  it('quotes the cause, not the refusal that follows from it', () => {
    const end = ['', ` !     ${line}`, '', ' !     Push failed', 'Verifying deploy...', '', '!\tPush rejected to api.']
    const cause = 'ERROR: No matching distribution found for flask==99'
    expect(why('-----> Installing requirements with pip', `       ${cause}`, ...end)).toBe(cause)
    expect(
      why(`remote:        ${cause}`, 'remote:        You should upgrade pip.', ...end.map((each) => `remote: ${each}`)),
    ).toBe(cause)
    expect(why('-----> Compiling', '       line 29 of the build', ...end)).toBe('line 29 of the build')
    expect(
      why(' !     Error: Unable to install dependencies using pip.', ' !     See the log output above.', ...end),
    ).toBe('Error: Unable to install dependencies using pip.')
  })

  it('quotes the refusal where nothing else was said', () => {
    expect(why()).toBe(line)
    expect(why('', ` !     ${line}`)).toBe(line)
  })
})

describe('the details', () => {
  it('list each migration once', () => {
    const plan = aPlan()
    const migrations = plan.migrations.map((migration) => ({ ...migration, sql: ['drop table saved_searches'] }))
    const modal = JSON.stringify(
      detailsModal(aRelease({ plan: { ...plan, migrations } }), { services: SERVICES, environment }),
    )
    for (const { revision } of migrations) expect(modal.split(`${revision.slice(0, 8)}"`).length - 1).toBe(1)
    const plain = JSON.stringify(detailsModal(aRelease({ plan }), { services: SERVICES, environment }))
    for (const { revision } of migrations) expect(plain.split(`${revision.slice(0, 8)}"`).length - 1).toBe(1)
  })
})

it('a step’s number stays on one line', () => {
  expect(stepOf(aRelease({ steps: stepsUpTo('push') }), 'push')).toBe('step\u00a07\u00a0of\u00a09')
})
