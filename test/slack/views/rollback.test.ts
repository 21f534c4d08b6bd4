import { describe, expect, it } from 'vitest'
import type { Plan } from '../../../src/release/plan.ts'
import { owed } from '../../../src/release/policy.ts'
import type { Release, ReleaseMark } from '../../../src/release/release.ts'
import type { RollbackChoice } from '../../../src/release/rollback.ts'
import type { AppliedMigration, RollbackPlan, ShownRelease } from '../../../src/release/rollback-plan.ts'
import { announcement } from '../../../src/slack/views/announcement.ts'
import { card } from '../../../src/slack/views/card.ts'
import { confirmStart } from '../../../src/slack/views/confirmations.ts'
import { buttonsOfDetails, detailsModal } from '../../../src/slack/views/details.ts'
import { outcome } from '../../../src/slack/views/outcome.ts'
import { privateMessage } from '../../../src/slack/views/private/index.ts'
import { type RollbackModalFacts, rollbackModal } from '../../../src/slack/views/rollback-modal.ts'
import { threadLine } from '../../../src/slack/views/thread.ts'
import { messageProblems, viewProblems } from '../../support/block-kit-limits.ts'
import {
  anEnvironment,
  aPlan,
  aRelease,
  aSignOff,
  aStep,
  at,
  COMMITS,
  DANA,
  LIN,
  SERVICES,
  sha,
  TOM,
} from '../../support/builders.ts'
import { read } from './read.ts'

const environment = anEnvironment()
const TO: ShownRelease = { number: 40, commit: sha('1f03ae2'), requester: LIN, at: at('06:00').toISOString() }
const FROM: ShownRelease = { number: 41, commit: sha('5b8e6c0'), requester: TOM, at: at('07:30').toISOString() }

const ADDS: AppliedMigration = {
  revision: 'a41c9e2f5b60',
  message: 'index alerts by organisation',
  file: 'migrations/a41c9e2f5b60.py',
  risk: 'adds',
  release: 41,
}
const DROPS: AppliedMigration = {
  revision: 'b7d20c31aa04',
  message: 'drop saved_searches',
  file: 'migrations/b7d20c31aa04.py',
  risk: 'destroys',
  findings: [{ risk: 'destroys', what: 'drops table saved_searches', why: 'Its rows are gone.', breaksOldCode: true }],
  release: 41,
}

function rollbackPlan(overrides: Partial<RollbackPlan> = {}): Plan {
  const { pullRequest: _none, ...plan } = aPlan({
    commits: COMMITS.slice(0, 3),
    migrations: [],
    checks: [],
    steps: ['push', 'confirm', 'record', 'report'],
    bound: {
      kind: 'rollback',
      target: { branch: 'production', commit: null },
      source: { branch: 'production', commit: TO.commit },
      commits: [],
      result: { how: 'commit', commit: TO.commit, tree: sha('7ee') },
      database: null,
    },
  })
  return { ...plan, rollback: { from: FROM, to: TO, migrations: [], unknowns: [], ...overrides } }
}

function aRollback(overrides: Parameters<typeof aRelease>[0] = {}, shown: Partial<RollbackPlan> = {}): Release {
  return aRelease({
    number: 42,
    kind: 'rollback',
    reason: 'Checkout answers 500 since #41, for <everyone>.',
    rollback: { to: 40, lock: true },
    plan: rollbackPlan(shown),
    ...overrides,
  })
}

function draw(release: Release) {
  const owing = owed(environment, release)
  const drawn = card(release, {
    services: SERVICES,
    groupIds: {},
    names: {},
    environment,
    tokens: { approval: 'a', rejection: 'r', emergency: 'e', cancel: 'c', details: 'd', 'talked over': 't', qa: 'q' },
    progress: 'lines',
    owed: owing,
    now: at('08:20'),
    mentionGroups: false,
    previous: { number: 41, at: at('07:30') },
  })
  expect(messageProblems(drawn)).toEqual([])
  return read(drawn)
}

const BAD: ReleaseMark = { is: 'bad', by: TOM, reason: 'Logins *fail*', at: at('08:00') }

