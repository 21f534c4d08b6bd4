import { describe, expect, it } from 'vitest'
import { owed } from '../../../src/release/policy.ts'
import type { Release } from '../../../src/release/release.ts'
import { buttonsOf } from '../../../src/slack/views/buttons.ts'
import { card } from '../../../src/slack/views/card.ts'
import type { CardFacts } from '../../../src/slack/views/state/state-view.ts'
import { messageProblems } from '../../support/block-kit-limits.ts'
import {
  aMigration,
  anEnvironment,
  anIntegration,
  aPlan,
  aRelease,
  aSignOff,
  at,
  DANA,
  LIN,
  MIGRATIONS,
  SERVICES,
  SIGNED,
  sha,
  stepsUpTo,
  TOM,
} from '../../support/builders.ts'
import { read } from './read.ts'

function factsOf(release: Release, overrides: Partial<CardFacts> = {}): CardFacts {
  const environment = overrides.environment ?? anEnvironment()
  const owing = overrides.owed ?? owed(environment, release)
  return {
    environment,
    tokens: Object.fromEntries(buttonsOf(release, owing).map((action) => [action, `token-${action}`])),
    services: SERVICES,
    progress: 'lines',
    owed: owing,
    previous: { number: 11, at: new Date('2026-11-19T08:15:00Z') },
    now: at('09:00'),
    groupIds: { '@release-approvers': 'S01REL' },
    mentionGroups: false,
    ...overrides,
  }
}

function draw(release: Release, overrides: Partial<CardFacts> = {}) {
  const drawn = card(release, factsOf(release, overrides))
  expect(messageProblems(drawn)).toEqual([])
  return read(drawn)
}

const RUN = { signOffs: SIGNED, attempt: 1, approvedAt: at('08:44'), startedAt: at('08:45:10') }

