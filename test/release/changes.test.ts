/** Which changes a range of commits has, and whose they are. */
import { describe, expect, it } from 'vitest'
import { SERVICE_WORDS } from '../../src/cli/service-words.ts'
import {
  byAuthor,
  changeId,
  changesOf,
  groupCount,
  type HistoryCommit,
  isOwn,
  type PlannedChange,
  type Tested,
  untestedBy,
  untestedChanges,
} from '../../src/release/changes.ts'
import { fingerprint } from '../../src/release/plan.ts'
import { aPlan, DANA, sha } from '../support/builders.ts'

const readMerge = SERVICE_WORDS.forge.readMerge
const CHI = { name: 'Chi', email: 'chi@example.com' }
const LIN = { name: 'Lin', email: 'lin@example.com' }

/** `merge: 'Merged in x (pull request #1)\n\nTitle'` by hand: id, parents, message, author. */
function commit(id: string, parents: string, message: string, author = CHI): HistoryCommit {
  return { sha: id, parents: parents.split(' ').filter(Boolean), message, author }
}

const pr = (number: number, title: string, branch = 'topic') =>
  `Merged in ${branch} (pull request #${number})\n\n${title}\n\nApproved-by: Tom\n`

/** `#41 Fix digests: m1 c1 c2` for each change. */
function told(history: readonly HistoryCommit[], ...tips: string[]): readonly string[] {
  return changesOf(history, tips, readMerge).map(
    ({ commits, title, pullRequest }) =>
      `${pullRequest === undefined ? '' : `#${pullRequest} `}${title}: ${commits.join(' ')}`,
  )
}

describe('Bitbucket’s messages', () => {
  it.each([
    ['a merge commit', pr(41, 'Fix digests'), { number: 41, title: 'Fix digests' }],
    ['a squash, whose message is the same', pr(7, 'Add limits'), { number: 7, title: 'Add limits' }],
    ['Windows line ends', 'Merged in x (pull request #8)\r\n\r\nTitle\r\n', { number: 8, title: 'Title' }],
    ['two spaces, as it was seen', 'Merged in feat/a  (pull request #10)\n\nOne', { number: 10, title: 'One' }],
    ['no title', 'Merged in fix/a (pull request #9)\n', { number: 9, title: 'fix/a' }],
    ['approvals only', 'Merged in b (pull request #9)\n\nApproved-by: Tom', { number: 9, title: 'b' }],
    ['from a fork', 'Merged in chi/api/topic (pull request #12)\n\nT', { number: 12, title: 'T' }],
  ])('%s', (_what, message, expected) => expect(readMerge(message)).toEqual(expected))

  it.each([
    'Merge branch master into topic',
    'Revert "Merged in topic (pull request #41)"',
    'merged in topic (pull request #41)',
    'Merged in topic (pull request #0)',
    'Merged in topic (pull request #12) again',
    'Merged in  (pull request #12)',
    '',
  ])('nothing of a pull request: %j', (message) => expect(readMerge(message)).toBeUndefined())
})

