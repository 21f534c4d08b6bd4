import { describe, expect, it } from 'vitest'
import type { ThreadLine } from '../../../src/release/messages.ts'
import type { Owed } from '../../../src/release/policy.ts'
import { announcement } from '../../../src/slack/views/announcement.ts'
import { threadLine } from '../../../src/slack/views/thread.ts'
import { messageProblems } from '../../support/block-kit-limits.ts'
import {
  anEnvironment,
  aPlan,
  aRelease,
  aSignOff,
  at,
  DANA,
  LIN,
  SERVICES,
  SIGNED,
  sha,
  stepsUpTo,
  TOM,
} from '../../support/builders.ts'
import { read } from './read.ts'

const environment = anEnvironment()

function say(line: ThreadLine, release = aRelease()): string {
  const drawn = threadLine(line, release, { services: SERVICES, environment, owed: [], names: { [TOM.id]: 'Tom' } })
  expect(messageProblems(drawn)).toEqual([])
  return read(drawn)
}

describe('the thread', () => {
  it.each<[ThreadLine, string]>([
    [{ is: 'signed', kind: 'qa', person: LIN }, '"QA passed by Lin."'],
    [{ is: 'signed', kind: 'approval', person: TOM }, '"Tom approved."'],
    [
      { is: 'step ended', step: 'merge', said: 'Merged PR #418 as c0ffee1', ms: 4000 },
      '"Merged PR #418 as c0ffee1 (4 s)."',
    ],
    [{ is: 'step ended', step: 'merge', said: 'Merged PR #418.', ms: 4000 }, '"Merged PR #418 (4 s)."'],
    [{ is: 'waiting', what: 'another run holds the environment' }, '"Waiting: another run holds the environment."'],
    [
      {
        is: 'reminder',
        since: 'card',
        owed: [
          { kind: 'qa', count: 1, by: ['@qa', TOM.id] },
          { kind: 'approval', count: 2, by: ['U0NOBODY', 'U0ELSE'] },
        ],
      },
      '"Release #12 has waited 4 hours without a sign-off. Needs QA from @qa or Tom, 2 approvals from 2 people named in releases.yml. Sign off on the card. Expires on 2026-11-23 08:15 UTC."\nRelease #12 has waited 4 hours without a sign-off. Needs QA from @qa or <@U04TOM>, 2 approvals from <@U0NOBODY> or <@U0ELSE>. Sign off on the card. Expires on 2026-11-23 08:15 UTC.',
    ],
    [{ is: 'cancel asked', person: TOM }, '"Tom cancelled. No further step starts."'],
    [
      { is: 'cancel asked', person: TOM, during: 'migrate' },
      '"Tom cancelled. No new step starts. Signoff waits for the result of migrate and posts it here."',
    ],
    [{ is: 'retried', person: TOM }, '"Tom pressed Retry. The run resumes after checking the current state."'],
    [{ is: 'interrupted', step: 'push', found: 'there' }, '"The worker was interrupted; the push had arrived."'],
    [
      { is: 'interrupted', step: 'push', found: 'absent' },
      '"The worker was interrupted; the push had not arrived, so it is made again."',
    ],
    [
      { is: 'interrupted', step: 'migrate', found: 'there' },
      '"The worker was interrupted; the migrations were already applied."',
    ],
    [
      { is: 'interrupted', step: 'merge', found: 'there' },
      '"The worker was interrupted; the pull request was already merged."',
    ],
    [{ is: 'interrupted', step: 'verify', found: 'absent' }, '"The worker was interrupted; verify is done again."'],
    [{ is: 'note', text: 'Merged by hand.' }, '"Merged by hand."'],
  ])('says %j', (line, said) => {
    expect(say(line)).toBe(said)
  })

  it('asks again for what an emergency has left owed', () => {
    const emergency = aRelease({ state: 'succeeded', signOffs: [aSignOff('emergency', DANA)] })
    const owed: readonly Owed[] = [{ kind: 'qa', count: 1, by: 'every full member' }]
    expect(say({ is: 'reminder', since: 'emergency', owed }, emergency)).toBe(
      '"Emergency release #12 was deployed a day ago and still needs QA from any full member. Sign off on the card."',
    )
  })

  it('quotes what people wrote', () => {
    expect(say({ is: 'signed', kind: 'rejection', person: TOM, note: 'Not *yet* <!channel>' })).toBe(
      '"Tom rejected the release. Not ∗yet∗ &lt;!channel&gt;"\nTom rejected the release.\n> Not *yet* <!channel>',
    )
    expect(say({ is: 'closed', person: TOM, reason: 'It never arrived.' })).toContain('> It never arrived.')
  })
})