describe('a card that waits for people', () => {
  it('W7: says what the forge asks for beside the sign-offs, as last seen', () => {
    const plan = aPlan({ mergeRequirements: [{ needs: '2 approvals' }] })
    const lines = (release: Release) =>
      draw(release)
        .split('\n')
        .filter((line) => line.includes('at Bitbucket'))
    expect(lines(aRelease({ plan }))).toMatchInlineSnapshot(`
      [
        ""Release #12 of api to production awaits sign-off: needs QA and 1 approval. PR #418 also needs 2 approvals at Bitbucket. Dana requests 5 commits and 2 migrations (1 destroys data)."",
        ":lock: <https://bitbucket.org/jurispect/jurispect_api/pull-requests/418|PR #418> also needs 2 approvals at Bitbucket",
      ]
    `)
    const mergeRequirements = [
      { needs: '1 more approval' },
      { needs: '2 tasks completed' },
      { needs: 'this build to pass: <!channel> (failed)' },
      { needs: '1 approval', advisory: true as const },
      { needs: 'what the merge check require_commits_behind asks for', unsure: true as const },
    ]
    expect(lines(aRelease({ plan, mergeRequirements }))).toMatchInlineSnapshot(`
      [
        ""Release #12 of api to production awaits sign-off: needs QA and 1 approval. PR #418 also needs 1 more approval, 2 tasks completed and this build to pass: &lt;!channel&gt; (failed) at Bitbucket. PR #418 also needs 1 approval at Bitbucket, though Bitbucket may merge without it. PR #418 may also need what the merge check require_commits_behind asks for at Bitbucket. Dana requests 5 commits and 2 migrations (1 destroys data)."",
        ":lock: <https://bitbucket.org/jurispect/jurispect_api/pull-requests/418|PR #418> also needs 1 more approval, 2 tasks completed and this build to pass: &lt;!channel&gt; (failed) at Bitbucket",
        ":lock: <https://bitbucket.org/jurispect/jurispect_api/pull-requests/418|PR #418> also needs 1 approval at Bitbucket, though Bitbucket may merge without it",
        ":lock: <https://bitbucket.org/jurispect/jurispect_api/pull-requests/418|PR #418> may also need what the merge check require_commits_behind asks for at Bitbucket",
      ]
    `)
    expect(lines(aRelease({ plan, mergeRequirements: [] }))).toEqual([])
  })

  it('is short while it is being planned', () => {
    expect(draw(aRelease({ state: 'planning', plan: undefined }))).toMatchInlineSnapshot(`
      ""Release #12 of api to production, requested by Dana, is being planned."
      # Release #12: api → production
      :hourglass_flowing_sand: *Planning*: checking repository, remote and database. Nothing is changed  [Cancel (asks: Planning stops. Nothing has been changed so far.)]
      ~ Requested by Dana, <!date^1795335240^{date_short_pretty} at {time}|2026-11-22 08:14 UTC>"
    `)
  })

  it('says so when no worker is there to plan', () => {
    const release = aRelease({ state: 'planning', plan: undefined })
    expect(draw(release, { noWorker: { lastSeen: at('07:00').toISOString() } })).toContain(
      'No worker responds, so this release waits. Last seen: ',
    )
  })

  it('asks for QA and approval, and mentions the group once', () => {
    expect(draw(aRelease(), { mentionGroups: true })).toMatchInlineSnapshot(`
      ""Release #12 of api to production awaits sign-off: needs QA and 1 approval. Dana requests 5 commits and 2 migrations (1 destroys data)."
      # Release #12: api → production
      :raised_hand: *Awaiting sign-off*  [Cancel (asks: Its sign-offs become void. Nothing has been changed so far.)]
      Needs *QA* from any full member
      Needs *approval* from <!subteam^S01REL>, not Dana
      *5 commits* by Marek, Priya · <https://bitbucket.org/jurispect/jurispect_api/pull-requests/418|PR #418>  [Details]
      • [9f2c1ab](https://bitbucket.org/jurispect/jurispect_api/commits/9f2c1ab000000000000000000000000000000000) Add rate limits to the search endpoint
      • [41d7e03](https://bitbucket.org/jurispect/jurispect_api/commits/41d7e03000000000000000000000000000000000) Drop the unused saved_searches table
      • [c06be52](https://bitbucket.org/jurispect/jurispect_api/commits/c06be52000000000000000000000000000000000) Show jurisdiction names in alerts
      • [7ad90f4](https://bitbucket.org/jurispect/jurispect_api/commits/7ad90f4000000000000000000000000000000000) Fix the time zone of weekly digests
      • [e83b7d1](https://bitbucket.org/jurispect/jurispect_api/commits/e83b7d1000000000000000000000000000000000) Index alerts by organisation
      *2 migrations*, :warning: 1 destroys data
      • b7d20c31 drop saved_searches · **destroys data**
      • a41c9e2f index alerts by organisation · adds
      ~ Live now: <https://bitbucket.org/jurispect/jurispect_api/commits/5b8e6c0000000000000000000000000000000000|5b8e6c0>, #11, <!date^1795076100^{ago}|2026-11-19 08:15 UTC> · Merge: clean · Checks: 3 passed
      [QA passed] [*Approve] [Reject] [Must go out now…]
      ~ Requested by Dana, <!date^1795335240^{date_short_pretty} at {time}|2026-11-22 08:14 UTC> · Plan: \`e4b0b3b2\` · Expires: <!date^1795421700^{date_short_pretty} at {time}|2026-11-23 08:15 UTC>"
    `)
    expect(draw(aRelease())).not.toMatch(/<[@!](?!date)/)
  })

  it('asks before the click that leaves nothing owed', () => {
    const release = aRelease({ signOffs: [aSignOff('qa', LIN)] })
    expect(draw(release)).toMatchInlineSnapshot(`
      ""Release #12 of api to production awaits sign-off: has QA from Lin; needs 1 approval. Dana requests 5 commits and 2 migrations (1 destroys data)."
      # Release #12: api → production
      :raised_hand: *Awaiting sign-off*  [Cancel (asks: Its sign-offs become void. Nothing has been changed so far.)]
      Has QA from Lin, <!date^1795336200^{time}|2026-11-22 08:30 UTC>
      Needs *approval* from @release-approvers, not Dana
      *5 commits* by Marek, Priya · <https://bitbucket.org/jurispect/jurispect_api/pull-requests/418|PR #418>  [Details]
      • [9f2c1ab](https://bitbucket.org/jurispect/jurispect_api/commits/9f2c1ab000000000000000000000000000000000) Add rate limits to the search endpoint
      • [41d7e03](https://bitbucket.org/jurispect/jurispect_api/commits/41d7e03000000000000000000000000000000000) Drop the unused saved_searches table
      • [c06be52](https://bitbucket.org/jurispect/jurispect_api/commits/c06be52000000000000000000000000000000000) Show jurisdiction names in alerts
      • [7ad90f4](https://bitbucket.org/jurispect/jurispect_api/commits/7ad90f4000000000000000000000000000000000) Fix the time zone of weekly digests
      • [e83b7d1](https://bitbucket.org/jurispect/jurispect_api/commits/e83b7d1000000000000000000000000000000000) Index alerts by organisation
      *2 migrations*, :warning: 1 destroys data
      • b7d20c31 drop saved_searches · **destroys data**
      • a41c9e2f index alerts by organisation · adds
      ~ Live now: <https://bitbucket.org/jurispect/jurispect_api/commits/5b8e6c0000000000000000000000000000000000|5b8e6c0>, #11, <!date^1795076100^{ago}|2026-11-19 08:15 UTC> · Merge: clean · Checks: 3 passed
      [*Approve (asks: This starts #12 on production now. Destroys data: migration b7d20c31, drop saved_searches. 5 commits and 2 migrations go to api production. Migrations: 1 destroys data.)] [Reject] [Must go out now…]
      ~ Requested by Dana, <!date^1795335240^{date_short_pretty} at {time}|2026-11-22 08:14 UTC> · Plan: \`e4b0b3b2\` · Expires: <!date^1795421700^{date_short_pretty} at {time}|2026-11-23 08:15 UTC>"
    `)
  })

  it('asks on QA passed too, when that is the last', () => {
    const release = aRelease({ signOffs: [aSignOff('approval', TOM)] })
    expect(draw(release)).toContain('[*QA passed (asks: This starts #12 on production now.')
  })

  it('wants the migrations talked over first where that is owed', () => {
    const strict = anEnvironment({ migrations: [aMigration({ talkItOver: ['destroys'], approvers: ['U0DBADMIN'] })] })
    expect(draw(aRelease(), { environment: strict, names: { U0DBADMIN: 'Ada' } })).toMatchInlineSnapshot(`
      ""Release #12 of api to production awaits sign-off: needs a discussion with the team, QA and 1 approval. Dana requests 5 commits and 2 migrations (1 destroys data)."
      # Release #12: api → production
      :raised_hand: *Awaiting sign-off*  [Cancel (asks: Its sign-offs become void. Nothing has been changed so far.)]
      Needs *Talked over* from Ada
      Needs *QA* from any full member
      Needs *approval* from @release-approvers, not Dana
      *5 commits* by Marek, Priya · <https://bitbucket.org/jurispect/jurispect_api/pull-requests/418|PR #418>  [Details]
      • [9f2c1ab](https://bitbucket.org/jurispect/jurispect_api/commits/9f2c1ab000000000000000000000000000000000) Add rate limits to the search endpoint
      • [41d7e03](https://bitbucket.org/jurispect/jurispect_api/commits/41d7e03000000000000000000000000000000000) Drop the unused saved_searches table
      • [c06be52](https://bitbucket.org/jurispect/jurispect_api/commits/c06be52000000000000000000000000000000000) Show jurisdiction names in alerts
      • [7ad90f4](https://bitbucket.org/jurispect/jurispect_api/commits/7ad90f4000000000000000000000000000000000) Fix the time zone of weekly digests
      • [e83b7d1](https://bitbucket.org/jurispect/jurispect_api/commits/e83b7d1000000000000000000000000000000000) Index alerts by organisation
      *2 migrations*, :warning: 1 destroys data
      • b7d20c31 drop saved_searches · **destroys data**
      • a41c9e2f index alerts by organisation · adds
      ~ Live now: <https://bitbucket.org/jurispect/jurispect_api/commits/5b8e6c0000000000000000000000000000000000|5b8e6c0>, #11, <!date^1795076100^{ago}|2026-11-19 08:15 UTC> · Merge: clean · Checks: 3 passed
      [Talked over] [QA passed] [*Approve] [Reject] [Must go out now…]
      ~ Requested by Dana, <!date^1795335240^{date_short_pretty} at {time}|2026-11-22 08:14 UTC> · Plan: \`e4b0b3b2\` · Expires: <!date^1795421700^{date_short_pretty} at {time}|2026-11-23 08:15 UTC>"
    `)
  })

  it('offers to plan again what has come since, when the plan is pinned', () => {
    expect(draw(aRelease({ newerCommits: 2 }))).toContain(
      'master has 2 newer commits that are not in this release  [Plan again]',
    )
  })

  it('tells how many authors nobody knows', () => {
    expect(draw(aRelease(), { unmatchedAuthors: 1 })).toContain('1 of 2 authors has no match in Slack')
  })

  it('keeps a hot-fix’s reason in sight', () => {
    const plan = aPlan({
      bound: { kind: 'hotfix', result: { how: 'commit', commit: sha('ace'), tree: sha('7ee') } },
      migrations: [],
      commits: aPlan().commits.slice(0, 1),
      steps: ['pick', 'record', 'sync', 'verify', 'push', 'confirm', 'report'],
    })
    const { pullRequest: _none, ...picked } = plan
    expect(draw(aRelease({ kind: 'hotfix', plan: picked, reason: 'Digests go out at night.' }))).toMatchInlineSnapshot(`
      ""Hot-fix #12 of api to production awaits sign-off: needs QA and 1 approval. Dana requests 1 commit."
      # 🩹 Hot-fix #12: api → production
      :raised_hand: *Awaiting sign-off*  [Cancel (asks: Its sign-offs become void. Nothing has been changed so far.)]
      Needs *QA* from any full member
      Needs *approval* from @release-approvers, not Dana
      **Dana** says that this can’t wait for review:
      > Digests go out at night.
      *1 commit* by Marek, picked onto production  [Details]
      • [9f2c1ab](https://bitbucket.org/jurispect/jurispect_api/commits/9f2c1ab000000000000000000000000000000000) Add rate limits to the search endpoint
      ~ Live now: <https://bitbucket.org/jurispect/jurispect_api/commits/5b8e6c0000000000000000000000000000000000|5b8e6c0>, #11, <!date^1795076100^{ago}|2026-11-19 08:15 UTC> · No migrations · Checks: 3 passed
      [QA passed] [*Approve] [Reject] [Must go out now…]
      ~ Requested by Dana, <!date^1795335240^{date_short_pretty} at {time}|2026-11-22 08:14 UTC> · Plan: \`bda76e13\` · Expires: <!date^1795421700^{date_short_pretty} at {time}|2026-11-23 08:15 UTC>"
    `)
  })
})

