import { describe, expect, it } from 'vitest'
import type { EnvironmentStatus, PrivateMessage } from '../../../src/release/messages.ts'
import { privateMessage } from '../../../src/slack/views/private/index.ts'
import type { PrivateFacts } from '../../../src/slack/views/private/private-facts.ts'
import { messageProblems } from '../../support/block-kit-limits.ts'
import {
  anEnvironment,
  aPlan,
  aRelease,
  aSignOff,
  at,
  DANA,
  SERVICES,
  SIGNED,
  sha,
  stepsUpTo,
} from '../../support/builders.ts'
import { read } from './read.ts'

function say(message: PrivateMessage, facts: Omit<PrivateFacts, 'services'> = {}): string {
  const drawn = privateMessage(message, { services: SERVICES, ...facts })
  expect(messageProblems(drawn)).toEqual([])
  return read(drawn)
}

const link = (number: number) => `https://jurispect.slack.com/archives/C02PROD/p${number}`

describe('what one person reads', () => {
  it('says that it is being planned, and whether somebody is there to do it', () => {
    const message = { is: 'planning', number: 12, app: 'api', environment: 'production' } as const
    expect(say(message)).toContain('Release #12 of api to production is being planned.')
    expect(say({ ...message, noWorker: { lastSeen: '2026-11-22T08:15:00Z' } })).toMatchInlineSnapshot(`
      ""Release #12 of api to production is being planned. No worker responds, so the release waits for one for up to 10 minutes. A worker was last seen on 2026-11-22 08:15 UTC."
      Release #12 of api to production is being planned.
      :warning: No worker responds, so the release waits for one for up to 10 minutes. A worker was last seen on 2026-11-22 08:15 UTC."
    `)
  })

  it('shows a plan before anybody is asked', () => {
    expect(say({ is: 'preview', app: 'api', environment: 'production', plan: aPlan() })).toMatchInlineSnapshot(`
      ""A release of api to production would deploy 5 commits and 2 migrations. Nothing was changed."
      *Preview: api production.* No release was requested, and nothing was changed.
      *5 commits* by Marek, Priya · <https://bitbucket.org/jurispect/jurispect_api/pull-requests/418|PR #418>
      • [9f2c1ab](https://bitbucket.org/jurispect/jurispect_api/commits/9f2c1ab000000000000000000000000000000000) Add rate limits to the search endpoint
      • [41d7e03](https://bitbucket.org/jurispect/jurispect_api/commits/41d7e03000000000000000000000000000000000) Drop the unused saved_searches table
      • [c06be52](https://bitbucket.org/jurispect/jurispect_api/commits/c06be52000000000000000000000000000000000) Show jurisdiction names in alerts
      • [7ad90f4](https://bitbucket.org/jurispect/jurispect_api/commits/7ad90f4000000000000000000000000000000000) Fix the time zone of weekly digests
      • [e83b7d1](https://bitbucket.org/jurispect/jurispect_api/commits/e83b7d1000000000000000000000000000000000) Index alerts by organisation
      *2 migrations*, :warning: 1 destroys data
      • b7d20c31 drop saved_searches · **destroys data**
      • a41c9e2f index alerts by organisation · adds
      ~ Live now: <https://bitbucket.org/jurispect/jurispect_api/commits/5b8e6c0000000000000000000000000000000000|5b8e6c0> · Merge: clean · Checks: 3 passed
      ~ Database at 5f19ab44c1d2 · Steps: record, merge, sync, verify, migrate, push, confirm, report
      To request it: \`/deploy api production\`"
    `)
  })

  it('says why a release ended before it had a card', () => {
    const problem = { because: { gate: 'branch_missing', branch: 'production' } } as const
    const release = aRelease({ state: 'refused', plan: undefined, problem })
    expect(say({ is: 'ended', number: 12 }, { release, environment: anEnvironment() })).toMatchInlineSnapshot(`
      ""Release #12 of api to production was refused: the repository has no branch production. Nothing was changed."
      *Release #12: api → production*
      :no_entry_sign: **Can’t deploy: the repository has no branch production.** Nothing was changed.
      Push the branch, or correct \`branch\` in \`releases.yml\`.
      ~ Gate: \`branch_missing\`"
    `)
    const cancelled = aRelease({ state: 'cancelled', plan: undefined, endedBy: DANA })
    expect(say({ is: 'ended', number: 12 }, { release: cancelled, environment: anEnvironment() })).toContain(
      'Release #12 of api to production was cancelled by Dana. Nothing was changed.',
    )
  })

  it('says what is done', () => {
    expect(say({ is: 'done', text: '#12 goes on.' })).toBe('"#12 goes on."\n#12 goes on.')
  })

  it('helps, and says first why it could not be understood', () => {
    expect(say({ is: 'help' })).toMatchInlineSnapshot(`
      ""Signoff knows these commands: /deploy, /deploy [app] [to] &lt;environment&gt;, /deploy [app] [to] &lt;environment&gt; at &lt;time&gt;, /deploy preview [app] &lt;environment&gt;, /deploy status, /deploy history [app] [environment] [number], /deploy cancel &lt;number&gt;, /deploy retry &lt;number&gt;, /deploy lock [app] &lt;environment&gt; [for 2h | until 18:00] [because &lt;why&gt;], /deploy lock, /deploy unlock [app] &lt;environment&gt;, /deploy rollback [app] [to] &lt;environment&gt; [to #&lt;number&gt;], /deploy bad &lt;number&gt; [because &lt;why&gt;], /deploy good &lt;number&gt;, /deploy report [app] [environment] [7d | 30d | 90d], /hotfix &lt;commit&gt; [&lt;commit&gt;…] [to] [app] &lt;environment&gt;, /deploy help."
      **What you can type**
      \`/deploy\`  opens a dialog to pick app and environment
      \`/deploy [app] [to] <environment>\`  requests a release
      \`/deploy [app] [to] <environment> at <time>\`  plans it now and starts it then: at 18:00, at Mon 08:00
      \`/deploy preview [app] <environment>\`  shows the plan only to you, and changes nothing
      \`/deploy status\`  shows what runs where, and what is in progress
      \`/deploy history [app] [environment] [number]\`  lists the last releases, or those before a number
      \`/deploy cancel <number>\`  stops a release: no new step starts
      \`/deploy retry <number>\`  resumes a release that needs attention
      \`/deploy lock [app] <environment> [for 2h | until 18:00] [because <why>]\`  keeps others from releasing there
      \`/deploy lock\`  lists the locks; \`lock all\` stops everybody
      \`/deploy unlock [app] <environment>\`  ends a lock; \`unlock all\` ends that over everything
      \`/deploy rollback [app] [to] <environment> [to #<number>]\`  goes back to what ran before, or to a release
      \`/deploy bad <number> [because <why>]\`  marks a release that no rollback should go back to
      \`/deploy good <number>\`  takes that mark back
      \`/deploy report [app] [environment] [7d | 30d | 90d]\`  shows delivery figures, only to you until you share them
      \`/hotfix <commit> [<commit>…] [to] [app] <environment>\`  releases commits that can’t wait for review
      \`/deploy help\`  shows this list
      ~ Parts in [ ] are optional; the app only if there is just one. The environment is never assumed."
    `)
    expect(say({ is: 'help', reason: '“*prod <!channel>*” is not understood.' })).toContain(
      '\n“*prod <!channel>*” is not understood. Nothing was changed.\n',
    )
  })

  it('tells what runs where', () => {
    const environments = [
      {
        app: 'api',
        environment: 'integration',
        live: {
          is: 'proven' as const,
          commit: sha('e83b7d1'),
          number: 10,
          at: '2026-11-22T06:15:00Z',
          webUrl: 'https://bitbucket.org/a/b',
        },
      },
      { app: 'api', environment: 'production', under_way: aRelease() },
    ]
    const live = (known: EnvironmentStatus['live']) =>
      say({ is: 'status', environments: [{ app: 'api', environment: 'production', ...(known && { live: known }) }] })
    const webUrl = 'https://bitbucket.org/a/b'
    expect(live({ is: 'not known', number: 14, state: 'closed', since: 'its push' })).toContain(
      'Live: :warning: unknown. #14 was closed: its push had started, and the live commit was not confirmed',
    )
    expect(live({ is: 'not known', number: 14, state: 'outdated', since: 'the remote moved' })).toContain(
      '#14 is outdated: the remote had moved',
    )
    const seen = { is: 'seen', number: 14, at: '2026-11-22T06:15:00Z', webUrl } as const
    expect(live({ ...seen, commit: sha('e83b7d1') })).toContain(
      '|e83b7d1>, not deployed by Signoff, seen by #14, <!date',
    )
    expect(live({ ...seen, commit: null })).toContain('Live: nothing, not deployed by Signoff, seen by #14')
    const held = { ...seen, is: 'held', holds: sha('c0ffee1'), commit: sha('5b8e6c0') } as const
    expect(live(held).replaceAll(/<https[^|]*\|/g, '<')).toMatchInlineSnapshot(`
      ""api production still runs 5b8e6c0 because the release phase of c0ffee1 failed in #14, and is idle."
      *api production* · idle
      Live: <5b8e6c0>, as before #14 · :warning: The remote has <c0ffee1> but does not run it: its release phase failed, <!date^1795328100^{ago}|2026-11-22 06:15 UTC>
      ~ :warning: No worker has been seen yet"
    `)
    expect(live({ ...held, commit: null })).toContain('still runs nothing because the release phase of c0ffee1 failed')
    const message = { is: 'status', environments, workerSeenAt: '2026-11-22T08:15:00Z' } as const
    expect(say(message, { link })).toMatchInlineSnapshot(`
      ""api integration runs e83b7d1 and is idle. api production has not been deployed by Signoff yet and release #12 awaits sign-off."
      *api integration* · idle
      Live: <https://bitbucket.org/a/b/commits/e83b7d1000000000000000000000000000000000|e83b7d1>, #10, <!date^1795328100^{ago}|2026-11-22 06:15 UTC>
      *api production* · :raised_hand: awaiting sign-off
      Live: unknown (not deployed by Signoff yet)
      <https://jurispect.slack.com/archives/C02PROD/p12|Release #12>, requested by Dana: 5 commits and 2 migrations
      ~ Worker last seen: <!date^1795335300^{ago}|2026-11-22 08:15 UTC>"
    `)
  })

  it('tells the last ten releases, and where the others are', () => {
    const done = { signOffs: SIGNED, steps: stepsUpTo('report', { state: 'done' }), endedAt: at('08:49') }
    const releases = [
      aRelease({ number: 12 }),
      aRelease({ number: 11, state: 'succeeded', ...done }),
      aRelease({ number: 9, state: 'succeeded', ...done, signOffs: [aSignOff('emergency', DANA)] }),
      aRelease({ number: 8, state: 'failed', startedAt: at('08:40'), steps: stepsUpTo('push', { state: 'failed' }) }),
      aRelease({ number: 7, kind: 'hotfix', state: 'succeeded', ...done }),
    ]
    expect(say({ is: 'history', releases }, { link })).toMatchInlineSnapshot(`
      ""The last 5 releases: #12 awaits sign-off, #11 has succeeded, #9 has succeeded, #8 has failed, #7 has succeeded."
      :raised_hand: *<https://jurispect.slack.com/archives/C02PROD/p12|Release #12>* api production: awaiting sign-off, <!date^1795335240^{ago}|2026-11-22 08:14 UTC>
      5 commits and 2 migrations · requested by Dana
      :white_check_mark: *<https://jurispect.slack.com/archives/C02PROD/p11|Release #11>* api production: succeeded, <!date^1795337340^{ago}|2026-11-22 08:49 UTC>
      5 commits and 2 migrations · requested by Dana · QA by Lin · approved by Tom
      :white_check_mark::rotating_light: *<https://jurispect.slack.com/archives/C02PROD/p9|Emergency #9>* api production: succeeded, <!date^1795337340^{ago}|2026-11-22 08:49 UTC>
      5 commits and 2 migrations · requested by Dana
      :x: *<https://jurispect.slack.com/archives/C02PROD/p8|Release #8>* api production: failed at push, <!date^1795335240^{ago}|2026-11-22 08:14 UTC>
      5 commits and 2 migrations · requested by Dana
      :white_check_mark::adhesive_bandage: *<https://jurispect.slack.com/archives/C02PROD/p7|Hot-fix #7>* api production: succeeded, <!date^1795337340^{ago}|2026-11-22 08:49 UTC>
      5 commits and 2 migrations · requested by Dana · QA by Lin · approved by Tom"
    `)
    const many = Array.from({ length: 14 }, (_, index) => aRelease({ number: 40 - index }))
    expect(say({ is: 'history', releases: many })).toContain('~ 30 older: `/deploy history 31`')
    const some = say({ is: 'history', releases: many, app: 'api', environment: 'production', before: 41 })
    expect(some).toContain('"10 releases before #41: #40')
    expect(some).toContain('~ Older releases: `/deploy history api production 31`')
    expect(say({ is: 'history', releases: [], before: 3 })).toContain('There are no releases older than #3.')
    expect(say({ is: 'history', releases: [] })).toContain('There are no releases yet.')
  })
})
