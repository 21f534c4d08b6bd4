import { describe, expect, it } from 'vitest'
import { environmentBusy } from '../../../src/release/environment-busy.ts'
import { MAX_PICKS } from '../../../src/release/hotfix.ts'
import type { ThreadLine } from '../../../src/release/messages.ts'
import type { HotfixPlan, PlannedPick } from '../../../src/release/plan.ts'
import type { Refusal } from '../../../src/release/refusals.ts'
import type { Release } from '../../../src/release/release.ts'
import { announcement } from '../../../src/slack/views/announcement.ts'
import { card } from '../../../src/slack/views/card.ts'
import { detailsModal } from '../../../src/slack/views/details.ts'
import { hotfixModal } from '../../../src/slack/views/hotfix-modal.ts'
import { privateMessage } from '../../../src/slack/views/private/index.ts'
import { refusalMessage } from '../../../src/slack/views/refusal-message.ts'
import { threadLine } from '../../../src/slack/views/thread.ts'
import { messageProblems, viewProblems } from '../../support/block-kit-limits.ts'
import {
  aCommit,
  anApp,
  anEnvironment,
  anIntegration,
  aPlan,
  aRelease,
  aStep,
  at,
  DANA,
  SERVICES,
  sha,
} from '../../support/builders.ts'
import { read } from './read.ts'

const HOSTILE = `<!channel> \`x\` *b* --force \u202e @here ${'y'.repeat(5000)}`

function aPick(
  from: string,
  words = 'Fix the time zone of weekly digests',
  over: Partial<PlannedPick> = {},
): PlannedPick {
  const list = [{ path: words === HOSTILE ? HOSTILE : 'api/digests/schedule.py', added: 1, removed: 1 }]
  return {
    from: sha(from),
    made: sha(`c${from}`),
    title: words,
    author: { name: words === HOSTILE ? HOSTILE : 'Marek', email: 'marek@example.com' },
    files: { count: 3, list },
    promoted: true,
    ...over,
  }
}

function aHotfix(hotfix: Partial<HotfixPlan> = {}) {
  const plan = {
    ...aPlan({ commitCount: 1, bound: { kind: 'hotfix', database: null } }),
    hotfix: {
      picks: [aPick('7ad90f4')],
      at: '2026-11-22T08:15:00.000Z',
      alsoGoes: { count: 0, commits: [] },
      promoting: { branch: 'master', environment: 'integration' },
      ...hotfix,
    },
  }
  return aRelease({ kind: 'hotfix', plan, reason: 'The next batch of digests is tonight.' })
}

const environment = anEnvironment()
const facts = {
  services: SERVICES,
  environment,
  tokens: { details: 't1' },
  progress: 'lines',
  owed: [],
  now: at('08:20'),
  mentionGroups: false,
} as const
const worst: HotfixPlan = {
  picks: Array.from({ length: MAX_PICKS }, (_, index) => aPick(`7ad90f${index}`, HOSTILE, { promoted: false })),
  at: '2026-11-22T08:15:00.000Z',
  alsoGoes: { count: 900, commits: Array.from({ length: 10 }, (_, index) => aCommit(`abc00${index}`, HOSTILE)) },
  promoting: { branch: 'master', environment: 'integration' },
}

describe('the modal of /hotfix', () => {
  it('says why it is the last resort, and asks for commits, a reason and certainty', () => {
    const view = hotfixModal({ apps: [anApp()], metadata: 'context', superseded: [] })
    expect(viewProblems(view)).toEqual([])
    expect(read(view)).toContain('This is the last resort.')
    // The one app is picked already.
    expect(JSON.stringify(view).match(/initial/g)).toEqual(['initial'])
    expect(JSON.stringify(view)).toContain('"min_length":10')
  })

  it('is filled in with what was typed, and names what submitting ends', () => {
    const filled = { app: 'api', environment: 'production', commits: ['7ad90f4', 'c06be52'] }
    const view = hotfixModal({ apps: [anApp()], metadata: 'context', filled, superseded: [aRelease()] })
    expect(viewProblems(view)).toEqual([])
    expect(JSON.stringify(view)).toContain('"initial_value":"7ad90f4 c06be52"')
    expect(read(view)).toContain('Submitting for api production ends #12. You can plan it again afterwards.')
  })
})