describe('the card of a rollback', () => {
  it('says where it goes back to, what goes away, and that the old code can run', () => {
    expect(draw(aRollback({}, { migrations: [ADDS] }))).toMatchInlineSnapshot(`
      ""Rollback #42 of api production awaits sign-off: needs 1 approval. Dana asks to go back to #40 (1f03ae2): 3 commits go away."
      # ⏪ Rollback #42: api production
      :raised_hand: *Awaiting sign-off*  [Cancel (asks: Its sign-offs become void. Nothing has been changed so far.)]
      Needs *approval* from @release-approvers, not Dana
      **Dana** rolls back because:
      > Checkout answers 500 since #41, for <everyone>.
      *Back to #40*, <https://bitbucket.org/jurispect/jurispect_api/commits/1f03ae2000000000000000000000000000000000|1f03ae2> · Lin, <!date^1795327200^{date_short_pretty} at {time}|2026-11-22 06:00 UTC>
      Takes back #41, 5b8e6c0 · Tom, <!date^1795332600^{date_short_pretty} at {time}|2026-11-22 07:30 UTC>  [Details]
      *3 commits* by Marek, Priya go away
      • [9f2c1ab](https://bitbucket.org/jurispect/jurispect_api/commits/9f2c1ab000000000000000000000000000000000) Add rate limits to the search endpoint
      • [41d7e03](https://bitbucket.org/jurispect/jurispect_api/commits/41d7e03000000000000000000000000000000000) Drop the unused saved_searches table
      • [c06be52](https://bitbucket.org/jurispect/jurispect_api/commits/c06be52000000000000000000000000000000000) Show jurisdiction names in alerts
      *1 migration since #40 stays applied*: the old code can run on this schema
      • a41c9e2f index alerts by organisation · by #41 · adds
      ~ Live now: <https://bitbucket.org/jurispect/jurispect_api/commits/5b8e6c0000000000000000000000000000000000|5b8e6c0>, #41, <!date^1795332600^{ago}|2026-11-22 07:30 UTC> · Repository and database stay as they are
      [*Approve (asks: This takes api production back to #40 (1f03ae2) now: 3 commits go away.)] [Reject] [Must go out now…]
      ~ Requested by Dana, <!date^1795335240^{date_short_pretty} at {time}|2026-11-22 08:14 UTC> · Plan: \`1109d480\` · Expires: <!date^1795421700^{date_short_pretty} at {time}|2026-11-23 08:15 UTC>"
    `)
  })

  it('names what the old code may miss, and asks for Talked over', () => {
    const words = draw(aRollback({}, { migrations: [ADDS, DROPS] }))
    expect(words).toContain('The old code may not run on this schema')
    expect(words).toContain('drops table saved_searches')
    expect(words).toContain('*Talked over*')
    expect(words).not.toContain('the old code can run')
  })

  it('says what is not known', () => {
    const words = draw(
      aRollback(
        {},
        {
          migrations: [ADDS],
          unknowns: [
            { what: 'database', detail: 'no answer within 10 s' },
            { what: 'revisions', name: 'users', expected: ['5f19ab44c1d2'], found: ['77777777aaaa'] },
            { what: 'commits', detail: 'the repository did not answer' },
          ],
        },
      ),
    )
    expect(words).toContain('Where the database stands: no answer within 10 s')
    expect(words).toContain('The database users is at 77777777, and the last release left it at 5f19ab44')
    expect(words).toContain('Which commits go away: the repository did not answer')
    expect(words).not.toContain('the old code can run')
  })

  it('does not warn that an author’s approval counts: it may', () => {
    expect(draw(aRollback())).not.toContain('no match in Slack')
  })

  it('tells of the bad release, the lock and a missing record once it has succeeded', () => {
    const steps = [
      aStep('push'),
      aStep('confirm', { result: { commit: TO.commit } }),
      aStep('record', { result: { notRecorded: 'Bitbucket did not answer' } }),
    ]
    const ended = aRollback({ state: 'succeeded', steps, startedAt: at('08:50'), endedAt: at('08:51') })
    const told = outcome(ended, { services: SERVICES, environment, owed: [], events: 9, head: 'abc' })
    expect(messageProblems(told)).toEqual([])
    expect(read(told)).toMatchInlineSnapshot(`
      ""Rollback #42 succeeded: api production runs 1f03ae2 again, as after #40 (1 min). Requested by Dana."
      :white_check_mark: **Rollback #42 succeeded**: api production runs [1f03ae2](https://bitbucket.org/jurispect/jurispect_api/commits/1f03ae2000000000000000000000000000000000) again, as after #40 (1 min).
      #41 was marked as bad: no rollback goes back to it.
      production was locked for others. To unlock it: \`/deploy unlock api production\`.
      :warning: Not recorded at Bitbucket yet: Bitbucket did not answer. Signoff tries again for 24 h.
      ~ Requested by <@U01DANA> · Record: 9 events, head \`abc\`"
    `)
    expect(draw(ended)).toMatchInlineSnapshot(`
      ""Rollback #42 succeeded: api production runs 1f03ae2 again, as after #40 (1 min). Requested by Dana."
      # ⏪ Rollback #42: api production
      :white_check_mark: *Succeeded* in 1 min. Live now: <https://bitbucket.org/jurispect/jurispect_api/commits/1f03ae2000000000000000000000000000000000|1f03ae2> again, as after #40
      **Dana** rolled back because:
      > Checkout answers 500 since #41, for <everyone>.
      #41 was marked as bad: no rollback goes back to it.
      production was locked for others. To unlock it: \`/deploy unlock api production\`.
      :warning: Not recorded at Bitbucket yet: Bitbucket did not answer. Signoff tries again for 24 h.
      Back to #40 (1f03ae2), 3 commits go away  [Details]
      ~ Requested by Dana · Plan: \`1109d480\` · Ended: <!date^1795337460^{date_short_pretty} at {time}|2026-11-22 08:51 UTC>"
    `)
  })
})