describe('a card that goes on', () => {
  it('is approved, and waits for the channel to be told', () => {
    expect(
      draw(aRelease({ state: 'approved', signOffs: SIGNED, approvedAt: at('08:44'), attempt: 1 })),
    ).toMatchInlineSnapshot(`
      ""Release #12 of api to production is approved and about to run."
      # Release #12: api → production
      :hourglass_flowing_sand: *Approved*: checking everything once more before the announcement  [Cancel (asks: No further step starts. Nothing has been merged, migrated or pushed so far.)]
      5 commits · <https://bitbucket.org/jurispect/jurispect_api/pull-requests/418|PR #418> · 2 migrations, 1 destroys data  [Details]
      ~ Requested by Dana · QA by Lin · Approved by Tom · Plan: \`e4b0b3b2\`"
    `)
  })

  it('is announced, and waits for the worker', () => {
    const announcement = { channel: 'C02PROD', ts: '1.2' }
    expect(draw(aRelease({ state: 'approved', ...RUN, announcement }))).toContain('announced, waiting for the worker')
  })

  it('shows its steps in lines', () => {
    expect(draw(aRelease({ state: 'running', ...RUN, steps: stepsUpTo('migrate') }))).toMatchInlineSnapshot(`
      ""Release #12 of api to production is running: step 6 of 9, migrate."
      # Release #12: api → production
      :arrow_forward: *Running*, step 6 of 9: *migrate*  [Cancel (asks: No new step starts. Migrate is running: Signoff waits for its result and posts it in the thread. PR #418 stays merged.)]
      ~ Done: announce (1 s), record (1 s), merge (1 s), sync (1 s), verify (1 s)
      Now: *migrate*, since <!date^1795337110^{time}|2026-11-22 08:45 UTC>
      Next: push, confirm, report
      5 commits · <https://bitbucket.org/jurispect/jurispect_api/pull-requests/418|PR #418> · 2 migrations, 1 destroys data  [Details]
      ~ Requested by Dana · QA by Lin · Approved by Tom · Plan: \`e4b0b3b2\`"
    `)
  })

  it('between two steps names the one that comes, and what follows it, each once', () => {
    const steps = stepsUpTo('migrate').filter(({ name }) => name !== 'migrate')
    const card = draw(aRelease({ state: 'running', ...RUN, steps }))
    expect(card).toContain('Next: *migrate*\nThen: push, confirm, report\n')
  })

  it('shows its steps as a plan where the team wants it so', () => {
    const release = aRelease({ state: 'running', ...RUN, steps: stepsUpTo('migrate') })
    expect(draw(release, { progress: 'plan' })).toMatchInlineSnapshot(`
      ""Release #12 of api to production is running: step 6 of 9, migrate."
      # Release #12: api → production
      :arrow_forward: *Running*, step 6 of 9: *migrate*  [Cancel (asks: No new step starts. Migrate is running: Signoff waits for its result and posts it in the thread. PR #418 stays merged.)]
      (complete) Announce (1 s)
      (complete) Record (1 s)
      (complete) Merge (1 s)
      (complete) Sync (1 s)
      (complete) Verify (1 s)
      (in_progress) Migrate: running
      (pending) Push
      (pending) Confirm
      (pending) Report
      5 commits · <https://bitbucket.org/jurispect/jurispect_api/pull-requests/418|PR #418> · 2 migrations, 1 destroys data  [Details]
      ~ Requested by Dana · QA by Lin · Approved by Tom · Plan: \`e4b0b3b2\`"
    `)
  })

  it('says who cancelled, and offers no second Cancel', () => {
    const release = aRelease({ state: 'running', ...RUN, steps: stepsUpTo('migrate'), cancelRequestedBy: TOM })
    const card = draw(release)
    expect(card).toContain('Tom cancelled: no new step starts.')
    expect(card).not.toContain('[Cancel')
  })

  it('runs as an emergency with what is skipped in sight', () => {
    const emergency = aSignOff('emergency', DANA, { note: 'Login is down for every customer since 13:50.' })
    expect(
      draw(aRelease({ number: 13, state: 'running', ...RUN, signOffs: [emergency], steps: stepsUpTo('push') })),
    ).toMatchInlineSnapshot(`
      ""Emergency release #13 of api to production is running without QA and approval: step 7 of 9, push."
      # 🚨 Emergency #13: api → production
      :arrow_forward: *Running*, step 7 of 9: *push*  [Cancel (asks: No new step starts. Push is running: Signoff waits for its result and posts it in the thread. PR #418 stays merged.)]
      Skipped *QA*, still needed from any full member, not Dana
      Skipped *approval*, still needed from @release-approvers, not Dana
      **Dana** says that this must go out now:
      > Login is down for every customer since 13:50.
      ~ Done: announce (1 s), record (1 s), merge (1 s), sync (1 s), verify (1 s), migrate (1 s)
      Now: *push*, since <!date^1795337110^{time}|2026-11-22 08:45 UTC>
      Next: confirm, report
      5 commits · <https://bitbucket.org/jurispect/jurispect_api/pull-requests/418|PR #418> · 2 migrations applied  [Details]
      ~ Requested by Dana · Plan: \`e4b0b3b2\`"
    `)
  })

  it('says that it goes as an emergency, and without what', () => {
    const emergency = aSignOff('emergency', DANA, { note: 'Login is down for every customer.' })
    const card = draw(aRelease({ number: 13, state: 'approved', attempt: 1, signOffs: [emergency] }))
    expect(card).toContain('Emergency release #13 of api to production is about to run without QA and approval.')
    expect(card).toContain('*Approved*: as an emergency; checking everything once more')
  })

  it('has no sign-off buttons where the environment asks nobody', () => {
    const plan = aPlan({ bound: { environment: 'integration' }, migrations: [] })
    const { pullRequest: _none, ...own } = plan
    const release = aRelease({ environment: 'integration', state: 'running', plan: own, steps: stepsUpTo('push') })
    expect(draw(release, { environment: anIntegration() })).toMatchInlineSnapshot(`
      ""Release #12 of api to integration is running: step 7 of 9, push."
      # Release #12: api → integration
      :arrow_forward: *Running*, step 7 of 9: *push*  [Cancel (asks: No new step starts. Push is running: Signoff waits for its result and posts it in the thread.)]
      ~ Done: announce (1 s), record (1 s), merge (1 s), sync (1 s), verify (1 s), migrate (1 s)
      Now: *push*, since <!date^1795337110^{time}|2026-11-22 08:45 UTC>
      Next: confirm, report
      5 commits · no migrations  [Details]
      ~ Requested by Dana · Plan: \`1902faa1\`"
    `)
  })
})

