/** The dialog of QA for each change, from 1 to 200 changes, and what the card says of it. */
import { describe, expect, it } from 'vitest'
import { changeId, type PlannedChange, type Tested } from '../../../src/release/changes.ts'
import { owed } from '../../../src/release/policy.ts'
import type { Release } from '../../../src/release/release.ts'
import { qaRequest } from '../../../src/slack/qa.ts'
import { detailsModal } from '../../../src/slack/views/details.ts'
import { askedAuthors, owedLines, owedSpoken } from '../../../src/slack/views/parts/owed.ts'
import { qaModal } from '../../../src/slack/views/qa-modal.ts'
import { threadLine } from '../../../src/slack/views/thread.ts'
import { viewProblems } from '../../support/block-kit-limits.ts'
import { anEnvironment, aPlan, aRelease, at, LIN, SERVICES, SIGN_OFF, sha } from '../../support/builders.ts'
import { read } from './read.ts'

const CHI = { name: 'Chi', email: 'Chi@example.com' }
const AUTHORS = { 'chi@example.com': { id: 'U09CHI', name: 'Chi Tanaka' } }
const environment = anEnvironment({ signOff: { ...SIGN_OFF, qa: 'each change', qaBy: ['@qa'] } })
const LONG = `${'A very long title '.repeat(9)}<!channel> *bold* \u202e :boom:`

function changes(count: number, authors = 1): readonly PlannedChange[] {
  return Array.from({ length: count }, (_, index): PlannedChange => {
    const author =
      index % authors === 0 ? CHI : { name: `Author ${index % authors}`, email: `a${index % authors}@x.test` }
    const commits = [sha((index + 4096).toString(16)), sha((index + 8192).toString(16))]
    return index % 2 === 0
      ? { commits, title: index === 0 ? LONG : `Change ${index}`, pullRequest: index + 1, authors: [author] }
      : { commits: commits.slice(1), title: `Commit ${index}`, authors: [author] }
  })
}

const tick = (change: PlannedChange, more: Partial<Tested> = {}): Tested => ({
  ...{ change: changeId(change), person: LIN, right: '@qa', at: at('14:00') },
  ...more,
})

function release(all: readonly PlannedChange[], tested: readonly Tested[] = [], more: Partial<Release> = {}): Release {
  return aRelease({ plan: aPlan({ changes: all }), tested, ...more })
}

const draw = (of: Release, more: object = {}) =>
  qaModal({ callback: 'qa_modal', release: of, metadata: 'm', now: at('15:00'), environment, ...more })

describe('QA…', () => {
  it.each([1, 2, 10, 11, 99, 100, 101, 199, 200])(
    'shows %i changes in groups of ten, within Slack’s limits',
    (count) => {
      const view = draw(release(changes(count)))
      expect(viewProblems(view)).toEqual([])
      const groups = view.blocks.filter(({ block_id: id }) => id?.startsWith('tested_'))
      expect(groups).toHaveLength(Math.ceil(count / 10))
      expect(new Set(groups.map(({ block_id: id }) => id)).size).toBe(groups.length)
      expect(JSON.stringify(groups).match(/"value":/g)).toHaveLength(count)
    },
  )

  it('shows 80 groups, and 200 changes of 80 authors', () => {
    const view = draw(release(changes(200, 80)))
    expect(viewProblems(view)).toEqual([])
    expect(view.blocks.length).toBeLessThanOrEqual(100)
  })

  it('reads so', () => {
    const all = changes(3, 2)
    const view = draw(release(all, [tick(all[2] as PlannedChange, { isOwn: true })]), {
      user: 'U09CHI',
      authorsInSlack: AUTHORS,
    })
    expect(read(view)).toMatchSnapshot()
    expect(JSON.stringify(view)).not.toContain('focus_on_load')
  })

  it('says what it starts where it is shown again, with what was ticked and typed', () => {
    const all = changes(2)
    const filled = { tested: all.map(changeId), note: 'On integration', reason: '' }
    const view = draw(release(all), { filled })
    expect(viewProblems(view)).toEqual([])
    expect(read(view)).toContain('This starts #12 on production now.')
    expect(JSON.stringify(view)).toContain('"initial_options"')
    expect(JSON.stringify(view)).toContain('"initial_value":"On integration"')
  })

  it('after the decision asks for no problem', () => {
    const view = draw(release(changes(2), [], { state: 'succeeded' }))
    expect(view.blocks.map(({ block_id: id }) => id).filter(Boolean)).toEqual(['tested_0', 'note'])
  })

  it('gives back what was ticked, over all groups', () => {
    const values = {
      tested_0: `${sha('a')} ${sha('b')}`,
      tested_11: sha('c'),
      problem: sha('d'),
      reason: 'no',
      note: 'n',
    }
    expect(qaRequest(values)).toEqual({ tested: [sha('a'), sha('b'), sha('c')], problemWith: sha('d'), reason: 'no' })
    expect(qaRequest({})).toEqual({ tested: [] })
  })
})

describe('what is told of it', () => {
  const all = changes(7)
  const some = release(
    all,
    all.slice(2).map((change) => tick(change)),
  )
  const facts = { services: SERVICES, owed: owed(environment, some), authorsInSlack: AUTHORS }

  it('the card: how many are tested, whose are not; authors are asked once', () => {
    const lines = (mentionGroups: boolean) =>
      owedLines(some, { ...facts, mentionGroups, groupIds: { '@qa': 'S1' } }, 'Needs').map((line) =>
        line.replaceAll('\u00a0', ' ').replaceAll('\u2060', ''),
      )
    expect(lines(false)[0]).toBe('Needs *QA 5 of 7 · Chi Tanaka 2* from @qa')
    expect(lines(true)[0]).toBe('Needs *QA 5 of 7 · Chi Tanaka 2* from <!subteam^S1>. Untested changes of: <@U09CHI>')
    expect(owedSpoken(facts.owed).replaceAll('\u00a0', ' ')).toBe('QA 5 of 7 · Chi 2 and 1 approval')
    expect(facts.owed.map((one) => askedAuthors(one, {}))).toEqual(['', ''])
  })

  it('the thread: who tested what, and whose is left after four hours', () => {
    const lines = { ...facts, environment }
    const named = [{ title: 'Fix *digests*', pullRequest: 41 }, { title: 'Fix a typo' }]
    const tested = threadLine({ is: 'tested', person: LIN, count: 12, own: 1, changes: named }, some, lines)
    expect(tested.text.replaceAll('\u00a0', ' ')).toBe(
      'Lin tested 12 changes, 1 of them as the author: PR #41 Fix ∗digests∗; Fix a typo; and 10 more.',
    )
    const reminder = threadLine({ is: 'reminder', since: 'card', owed: facts.owed.slice(0, 1) }, some, lines)
    expect(JSON.stringify(reminder.blocks)).toContain('<@U09CHI>')
    expect(reminder.text).toContain('5 of 7')
  })

  it('Details: each change with who tested it', () => {
    const view = detailsModal(release(changes(200), [tick(changes(1)[0] as PlannedChange, { isOwn: true })]), {
      services: SERVICES,
      environment,
    })
    expect(viewProblems(view)).toEqual([])
    expect(JSON.stringify(view)).toContain('QA 1 of 200 changes')
    expect(JSON.stringify(view)).toContain('Lin, its author')
  })
})