describe('a release that is bad', () => {
  const succeeded = aRelease({ number: 41, state: 'succeeded', endedAt: at('08:00'), mark: BAD })

  it('says so on its card, with who and why', () => {
    const words = draw(succeeded)
    expect(words).toContain(':warning: *Bad*')
    expect(words).toContain('**Tom** marked it as bad:\n> Logins *fail*')
  })

  it('says which rollback took it back', () => {
    const words = draw({ ...succeeded, mark: { ...BAD, rollback: 42 } })
    expect(words).toContain('Rolled back by #42')
    expect(words).toContain('rolled it back by #42:')
  })

  it('says nothing once it is good', () => {
    expect(draw({ ...succeeded, mark: { is: 'good', by: TOM, at: at('08:10') } })).not.toMatch(/\bBad\b|bad:/)
  })

  it('stands in history with its reason', () => {
    const drawn = privateMessage({ is: 'history', releases: [succeeded, aRollback()] }, { services: SERVICES })
    expect(messageProblems(drawn)).toEqual([])
    expect(read(drawn)).toMatchInlineSnapshot(`
      ""The last 2 releases: #41 has succeeded, #42 awaits sign-off."
      :white_check_mark: *Release #41* api production: succeeded, <!date^1795334400^{ago}|2026-11-22 08:00 UTC>
      5 commits and 2 migrations · requested by Dana
      :warning: Bad: Logins ∗fail∗ · Tom, <!date^1795334400^{ago}|2026-11-22 08:00 UTC>
      :raised_hand::rewind: *Rollback #42* api production: awaiting sign-off, <!date^1795335240^{ago}|2026-11-22 08:14 UTC>
      Back to #40 (1f03ae2) · requested by Dana"
    `)
  })

  it('can be marked and rolled back from Details, and taken back by a command', () => {
    const { mark: _mark, ...good } = succeeded
    expect(buttonsOfDetails(good)).toEqual(['roll back', 'mark bad'])
    expect(buttonsOfDetails(succeeded)).toEqual(['roll back'])
    expect(buttonsOfDetails(aRelease())).toEqual([])
    expect(buttonsOfDetails(aRelease({ state: 'failed' }))).toEqual([])
    const view = detailsModal(succeeded, {
      services: SERVICES,
      environment,
      metadata: 'context',
      tokens: { 'roll back': 'token' },
    })
    expect(viewProblems(view)).toEqual([])
    expect(view.private_metadata).toBe('context')
    expect(read(view)).toContain('[Roll back…]')
    expect(read(view)).toContain('`/deploy good 41`')
  })
})

