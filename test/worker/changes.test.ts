/** The changes of a plan: which commits are asked about, and how many are too many. */
import { describe, expect, it } from 'vitest'
import type { HistoryCommit } from '../../src/release/changes.ts'
import type { HotfixPlan } from '../../src/release/plan.ts'
import { type Going, planChanges } from '../../src/worker/plan/changes.ts'
import { anApp, anEnvironment, COMMITS, SIGN_OFF, sha } from '../support/builders.ts'
import { fakePorts } from './fakes.ts'

const environment = anEnvironment({ signOff: { ...SIGN_OFF, qa: 'each change' } })
const id = (index: number) => sha((index + 4096).toString(16))

/** A line of commits by so many authors in turn, the newest first. */
function line(count: number, authors = 1): readonly HistoryCommit[] {
  return Array.from({ length: count }, (_, at) => {
    const index = count - at
    const author = { name: `A${index % authors}`, email: `a${index % authors}@example.com` }
    return { sha: id(index), parents: [id(index - 1)], message: `Commit ${index}`, author }
  })
}

function plan(history: readonly HistoryCommit[], more: Partial<Going> = {}, of = environment) {
  const history_ = { commits: history, isAll: history.length <= 10_000 }
  const ports = fakePorts({ git: { history: async () => history_ } }, of)
  const tips = [history[0]?.sha ?? id(0)]
  const going: Going = { tips, live: sha('11fe'), commits: COMMITS, count: history.length, authors: [], ...more }
  return planChanges(ports, { app: anApp(), environment: of }, going)
}

const count = (planned: Awaited<ReturnType<typeof plan>>) =>
  planned === undefined ? 0 : 'changes' in planned ? planned.changes.length : planned.refused

describe('the changes of a plan', () => {
  it('are worked out only where QA is asked for each', async () => {
    expect(await plan(line(3), {}, anEnvironment())).toBeUndefined()
    expect(count(await plan(line(3)))).toBe(3)
  })

  it.each([1, 199, 200])('%i are asked about', async (many) => expect(count(await plan(line(many)))).toBe(many))

  it('more than 200 are refused, with how many, and so are more than 80 groups', async () => {
    const limits = { gate: 'too_many_changes', most: 200, mostGroups: 80 }
    expect(count(await plan(line(201)))).toEqual({ ...limits, changes: 201, groups: 21 })
    expect(count(await plan(line(80, 80)))).toBe(80)
    expect(count(await plan(line(81, 81)))).toEqual({ ...limits, changes: 81, groups: 81 })
    expect(count(await plan(line(10_001)))).toEqual({ ...limits, changes: 10_001, groups: 0 })
  })

  it('a first release is one, and so is one without new commits', async () => {
    const first = await plan([], { live: null })
    expect(first).toMatchObject({ changes: [{ isWhole: true, commits: COMMITS.map((commit) => commit.sha) }] })
    expect(await plan([], { commits: [] })).toMatchObject({ changes: [{ isWhole: true, commits: [id(0)] }] })
  })

  it('a hot-fix has its picks, whatever else its branch holds', async () => {
    const picks = ['a1', 'b2'].map((each) => ({
      ...{ from: sha(`${each}f`), made: sha(each), title: each, author: { name: 'Chi', email: 'chi@example.com' } },
      files: { count: 0, list: [] },
    }))
    const hotfix: HotfixPlan = { picks, at: '2026-11-22T09:00:00Z', alsoGoes: { count: 0, commits: [] } }
    expect(await plan(line(300), { hotfix })).toMatchObject({
      changes: [{ commits: [sha('a1')] }, { commits: [sha('b2')] }],
    })
  })
})
