import { describe, expect, it } from 'vitest'
import type { Action } from '../../../src/release/actions.ts'
import { deployModal } from '../../../src/slack/views/deploy-modal.ts'
import { detailsModal } from '../../../src/slack/views/details.ts'
import { viewProblems } from '../../support/block-kit-limits.ts'
import {
  aMigration,
  anApp,
  anEnvironment,
  aPlan,
  aRelease,
  aSignOff,
  LIN,
  SERVICES,
  SIGNED,
  stepsUpTo,
  TOM,
} from '../../support/builders.ts'
import { read } from './read.ts'
import { ASK_FIRST, reasonModal } from './reason-modal.ts'

const environment = anEnvironment()

describe('the modal of /deploy', () => {
  const view = deployModal({ apps: [anApp(), anApp({ name: 'web' })], metadata: 'context' })

  it('asks for app and environment, and has chosen nothing', () => {
    expect(viewProblems(view)).toEqual([])
    expect(read(view)).toMatchInlineSnapshot(`
      "App: [static_select]
      Environment: [static_select]
      When: [datetimepicker] (It is planned now, keeps to these commits, and starts by itself then. At most 7 days ahead.)
      [Preview]
      ~ Signoff first makes a plan, which changes nothing. Sign-offs are then requested in the channel."
    `)
    expect(JSON.stringify(view)).not.toContain('initial_option')
    expect(view.private_metadata).toBe('context')
  })

  it('says what each environment asks for', () => {
    expect(JSON.stringify(view)).toContain('needs QA and 1 approval')
    expect(JSON.stringify(view)).toContain('no sign-off needed')
  })
})

describe('a modal that asks for words', () => {
  const release = aRelease()
  const draw = (action: Action, of = release) => {
    const drawn = reasonModal(action, { release: of, metadata: 'context', environment, now: new Date() })
    expect(viewProblems(drawn)).toEqual([])
    expect(drawn.private_metadata).toBe('context')
    return drawn
  }

  it('comes back under a name of its own', () => {
    expect(Object.fromEntries(ASK_FIRST.map((action) => [draw(action).callback_id, action]))).toEqual({
      reject_modal: 'rejection',
      emergency_modal: 'emergency',
      close_modal: 'close',
      talked_over_modal: 'talked over',
      change_time_modal: 'change time',
      mark_bad_modal: 'mark bad',
      qa_modal: 'test changes',
    })
  })

  it.each(['rejection', 'close', 'emergency'] as const)('%s asks for a Reason', (action) => {
    expect(read(draw(action))).toMatch(/^Reason: \[plain_text_input\]/m)
  })

  it('wants ten characters for what must go out now, and says what it skips', () => {
    const view = draw('emergency')
    expect(JSON.stringify(view)).toContain('"min_length":10')
    expect(read(view)).toMatchInlineSnapshot(`
      "*Release #12: api → production* is deployed at once, *without waiting for QA and approval*.
      • 5 commits and 2 migrations (1 destroys data)
      • Your name and reason go to #product, PR #418 and the record
      • The skipped sign-offs are still needed: others have to give them afterwards
      Reason: [plain_text_input] (At least 10 characters. Visible to everyone in #product.)"
    `)
  })

  it('says no more than what is still owed when QA has passed', () => {
    const view = draw('emergency', aRelease({ signOffs: [aSignOff('qa', LIN)] }))
    expect(read(view)).toContain('is deployed at once, *without waiting for approval*.')
  })

  it('asks for a Note on what was talked over', () => {
    expect(read(draw('talked over'))).toMatch(/^Note: \[plain_text_input\]/m)
  })

  it('says so where Talked over starts the release', () => {
    const strict = {
      ...environment,
      migrations: [aMigration({ talkItOver: ['destroys'] })],
    }
    const drawn = reasonModal('talked over', {
      release: aRelease({ signOffs: [aSignOff('qa', LIN), aSignOff('approval', TOM)] }),
      metadata: '',
      environment: strict,
      now: new Date(),
    })
    expect(read(drawn)).toContain('This starts #12 on production now.')
  })
})