it('shows in Details what goes away and which migrations stay', () => {
  const view = detailsModal(aRollback({}, { migrations: [ADDS, DROPS] }), { services: SERVICES, environment })
  expect(viewProblems(view)).toEqual([])
  expect(read(view)).toMatchInlineSnapshot(`
    "# ⏪ Rollback #42: api production
    *Back to #40*, <https://bitbucket.org/jurispect/jurispect_api/commits/1f03ae2000000000000000000000000000000000|1f03ae2> · Lin, <!date^1795327200^{date_short_pretty} at {time}|2026-11-22 06:00 UTC>
    Takes back #41, 5b8e6c0 · Tom, <!date^1795332600^{date_short_pretty} at {time}|2026-11-22 07:30 UTC>
    *3 commits go away*
    • [9f2c1ab](https://bitbucket.org/jurispect/jurispect_api/commits/9f2c1ab000000000000000000000000000000000) Add rate limits to the search endpoint · Marek
    • [41d7e03](https://bitbucket.org/jurispect/jurispect_api/commits/41d7e03000000000000000000000000000000000) Drop the unused saved_searches table · Priya
    • [c06be52](https://bitbucket.org/jurispect/jurispect_api/commits/c06be52000000000000000000000000000000000) Show jurisdiction names in alerts · Marek
    **Authors: **Marek, Priya
    *2 migrations since #40*, which stay applied
    • \`a41c9e2f\` index alerts by organisation · by #41 · adds
    • \`b7d20c31\` drop saved_searches · by #41 · destroys data
    drops table saved_searches
    **2 files** change back · [Compare](https://bitbucket.org/jurispect/jurispect_api/branches/compare/5b8e6c0000000000000000000000000000000000%0D1f03ae2000000000000000000000000000000000#diff)
    • api/search.py  +40 −3
    • api/alerts.py  +7 −7
    *Gates*, and the facts they checked
    • Remote: \`heroku-production\` has [5b8e6c0](https://bitbucket.org/jurispect/jurispect_api/commits/5b8e6c0000000000000000000000000000000000), runs [5b8e6c0](https://bitbucket.org/jurispect/jurispect_api/commits/5b8e6c0000000000000000000000000000000000)
    • Deploys: [1f03ae2](https://bitbucket.org/jurispect/jurispect_api/commits/1f03ae2000000000000000000000000000000000), tree \`7ee00000\`
    • Fingerprint: \`1109d4807d2151780269bda221a43e7aa6c0ea2264a8f560a62d08e7da83ef04\`
    *Steps*
    • **Push**: pending
    • **Confirm**: pending
    • **Record**: pending
    • **Report**: pending"
  `)
})

it('announces where it goes back to, what the old code may miss, and why', () => {
  const drawn = announcement(aRollback({ state: 'approved' }, { migrations: [DROPS] }), { environment })
  expect(messageProblems(drawn)).toEqual([])
  expect(read(drawn)).toMatchInlineSnapshot(`
    ""Rollback #42 is taking api production back to #40 now: 3 commits go away. The old code may not run on the current database: drops table saved_searches. Requested by Dana."
    :rewind: *Rollback #42 is taking api production back to #40 now*
    Back to #40 (1f03ae2), 3 commits go away
    :warning: *The old code may not run on the current database: drops table saved_searches*
    Requested by Dana
    Why:
    > Checkout answers 500 since #41, for <everyone>."
  `)
})

it('says that an emergency skips the approval, and no QA that nobody asks for', () => {
  const release = aRollback({ state: 'approved' })
  const { fingerprint = '' } = release
  const emergency = aSignOff('emergency', DANA, { fingerprint, note: 'Nobody can pay' })
  const drawn = announcement({ ...release, signOffs: [emergency] }, { environment })
  expect(drawn.text).toContain('back to #40 now, without approval:')
})

it('confirms in words of going back, and warns in red where the old code may not run', () => {
  expect(confirmStart(aRollback(), { label: 'Go' })).toMatchObject({
    text: { text: 'This takes api production back to #40 (1f03ae2) now: 3 commits go away.' },
  })
  expect(confirmStart(aRollback(), { label: 'Go' })).not.toHaveProperty('style')
  expect(confirmStart(aRollback({}, { migrations: [DROPS] }), { label: 'Go' })).toMatchObject({
    style: 'danger',
    text: { text: expect.stringContaining('drops table saved_searches') },
  })
})