describe('a hot-fix is not mistaken for a release', () => {
  it('shows each commit with its author and files, and what goes beside them first', () => {
    const drawn = card(aHotfix({ alsoGoes: { count: 1, commits: [aCommit('ee11223', 'Left over')] } }), facts)
    expect(messageProblems(drawn)).toEqual([])
    const words = read(drawn)
    expect(words).toContain('🩹 Hot-fix #12: api → production')
    expect(words.indexOf('Also deploys')).toBeGreaterThan(0)
    expect(words.indexOf('Also deploys')).toBeLessThan(words.indexOf('Fix the time zone'))
    expect(words).toContain('Marek')
    expect(words).toContain('api/digests/schedule.py and 2 more files')
    expect(words).toContain('Also on master, so the next release keeps it')
  })

  it('waits for Go where nobody signs, and its card has no button for others', () => {
    const drawn = card(aHotfix({ asksGo: true }), { ...facts, environment: anIntegration() })
    expect(messageProblems(drawn)).toEqual([])
    expect(drawn.text).toBe('Hot-fix #12 of api to production is planned and waits for Go from Dana.')
    expect(read(drawn)).toContain('*Waiting for Go* from Dana')
    const waiting = aHotfix({ asksGo: true })
    const busy = refusalMessage(environmentBusy(waiting, undefined), facts)
    expect(read(busy)).toContain('Release #12, requested by Dana, waits for their Go.')
    const environments = [{ app: 'api', environment: 'production', under_way: waiting }]
    const status = read(privateMessage({ is: 'status', environments }, facts))
    expect(status).toContain('release #12 waits for Go.')
    expect(status).toContain(': waiting for Go\n')
    expect(read(drawn)).not.toMatch(/\[(QA passed|Approve|Reject)/)
  })

  it('announces itself by its own mark', () => {
    const drawn = announcement(aHotfix(), { environment })
    expect(drawn.text).toMatch(/^Hot-fix #12 is changing api production now: 1 commit picked onto production\./)
    expect(read(drawn)).toContain(':adhesive_bandage:')
  })

  it('links in its details to what Bitbucket has: a picked commit is there once it was picked', () => {
    const release = aHotfix()
    const { plan } = release
    if (plan === undefined) throw new Error('there is no plan')
    const made = { ...aCommit('cafe', 'Fix the time zone'), sha: plan.hotfix?.picks[0]?.made ?? '' }
    const bound = { ...plan.bound, result: { how: 'commit', commit: made.sha, tree: sha('7ee') } as const }
    const picked = { ...release, plan: { ...plan, bound, commits: [made] } }
    const links = (of: Release) => JSON.stringify(detailsModal(of, facts)).split(`${made.sha}`).length - 1
    expect(links(picked)).toBe(0)
    expect(links({ ...picked, steps: [aStep('pick')] })).toBeGreaterThan(2)
  })

  it('W9: by pull request, links to it, and in its details to the commits that its branch has', () => {
    const { plan, ...release } = aHotfix()
    if (plan === undefined) throw new Error('there is no plan')
    const made = plan.hotfix?.picks[0]?.made ?? ''
    const result = { how: 'merge', parents: [sha('5b8e6c0'), made], tree: sha('7ee') } as const
    const pullRequest = { id: 7, url: 'https://b.test/7', pinnedBranch: 'signoff/12-hotfix' }
    const byRequest = { ...release, plan: { ...plan, pullRequest, bound: { ...plan.bound, result } } }
    const drawn = card(byRequest, facts)
    expect(messageProblems(drawn)).toEqual([])
    expect(read(drawn)).toContain('picked onto production · <https://b.test/7|PR #7>')
    expect(JSON.stringify(detailsModal(byRequest, facts))).toContain(made.slice(0, 12))
  })

  it('W10: cancelled while it was confirmed is told as pushed, not confirmed', () => {
    const steps = [aStep('pick'), aStep('push'), aStep('confirm', { state: 'failed', effect: 'none' })]
    const cancelled = { ...aHotfix(), state: 'cancelled', steps, cancelRequestedBy: DANA } as const
    expect(read(card(cancelled, facts))).toMatch(/Pushed, not confirmed: heroku-production has .* and may run it\./)
    expect(read(card({ ...cancelled, steps: [aStep('pick'), aStep('push'), aStep('confirm')] }, facts))).toContain(
      'and runs it.',
    )
  })

  it('W15: says what was searched for a commit, and asks for all digits where they are not given', () => {
    const unknown = { gate: 'unknown_commit', asked: 'abc1234', why: 'not there', candidates: [] } as const
    const branches = { searched: 2_000, count: 5_880 }
    const words = (refusal: Refusal) => read(refusalMessage(refusal, facts))
    expect(words(unknown)).toContain('the repository has no commit abc1234')
    const partly = words({ ...unknown, branches })
    expect(partly).toContain('the commit abc1234 is on none of the 2,000 branches that were searched, of 5,880')
    expect(partly).toContain('Give all 40 digits')
    expect(partly).not.toContain('has no commit')
    expect(words({ ...unknown, asked: sha('abc1234'), branches })).not.toContain('Give all 40 digits')
  })

  it('says where else the fix has to be', () => {
    const carried = {
      is: 'carried',
      branch: 'master',
      pullRequest: { id: 5, url: 'https://b.test/5' },
      isNew: true,
    } as const
    const missing = {
      is: 'still missing',
      branch: 'master',
      environment: 'integration',
      commits: [sha('7ad90f4')],
      isCarried: true,
    } as const
    for (const line of [carried, missing, { ...missing, isCarried: false }]) {
      const drawn = threadLine(line, aHotfix(), facts)
      expect(messageProblems(drawn)).toEqual([])
      expect(drawn.text).toMatch(/\.$/)
    }
    const said = (line: ThreadLine) => threadLine(line, aHotfix(), facts).text
    expect(said(carried)).toMatch(/^PR\u00a0#5 adds the hot-fix to master/)
    expect(said({ ...carried, isNew: false })).toMatch(/^PR\u00a0#5 adds .* is still open/)
  })
})

describe('hostile names', () => {
  const release = aHotfix(worst)
  it('stay within what Slack takes, and are only ever words', () => {
    const go = privateMessage(
      { is: 'go', number: 12 },
      { services: SERVICES, release, environment: anIntegration(), goToken: 't2' },
    )
    const conflict: Refusal = {
      gate: 'pick_conflict',
      commit: { sha: sha('7ad90f4'), title: HOSTILE, author: HOSTILE },
      branch: "we'ird&branch",
      environment: 'production',
      files: Array.from({ length: 50 }, () => ({ path: HOSTILE, line: 4 })),
      lines: Array.from({ length: 16 }, () => HOSTILE),
      commits: Array.from({ length: 10 }, (_, index) => sha(`7ad90f${index}`)),
    }
    const refusal = refusalMessage(conflict, facts)
    for (const drawn of [card(release, facts), go, announcement(release, { environment }), refusal]) {
      expect(messageProblems(drawn)).toEqual([])
      expect(JSON.stringify(drawn.blocks)).not.toContain('\u202e')
      const mrkdwn = (JSON.stringify(drawn.blocks).match(/\{"type":"mrkdwn","text":"(?:[^"\\]|\\.)*"/g) ?? []).join()
      expect(mrkdwn).not.toContain('<!channel>')
      expect(drawn.text).not.toContain('<!channel>')
    }
    expect(read(refusal)).toContain(`'origin/we'\\''ird&branch'`)
    expect(viewProblems(detailsModal(release, facts))).toEqual([])
  })
})