it('W7: lists what the forge asks for in the details', () => {
  const plan = aPlan({ mergeRequirements: [{ needs: '1 approval' }] })
  const view = detailsModal(aRelease({ plan }), { services: SERVICES, environment: anEnvironment() })
  expect(JSON.stringify(view)).toContain('Bitbucket asks for: 1 approval')
})

it('shows the details of a plan', () => {
  const view = detailsModal(aRelease({ state: 'running', signOffs: SIGNED, steps: stepsUpTo('migrate') }), {
    services: SERVICES,
    environment,
  })
  expect(viewProblems(view)).toEqual([])
  expect(read(view)).toMatchInlineSnapshot(`
    "# Release #12: api → production
    *5 commits*
    • [9f2c1ab](https://bitbucket.org/jurispect/jurispect_api/commits/9f2c1ab000000000000000000000000000000000) Add rate limits to the search endpoint · Marek
    • [41d7e03](https://bitbucket.org/jurispect/jurispect_api/commits/41d7e03000000000000000000000000000000000) Drop the unused saved_searches table · Priya
    • [c06be52](https://bitbucket.org/jurispect/jurispect_api/commits/c06be52000000000000000000000000000000000) Show jurisdiction names in alerts · Marek
    • [7ad90f4](https://bitbucket.org/jurispect/jurispect_api/commits/7ad90f4000000000000000000000000000000000) Fix the time zone of weekly digests · Marek
    • [e83b7d1](https://bitbucket.org/jurispect/jurispect_api/commits/e83b7d1000000000000000000000000000000000) Index alerts by organisation · Priya
    **Authors: **Marek, Priya
    **2 files** changed since the commit on the remote · [Compare](https://bitbucket.org/jurispect/jurispect_api/branches/compare/9f2c1ab000000000000000000000000000000000%0D5b8e6c0000000000000000000000000000000000#diff)
    • api/search.py  +40 −3
    • api/alerts.py  +7 −7
    **2 migrations** · the database db.example.com:5432/api is at 5f19ab44
    • \`a41c9e2f\` index alerts by organisation · adds
    migrations/a41c9e2f5b60.py
    • \`b7d20c31\` drop saved_searches · destroys data
    migrations/b7d20c31aa04.py
    *Gates*, and the facts they checked
    • Remote: \`heroku-production\` has [5b8e6c0](https://bitbucket.org/jurispect/jurispect_api/commits/5b8e6c0000000000000000000000000000000000), runs [5b8e6c0](https://bitbucket.org/jurispect/jurispect_api/commits/5b8e6c0000000000000000000000000000000000)
    • Deploys: the merge of [9f2c1ab](https://bitbucket.org/jurispect/jurispect_api/commits/9f2c1ab000000000000000000000000000000000) into [5b8e6c0](https://bitbucket.org/jurispect/jurispect_api/commits/5b8e6c0000000000000000000000000000000000), clean, tree \`7ee00000\`
    • Check: [build](https://ci.example.com/build) passed
    • Check: [lint](https://ci.example.com/lint) passed
    • Check: [e2e](https://ci.example.com/e2e) passed
    • Fingerprint: \`e4b0b3b2f6bbc6fc38243c8f251bda7c1a221fb2dbb80b7459b1d2d844baf332\`
    *Sign-offs*
    QA by Lin, as a full member: {2026-11-22 08:30 UTC}
    Approval by Tom, as a member of @release-approvers: {2026-11-22 08:44 UTC}
    *Steps*
    • **Announce**: done (1 s)
    • **Record**: done (1 s)
    • **Merge**: done (1 s)
    • **Sync**: done (1 s)
    • **Verify**: done (1 s)
    • **Migrate**: running
    • **Push**: pending
    • **Confirm**: pending
    • **Report**: pending"
  `)
})