describe('a card at its end', () => {
  const done = { ...RUN, steps: stepsUpTo('report', { state: 'done' }), endedAt: at('08:49:22') }

  it('succeeded', () => {
    expect(draw(aRelease({ state: 'succeeded', ...done }))).toMatchInlineSnapshot(`
      ""Release #12 succeeded: api production runs c0ffee1 (4 min 12 s). QA by Lin, approved by Tom, requested by Dana."
      # Release #12: api → production
      :white_check_mark: *Succeeded* in 4 min 12 s. Live now: <https://bitbucket.org/jurispect/jurispect_api/commits/c0ffee1000000000000000000000000000000000|c0ffee1>
      5 commits · <https://bitbucket.org/jurispect/jurispect_api/pull-requests/418|PR #418> · 2 migrations applied  [Details]
      ~ Requested by Dana · QA by Lin · Approved by Tom · Plan: \`e4b0b3b2\` · Ended: <!date^1795337362^{date_short_pretty} at {time}|2026-11-22 08:49 UTC>"
    `)
  })

  it('succeeded as an emergency, with what is still owed', () => {
    const emergency = aSignOff('emergency', DANA, { note: 'Login is down for every customer.' })
    const release = aRelease({ number: 13, state: 'succeeded', ...done, signOffs: [emergency] })
    expect(draw(release)).toMatchInlineSnapshot(`
      ""Emergency release #13 succeeded: api production runs c0ffee1 (4 min 12 s). Requested by Dana. Still needs QA and 1 approval."
      # 🚨 Emergency #13: api → production
      :white_check_mark: *Succeeded* in 4 min 12 s. Live now: <https://bitbucket.org/jurispect/jurispect_api/commits/c0ffee1000000000000000000000000000000000|c0ffee1>
      Still needs *QA* from any full member, not Dana
      Still needs *approval* from @release-approvers, not Dana
      **Dana** said that this must go out now:
      > Login is down for every customer.
      5 commits · <https://bitbucket.org/jurispect/jurispect_api/pull-requests/418|PR #418> · 2 migrations applied  [Details]
      [QA passed (asks: Emergency #13 is already deployed. Your sign-off completes the record and changes nothing on production.)] [*Approve (asks: Emergency #13 is already deployed. Your sign-off completes the record and changes nothing on production.)]
      ~ Requested by Dana · Plan: \`e4b0b3b2\` · Ended: <!date^1795337362^{date_short_pretty} at {time}|2026-11-22 08:49 UTC>"
    `)
  })

  it('W7: needs attention where the forge’s rules refused the merge, and expires', () => {
    const because = {
      gate: 'merge_refused',
      detail: 'Bitbucket answered 400: Merge checks have failed: at least 1 approvals.',
      byRules: true,
      pullRequest: 418,
    } as const
    const steps = stepsUpTo('merge', { state: 'failed', effect: 'none', endedAt: at('08:45:14') })
    const refused = { ...RUN, problem: { step: 'merge' as const, because }, steps }
    const mergeRequirements = [{ needs: '1 approval' }]
    expect(draw(aRelease({ state: 'needs attention', ...refused, mergeRequirements }))).toMatchInlineSnapshot(`
      ""Release #12 of api to production needs attention: Bitbucket refused the merge because its rules are not met. Nothing was merged, migrated or pushed: production still runs 5b8e6c0. Someone has to press Retry or Close."
      # Release #12: api → production
      :warning: *Needs attention*: stopped at merge, step 3 of 9
      **Bitbucket refused the merge because its rules are not met.**
      Nothing was merged, migrated or pushed: production still runs [5b8e6c0](https://bitbucket.org/jurispect/jurispect_api/commits/5b8e6c0000000000000000000000000000000000).
      \`\`\`
      Bitbucket answered 400: Merge checks have failed: at least 1 approvals.
      \`\`\`
      PR #418 stays open. Meet the rules at Bitbucket, then press **Retry**.
      :lock: <https://bitbucket.org/jurispect/jurispect_api/pull-requests/418|PR #418> still needs 1 approval at Bitbucket
      *Retry* merges it with the same plan and sign-offs.
      *Close* frees production and declines the pull request. Without either, the release expires after 24 h.
      [*Retry (asks: The run resumes at merge with the same plan and sign-offs. Signoff checks the current state first. Not repeated: announce, record.)] [Close]
      5 commits · <https://bitbucket.org/jurispect/jurispect_api/pull-requests/418|PR #418> · 2 migrations, 1 destroys data  [Details]
      ~ Requested by Dana · QA by Lin · Approved by Tom · Plan: \`e4b0b3b2\` · Gate: \`merge_refused\`"
    `)
    const expired = { gate: 'expired', number: 12, at: '2026-11-23T08:45:14Z' } as const
    const ended = { ...refused, problem: { because: expired }, endedAt: at('08:46') }
    expect(draw(aRelease({ state: 'expired', ...ended }))).toContain('refused by rules')
  })

  it('failed before anything was done', () => {
    const problem = { step: 'merge', because: { gate: 'merge_refused', detail: 'Needs 2 approvals' } } as const
    const steps = stepsUpTo('merge', { state: 'failed', effect: 'none', endedAt: at('08:45:14') })
    expect(draw(aRelease({ state: 'failed', ...RUN, problem, steps, endedAt: at('08:45:20') }))).toMatchInlineSnapshot(`
      ""Release #12 of api to production failed at merge: Bitbucket refused the merge. Nothing was merged, migrated or pushed: production still runs 5b8e6c0. Plan again to continue."
      # Release #12: api → production
      :x: *Failed at merge*, step 3 of 9
      **Bitbucket refused the merge.**
      Nothing was merged, migrated or pushed: production still runs [5b8e6c0](https://bitbucket.org/jurispect/jurispect_api/commits/5b8e6c0000000000000000000000000000000000).
      \`\`\`
      Needs 2 approvals
      \`\`\`
      Check the pull request for branch rules, missing approvals or failed builds.
      *Plan again* makes a new release once the cause is fixed.
      [*Plan again]
      5 commits · <https://bitbucket.org/jurispect/jurispect_api/pull-requests/418|PR #418> · 2 migrations, 1 destroys data  [Details]
      ~ Requested by Dana · QA by Lin · Approved by Tom · Plan: \`e4b0b3b2\` · Gate: \`merge_refused\` · Ended: <!date^1795337120^{date_short_pretty} at {time}|2026-11-22 08:45 UTC>"
    `)
  })

  it('failed, and was planned again', () => {
    const card = draw(aRelease({ state: 'failed', replacedBy: 13, endedAt: at('09:00') }), {
      link: (number) => `https://jurispect.slack.com/archives/C02PROD/p${number}`,
    })
    expect(card).toContain('Replaced by <https://jurispect.slack.com/archives/C02PROD/p13|#13>.')
    expect(card).not.toContain('[*Plan again')
  })

  it('needs attention after a migration that failed half-way', () => {
    const problem = {
      step: 'migrate',
      because: {
        gate: 'migration_failed',
        revision: MIGRATIONS[1]?.revision ?? '',
        database: ['a41c9e2f5b60'],
        applied: ['a41c9e2f5b60'],
        pending: ['b7d20c31aa04'],
        line: 'canceling statement due to lock timeout',
        output: ['one', 'two'],
      },
    } as const
    const steps = stepsUpTo('migrate', { state: 'failed', effect: 'some', endedAt: at('08:45:30') })
    expect(draw(aRelease({ state: 'needs attention', ...RUN, problem, steps }))).toMatchInlineSnapshot(`
      ""Release #12 of api to production needs attention: revision b7d20c31 failed. PR #418 is merged as c0ffee1. Database: at a41c9e2f, 1 of 2 migrations applied. Not pushed: production still runs 5b8e6c0. Someone has to press Retry or Close."
      # Release #12: api → production
      :warning: *Needs attention*: stopped at migrate, step 6 of 9
      **Revision b7d20c31 failed.**
      PR #418 is merged as [c0ffee1](https://bitbucket.org/jurispect/jurispect_api/commits/c0ffee1000000000000000000000000000000000).
      Database: at a41c9e2f, 1 of 2 migrations applied.
      Not pushed: production still runs [5b8e6c0](https://bitbucket.org/jurispect/jurispect_api/commits/5b8e6c0000000000000000000000000000000000).
      • Applied: a41c9e2f
      • Not applied: b7d20c31
      • Pushed: nothing
      \`\`\`
      canceling statement due to lock timeout
      \`\`\`
      ~ The last lines of the output are in the thread
      A fix in the code needs a new plan.
      Fix the cause, then *Retry* to resume at migrate with the same plan and sign-offs.
      *Close* frees production and leaves everything as it is.
      [*Retry (asks: The run resumes at migrate with the same plan and sign-offs. Signoff checks the current state first. Not repeated: announce, record, merge, sync, verify.)] [Close]
      5 commits · <https://bitbucket.org/jurispect/jurispect_api/pull-requests/418|PR #418> · 2 migrations, 1 destroys data  [Details]
      ~ Requested by Dana · QA by Lin · Approved by Tom · Plan: \`e4b0b3b2\` · Gate: \`migration_failed\`"
    `)
  })

  it('needs attention when nobody knows whether the push arrived', () => {
    const problem = {
      step: 'push',
      because: { gate: 'push_unknown', remote: 'heroku-production', commit: sha('c0ffee1') },
    } as const
    const steps = stepsUpTo('push', { state: 'unknown', effect: 'unknown', endedAt: at('08:45:30') })
    expect(draw(aRelease({ state: 'needs attention', ...RUN, problem, steps }))).toMatchInlineSnapshot(`
      ""Release #12 of api to production needs attention: did the push arrive? Not known: whether heroku-production has c0ffee1. Someone has to check, then press Retry or Close."
      # Release #12: api → production
      :warning: *Needs attention*: did the push arrive?
      **The push was interrupted, and heroku-production does not show it.**
      • **Known: **PR #418 is merged as [c0ffee1](https://bitbucket.org/jurispect/jurispect_api/commits/c0ffee1000000000000000000000000000000000).
      • **Known: **Database: 2 of 2 migrations applied.
      • **Not known: **whether heroku-production has c0ffee1
      • **To check: **\`git ls-remote heroku-production\`
      *Retry* checks first, and does only what is not done yet.
      *Close* ends the release: use it when you know the state of production.
      [*Retry (asks: Signoff checks heroku-production first. If c0ffee1 is there, the run continues with confirm. If not, it pushes once.)] [Close]
      5 commits · <https://bitbucket.org/jurispect/jurispect_api/pull-requests/418|PR #418> · 2 migrations applied  [Details]
      ~ Requested by Dana · QA by Lin · Approved by Tom · Plan: \`e4b0b3b2\` · Gate: \`push_unknown\`"
    `)
  })

  it('refused at planning', () => {
    const problem = {
      because: { gate: 'merge_conflict', source: 'master', target: 'production', files: ['api/search.py'] },
    } as const
    expect(draw(aRelease({ state: 'refused', plan: undefined, problem, endedAt: at('08:16') }))).toMatchInlineSnapshot(`
      ""Release #12 of api to production was refused: master does not merge into production (1 file conflicts). Nothing was changed."
      # Release #12: api → production
      :no_entry_sign: *Refused*: master does not merge into production (1 file conflicts)
      • \`api/search.py\`
      Merge production into master, resolve the conflicts, push, then try again.
      Nothing was changed.
      [*Plan again]
      ~ Requested by Dana · Gate: \`merge_conflict\` · Ended: <!date^1795335360^{date_short_pretty} at {time}|2026-11-22 08:16 UTC>"
    `)
  })

  it('outdated', () => {
    const problem = {
      because: { gate: 'plan_outdated', moved: [{ what: 'master', from: sha('9f2c1ab'), to: sha('d00d1e5') }] },
    } as const
    const release = aRelease({ state: 'outdated', signOffs: [aSignOff('qa', LIN)], problem, endedAt: at('08:50') })
    expect(draw(release)).toMatchInlineSnapshot(`
      ""Release #12 of api to production is outdated: master changed since the plan was made, so its sign-offs are void. Nothing was merged, migrated or pushed: production still runs 5b8e6c0. Plan again to continue."
      # Release #12: api → production
      :repeat: *Outdated*: master changed since the plan was made
      • master: 9f2c1ab → d00d1e5
      **Plan again** makes a new release from the current state.
      Void: QA by Lin.
      Nothing was merged, migrated or pushed: production still runs [5b8e6c0](https://bitbucket.org/jurispect/jurispect_api/commits/5b8e6c0000000000000000000000000000000000).
      [*Plan again]
      5 commits · <https://bitbucket.org/jurispect/jurispect_api/pull-requests/418|PR #418> · 2 migrations, 1 destroys data  [Details]
      ~ Requested by Dana · QA by Lin · Plan: \`e4b0b3b2\` · Gate: \`plan_outdated\` · Ended: <!date^1795337400^{date_short_pretty} at {time}|2026-11-22 08:50 UTC>"
    `)
  })

  it('rejected', () => {
    const note = 'The drop of saved_searches is not talked over yet.'
    const release = aRelease({ state: 'rejected', endedBy: TOM, endReason: note, endedAt: at('08:50') })
    expect(draw(release)).toMatchInlineSnapshot(`
      ""Release #12 of api to production was rejected by Tom. The reason is on the card. Nothing was merged, migrated or pushed: production still runs 5b8e6c0."
      # Release #12: api → production
      :no_entry_sign: *Rejected* by Tom
      > The drop of saved_searches is not talked over yet.
      Nothing was merged, migrated or pushed: production still runs [5b8e6c0](https://bitbucket.org/jurispect/jurispect_api/commits/5b8e6c0000000000000000000000000000000000).
      5 commits · <https://bitbucket.org/jurispect/jurispect_api/pull-requests/418|PR #418> · 2 migrations, 1 destroys data  [Details]
      ~ Requested by Dana · Plan: \`e4b0b3b2\` · Ended: <!date^1795337400^{date_short_pretty} at {time}|2026-11-22 08:50 UTC>"
    `)
  })

  it('cancelled', () => {
    expect(draw(aRelease({ state: 'cancelled', endedBy: DANA, endedAt: at('08:50') }))).toMatchInlineSnapshot(`
      ""Release #12 of api to production was cancelled by Dana. Nothing was merged, migrated or pushed: production still runs 5b8e6c0."
      # Release #12: api → production
      :black_square_for_stop: *Cancelled* by Dana
      Nothing was merged, migrated or pushed: production still runs [5b8e6c0](https://bitbucket.org/jurispect/jurispect_api/commits/5b8e6c0000000000000000000000000000000000).
      5 commits · <https://bitbucket.org/jurispect/jurispect_api/pull-requests/418|PR #418> · 2 migrations, 1 destroys data  [Details]
      ~ Requested by Dana · Plan: \`e4b0b3b2\` · Ended: <!date^1795337400^{date_short_pretty} at {time}|2026-11-22 08:50 UTC>"
    `)
  })

  it('cancelled after the merge: what is done is told', () => {
    const steps = stepsUpTo('verify', { state: 'done' })
    const card = draw(aRelease({ state: 'cancelled', ...RUN, endedBy: DANA, steps, endedAt: at('08:50') }))
    expect(card).toContain('PR #418 is merged as')
    expect(card).not.toContain('Nothing was')
  })

  it('expired', () => {
    expect(draw(aRelease({ state: 'expired', endedAt: at('08:50') }))).toMatchInlineSnapshot(`
      ""Release #12 of api to production expired: QA and 1 approval were not given within 24 h. Nothing was merged, migrated or pushed: production still runs 5b8e6c0. Plan again to continue."
      # Release #12: api → production
      :alarm_clock: *Expired*: QA and 1 approval were not given within 24 h
      Nothing was merged, migrated or pushed: production still runs [5b8e6c0](https://bitbucket.org/jurispect/jurispect_api/commits/5b8e6c0000000000000000000000000000000000).
      [*Plan again]
      5 commits · <https://bitbucket.org/jurispect/jurispect_api/pull-requests/418|PR #418> · 2 migrations, 1 destroys data  [Details]
      ~ Requested by Dana · Plan: \`e4b0b3b2\` · Ended: <!date^1795337400^{date_short_pretty} at {time}|2026-11-22 08:50 UTC>"
    `)
  })

  it('closed', () => {
    const steps = stepsUpTo('push', { state: 'unknown', effect: 'unknown' })
    const release = aRelease({
      state: 'closed',
      ...RUN,
      steps,
      endedBy: TOM,
      endReason: 'Looked by hand: it never arrived.',
      endedAt: at('09:30'),
    })
    expect(draw(release)).toMatchInlineSnapshot(`
      ""Release #12 of api to production was closed by Tom. The reason is on the card. PR #418 is merged as c0ffee1. Database: 2 of 2 migrations applied. Not known: whether heroku-production has c0ffee1."
      # Release #12: api → production
      :black_square_for_stop: *Closed* by Tom
      > Looked by hand: it never arrived.
      PR #418 is merged as [c0ffee1](https://bitbucket.org/jurispect/jurispect_api/commits/c0ffee1000000000000000000000000000000000).
      Database: 2 of 2 migrations applied.
      Not known: whether heroku-production has [c0ffee1](https://bitbucket.org/jurispect/jurispect_api/commits/c0ffee1000000000000000000000000000000000).
      5 commits · <https://bitbucket.org/jurispect/jurispect_api/pull-requests/418|PR #418> · 2 migrations applied  [Details]
      ~ Requested by Dana · QA by Lin · Approved by Tom · Plan: \`e4b0b3b2\` · Ended: <!date^1795339800^{date_short_pretty} at {time}|2026-11-22 09:30 UTC>"
    `)
  })
})