describe('changes', () => {
  it('a pull request with its commits, a squash, and commits that belong to none; newest first', () => {
    const history = [
      commit('d1', 's1', 'Fix a typo'),
      commit('s1', 'm1', pr(42, 'Squashed')),
      commit('m1', 'b0 c2', pr(41, 'Merged')),
      commit('c2', 'c1', 'second'),
      commit('c1', 'base', 'first'),
      commit('b0', 'base', 'Pushed to master'),
    ]
    expect(told(history, 'd1')).toEqual([
      'Fix a typo: d1',
      '#42 Squashed: s1',
      '#41 Merged: m1 c2 c1',
      'Pushed to master: b0',
    ])
  })

  it('a pull request into the branch of another is part of that one', () => {
    const history = [
      commit('m2', 'base e1', pr(20, 'Epic')),
      commit('e1', 'e0 c1', pr(12, 'Part of the epic')),
      commit('c1', 'e0', 'part'),
      commit('e0', 'base', 'epic'),
    ]
    expect(told(history, 'm2')).toEqual(['#20 Epic: m2 e1 c1 e0'])
  })

  it('a topic that has merged master in claims nothing of master', () => {
    const history = [
      commit('m2', 'm1 t2', pr(2, 'Topic')),
      commit('t2', 't1 m1', 'Merge branch master into topic'),
      commit('t1', 'base', 'topic'),
      commit('m1', 'base c1', pr(1, 'First')),
      commit('c1', 'base', 'one'),
    ]
    expect(told(history, 'm2')).toEqual(['#2 Topic: m2 t2 t1', '#1 First: m1 c1'])
  })

  it('what was merged by hand is a change for each commit, and for each pull request in it', () => {
    const history = [
      commit('h', 'base x2', 'Merge branch side'),
      commit('x2', 'x1 c1', pr(5, 'Into the side branch')),
      commit('c1', 'x1', 'one'),
      commit('x1', 'base', 'By hand'),
    ]
    expect(told(history, 'h')).toEqual(['#5 Into the side branch: x2 c1', 'By hand: x1'])
  })

  it('a release that was merged and not deployed is no change: its commits are', () => {
    const history = [
      commit('c2', 'c1', 'After it'),
      commit('r1', 'p0 c1', pr(418, 'Release #12', 'master')),
      commit('c1', 'base', 'Before it'),
      commit('p0', 'base', 'A pick'),
    ]
    expect(told(history, 'c2', 'r1')).toEqual(['A pick: p0', 'After it: c2', 'Before it: c1'])
    // Asked the other way round it would take everything.
    expect(told(history, 'r1', 'c2')).toEqual(['After it: c2', '#418 Release #12: r1 c1', 'A pick: p0'])
  })

  it('a merge of what is released already is nothing to test', () => {
    expect(told([commit('m', 'base old', pr(30, 'Back to master')), commit('n', 'm', 'New')], 'n')).toEqual(['New: n'])
  })

  it('every commit of the range is in one change at most, whatever the history looks like', () => {
    const history: HistoryCommit[] = []
    for (let index = 0; index < 400; index += 1) {
      const parents = [index - 1, ...(index % 3 === 0 ? [index - 2] : []), ...(index % 7 === 0 ? [index - 5] : [])]
      const message = index % 2 === 0 ? pr(index, `PR ${index}`) : `commit ${index}`
      history.push(
        commit(
          `k${index}`,
          parents
            .filter((each) => each >= 0)
            .map((each) => `k${each}`)
            .join(' '),
          message,
        ),
      )
    }
    const all = changesOf(history.toReversed(), ['k399', 'k398'], readMerge).flatMap(({ commits }) => commits)
    expect(new Set(all).size).toBe(all.length)
    const merges = history.filter(({ parents }) => parents.length > 1).length
    expect(all.length).toBeGreaterThanOrEqual(history.length - merges)
  })

  it('is the author’s who wrote most of it; merge commits don’t count', () => {
    const history = [
      commit('m', 'base c3', pr(1, 'Shared'), { name: 'Merge Bot', email: 'bot@example.com' }),
      commit('c3', 'c2', 'three', LIN),
      commit('c2', 'c1', 'two', { ...CHI, email: 'CHI@example.com' }),
      commit('c1', 'base', 'one', CHI),
    ]
    const [change] = changesOf(history, ['m'], readMerge)
    expect(change?.authors.map(({ name }) => name)).toEqual(['Chi', 'Lin'])
    expect([
      isOwn(change as PlannedChange, 'Lin@Example.com'),
      isOwn(change as PlannedChange, 'tom@example.com'),
    ]).toEqual([true, false])
    expect(isOwn(change as PlannedChange, undefined)).toBe(false)
  })
})

describe('what is untested', () => {
  const change = (id: string, author = CHI): PlannedChange => ({ commits: [sha(id)], title: id, authors: [author] })
  const tested = (of: PlannedChange): Tested => ({
    change: changeId(of),
    person: DANA,
    right: 'every full member',
    at: new Date(),
  })
  const changes = [change('a1'), change('b2', LIN), change('c3')]

  it('is told by author', () => {
    const plan = aPlan({ changes })
    expect(untestedBy({ plan }).map(({ author, changes: own }) => [author?.name, own.length])).toEqual([
      ['Chi', 2],
      ['Lin', 1],
    ])
    const release = { plan, tested: [tested(changes[0] as PlannedChange), tested(changes[1] as PlannedChange)] }
    expect(untestedChanges(release).map(({ title }) => title)).toEqual(['c3'])
    expect(untestedBy(release).map(({ author }) => author?.name)).toEqual(['Chi'])
    expect(untestedBy({ plan: aPlan() })).toEqual([])
  })

  it('needs a group for each ten changes of an author', () => {
    const of = (count: number, author = CHI) =>
      Array.from({ length: count }, (_, index) => change(`${index + 16}`, author))
    expect([1, 10, 11, 20, 200].map((count) => groupCount(of(count)))).toEqual([1, 1, 2, 2, 20])
    expect(groupCount([...of(11), ...of(1, LIN)])).toBe(3)
    expect(byAuthor(of(11)).map((group) => group.changes.length)).toEqual([11])
  })

  it('a plan without changes has the fingerprint that it always had; one with them has another', () => {
    const plain = aPlan()
    expect(Object.keys(plain.bound)).not.toContain('changes')
    const ids = changes.map(({ commits }) => commits)
    const bound = fingerprint(aPlan({ changes, bound: { changes: ids } }))
    expect(fingerprint(aPlan({ changes }))).toBe(fingerprint(plain))
    expect(bound).not.toBe(fingerprint(plain))
    expect(fingerprint(aPlan({ changes, bound: { changes: ids.slice(1) } }))).not.toBe(bound)
  })
})