describe('the outcome', () => {
  const RUN = { signOffs: SIGNED, attempt: 1, approvedAt: at('08:44'), startedAt: at('08:45:10') }
  const line: ThreadLine = { is: 'outcome', events: 19, head: '4be109c277aa0123456789' }

  it('goes to the channel too, and mentions only who asked', () => {
    const release = aRelease({
      state: 'succeeded',
      ...RUN,
      steps: stepsUpTo('report', { state: 'done' }),
      endedAt: at('08:49:22'),
    })
    expect(threadLine(line, release, { services: SERVICES, environment, owed: [] }).broadcast).toBe(true)
    expect(say(line, release)).toMatchInlineSnapshot(`
      ""Release #12 succeeded: api production runs c0ffee1 (4 min 12 s). QA by Lin, approved by Tom, requested by Dana."
      :white_check_mark: **Release #12 succeeded**: api production runs [c0ffee1](https://bitbucket.org/jurispect/jurispect_api/commits/c0ffee1000000000000000000000000000000000) (4 min 12 s).
      ~ Requested by <@U01DANA> · QA by Lin · Approved by Tom · Record: 19 events, head \`4be109c277aa\`"
    `)
  })

  it('says after an emergency what is still owed', () => {
    const signOffs = [aSignOff('emergency', DANA)]
    const release = aRelease({ state: 'succeeded', ...RUN, signOffs, endedAt: at('08:49:22') })
    const owed: readonly Owed[] = [
      { kind: 'qa', count: 1, by: 'every full member' },
      { kind: 'approval', count: 1, by: ['@release-approvers'] },
    ]
    expect(read(threadLine(line, release, { services: SERVICES, environment, owed }))).toContain(
      '\nStill needs QA and 1 approval: sign off on the card.\n',
    )
  })

  it('tells a failure with what stands and what to do', () => {
    const problem = {
      step: 'push',
      because: { gate: 'build_failed', remote: 'heroku-production', line: 'No module named x', output: [] },
    } as const
    const steps = stepsUpTo('push', { state: 'failed', effect: 'none' })
    const release = aRelease({ state: 'needs attention', ...RUN, problem, steps })
    expect(say(line, release)).toMatchInlineSnapshot(`
      ""Release #12 of api to production needs attention: the build on heroku-production failed. PR #418 is merged as c0ffee1. Database: 2 of 2 migrations applied. Not pushed: production still runs 5b8e6c0. Someone has to press Retry or Close."
      :warning: **Release #12 needs attention**: the build on heroku-production failed.
      PR #418 is merged as [c0ffee1](https://bitbucket.org/jurispect/jurispect_api/commits/c0ffee1000000000000000000000000000000000).
      Database: 2 of 2 migrations applied.
      Not pushed: production still runs [5b8e6c0](https://bitbucket.org/jurispect/jurispect_api/commits/5b8e6c0000000000000000000000000000000000).
      Production stays blocked until someone presses **Retry** or **Close** on the card.
      *Retry* and *Close*: @release-approvers
      ~ Requested by <@U01DANA> · QA by Lin · Approved by Tom · Record: 19 events, head \`4be109c277aa\`"
    `)
  })

  it('tells what nobody knows as unknown', () => {
    const problem = {
      step: 'push',
      because: { gate: 'push_unknown', remote: 'heroku-production', commit: sha('c0ffee1') },
    } as const
    const steps = stepsUpTo('push', { state: 'unknown', effect: 'unknown' })
    expect(say(line, aRelease({ state: 'needs attention', ...RUN, problem, steps }))).toMatchInlineSnapshot(`
      ""Release #12 of api to production needs attention: did the push arrive? Not known: whether heroku-production has c0ffee1. Someone has to check, then press Retry or Close."
      :warning: **Release #12 needs attention**: did the push arrive? Not known: whether heroku-production has c0ffee1.
      PR #418 is merged as [c0ffee1](https://bitbucket.org/jurispect/jurispect_api/commits/c0ffee1000000000000000000000000000000000).
      Database: 2 of 2 migrations applied.
      Not known: whether heroku-production has [c0ffee1](https://bitbucket.org/jurispect/jurispect_api/commits/c0ffee1000000000000000000000000000000000).
      Production stays blocked until someone presses **Retry** or **Close** on the card.
      *Retry* and *Close*: @release-approvers
      ~ Requested by <@U01DANA> · QA by Lin · Approved by Tom · Record: 19 events, head \`4be109c277aa\`"
    `)
  })

  it.each(['failed', 'refused', 'rejected', 'cancelled', 'expired', 'outdated', 'closed'] as const)(
    '%s has its sentence',
    (state) => {
      const text = say(line, aRelease({ state, endedBy: TOM, endReason: 'Because of it.', endedAt: at('09:00') }))
      expect(text).toMatch(/Release #12 /)
      expect(text).toContain('Record: 19 events, head `4be109c277aa`')
      expect(text.match(/<@/g)).toHaveLength(1)
    },
  )
})

describe('the announcement', () => {
  const draw = (release = aRelease()) => {
    const drawn = announcement(release, { environment })
    expect(messageProblems(drawn)).toEqual([])
    return read(drawn)
  }

  it('names what, where, who asked, who signed', () => {
    expect(draw(aRelease({ state: 'approved', signOffs: SIGNED }))).toMatchInlineSnapshot(`
      ""Release #12 is changing api production now: 5 commits and 2 migrations. Destroys data: migration b7d20c31, drop saved_searches. QA by Lin, approved by Tom, requested by Dana."
      :mega: *Release #12 is changing api production now*
      5 commits, 2 migrations · <https://bitbucket.org/jurispect/jurispect_api/pull-requests/418|PR #418>
      :warning: *Destroys data: migration b7d20c31, drop saved_searches*
      Requested by Dana · QA by Lin · Approved by Tom"
    `)
  })

  it('gives the reason of an emergency', () => {
    const signOffs = [aSignOff('emergency', DANA, { note: 'Login is down for every customer.' })]
    expect(draw(aRelease({ number: 13, state: 'approved', signOffs }))).toMatchInlineSnapshot(`
      ""Emergency release #13 is changing api production now, without QA and approval: 5 commits and 2 migrations. Destroys data: migration b7d20c31, drop saved_searches. Requested by Dana. Dana says that this must go out now: Login is down for every customer."
      :rotating_light: *Emergency #13 is changing api production now, without QA and approval*
      5 commits, 2 migrations · <https://bitbucket.org/jurispect/jurispect_api/pull-requests/418|PR #418>
      :warning: *Destroys data: migration b7d20c31, drop saved_searches*
      Requested by Dana
      **Dana** says that this must go out now:
      > Login is down for every customer."
    `)
  })

  it('calls a hot-fix one', () => {
    const plan = aPlan({ commits: aPlan().commits.slice(0, 1), migrations: [], bound: { kind: 'hotfix' } })
    const signOffs = [aSignOff('qa', LIN), aSignOff('approval', TOM)].map((one) => ({
      ...one,
      fingerprint: 'f'.repeat(64),
    }))
    const release = aRelease({
      number: 14,
      kind: 'hotfix',
      plan,
      fingerprint: 'f'.repeat(64),
      signOffs,
      reason: 'Digests go out at night.',
    })
    expect(draw(release)).toMatchInlineSnapshot(`
      ""Hot-fix #14 is changing api production now: 1 commit picked onto production. QA by Lin, approved by Tom, requested by Dana."
      :adhesive_bandage: *Hot-fix #14 is changing api production now*
      1 commit picked onto production, no migrations · <https://bitbucket.org/jurispect/jurispect_api/pull-requests/418|PR #418>
      Requested by Dana · QA by Lin · Approved by Tom
      This can’t wait for review:
      > Digests go out at night."
    `)
  })
})