it('asks its requester for Go where nobody signs', () => {
  const release = aRollback({}, { asksGo: true })
  const drawn = privateMessage({ is: 'go', number: 42 }, { services: SERVICES, release, goToken: 'token' })
  expect(messageProblems(drawn)).toEqual([])
  expect(read(drawn)).toMatchInlineSnapshot(`
    ""Rollback #42 of api production is planned and waits for your Go. Nothing was changed."
    *⏪ Rollback #42: api production*
    The rollback is planned and starts when you press *Go*. Nothing was changed.
    *Back to #40*, <https://bitbucket.org/jurispect/jurispect_api/commits/1f03ae2000000000000000000000000000000000|1f03ae2> · Lin, <!date^1795327200^{date_short_pretty} at {time}|2026-11-22 06:00 UTC>
    Takes back #41, 5b8e6c0 · Tom, <!date^1795332600^{date_short_pretty} at {time}|2026-11-22 07:30 UTC>
    *3 commits* by Marek, Priya go away
    • [9f2c1ab](https://bitbucket.org/jurispect/jurispect_api/commits/9f2c1ab000000000000000000000000000000000) Add rate limits to the search endpoint
    • [41d7e03](https://bitbucket.org/jurispect/jurispect_api/commits/41d7e03000000000000000000000000000000000) Drop the unused saved_searches table
    • [c06be52](https://bitbucket.org/jurispect/jurispect_api/commits/c06be52000000000000000000000000000000000) Show jurisdiction names in alerts
    ~ Live now: <https://bitbucket.org/jurispect/jurispect_api/commits/5b8e6c0000000000000000000000000000000000|5b8e6c0> · No migrations since #40 · Repository and database stay as they are
    Your reason:
    > Checkout answers 500 since #41, for <everyone>.
    [*Go (asks: This takes api production back to #40 (1f03ae2) now: 3 commits go away.)]
    ~ Only you see this · To cancel: \`/deploy cancel 42\` · Expires: <!date^1795421700^{date_short_pretty} at {time}|2026-11-23 08:15 UTC> · Plan: \`1109d480\`"
  `)
})

it('draws the thread’s lines', () => {
  const facts = { services: SERVICES, environment, owed: [] }
  const line = (...[told]: [Parameters<typeof threadLine>[0]]) => read(threadLine(told, aRollback(), facts))
  expect(line({ is: 'signed', kind: 'talked over', person: TOM, note: 'with Ben' })).toContain(
    'Tom confirmed that the rollback was discussed with the team.',
  )
  expect(line({ is: 'marked', mark: 'bad', person: TOM, reason: 'Logins fail' })).toMatchInlineSnapshot(`
    ""Tom marked this release as bad: nobody should go back to it. Logins fail"
    Tom marked this release as bad: nobody should go back to it.
    > Logins fail"
  `)
  expect(line({ is: 'marked', mark: 'bad', person: DANA, reason: 'Logins fail', rollback: 42 })).toContain('#42')
  expect(line({ is: 'marked', mark: 'good', person: TOM })).toContain('Tom')
})

describe('the modal', () => {
  const choice = (number: number, commit: string, title: string): RollbackChoice => ({
    number,
    commit: sha(commit),
    title,
    requester: LIN,
    authors: ['Marek'],
    at: at('06:00'),
  })
  const facts: RollbackModalFacts = {
    app: 'api',
    environment: 'production',
    undone: choice(41, '5b8e6c0', 'Drop the unused <saved_searches> table'),
    choices: [choice(40, '1f03ae2', 'Fix the time zone of weekly digests'), choice(38, 'c06be52', 'x'.repeat(300))],
    chosen: 40,
    metadata: 'context',
  }

  it('shows what runs, what can be gone back to, and locks unless the person says no', () => {
    const view = rollbackModal(facts)
    expect(viewProblems(view)).toEqual([])
    expect(read(view)).toMatchInlineSnapshot(`
      "*Roll back api production*
      Runs now: #41, 5b8e6c0 · Lin, <!date^1795327200^{date_short_pretty} at {time}|2026-11-22 06:00 UTC>
      Drop the unused &lt;saved_searches&gt; table
      To: [static_select]
      Reason: [plain_text_input] (Visible to everyone in the channel. #41 is marked as bad with this reason.)
      Lock afterwards: [checkboxes]
      ~ Signoff first makes a plan, which changes nothing: the commits that go away, and whether the old code can run on the current database. | A rollback leaves repository and database as they are."
    `)
    expect(JSON.stringify(view)).toContain('"initial_option":{"text":{"type":"plain_text","text":"#40 · 1f03ae2 ·')
    expect(JSON.stringify(view)).toContain('"initial_options":[')
    expect(view.private_metadata).toBe('context')
  })

  it('picks nothing where what runs is not ours, and keeps what was typed', () => {
    const { undone: _undone, chosen: _chosen, ...rest } = facts
    const view = rollbackModal({ ...rest, reason: 'It is “slow”, since noon' })
    expect(viewProblems(view)).toEqual([])
    expect(read(view)).toContain('was not deployed by Signoff, so pick the release')
    expect(JSON.stringify(view)).not.toContain('initial_option"')
    expect(JSON.stringify(view)).toContain('It is “slow”, since noon')
  })

  it('says which release it ends', () => {
    const view = rollbackModal({ ...facts, superseded: aRelease({ number: 43, requester: TOM }) })
    expect(read(view)).toContain('Release #43, requested by Tom, awaits sign-off. The rollback ends #43')
  })
})
