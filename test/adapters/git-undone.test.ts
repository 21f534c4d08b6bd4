/** What a range lists and the tree to deploy lacks, by real git. */
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createGit } from '../../src/adapters/git/git.ts'
import type { App } from '../../src/release/settings.ts'
import { undoneWarnings } from '../../src/worker/plan/undone.ts'
import { createGitRepositories, type GitRepository } from '../support/git-repository.ts'

let repositories: Awaited<ReturnType<typeof createGitRepositories>>
let origin: GitRepository
let git: ReturnType<typeof createGit>
let app: App
let base: string

const LINES = '1\n2\n3\n4\n5\n6\n7\n8\n'

beforeEach(async () => {
  repositories = await createGitRepositories()
  origin = await repositories.repository('origin')
  app = { name: 'api', repository: 'team/api', gitUrl: origin.directory, environments: [] }
  git = createGit({ mirrors: join(repositories.directory, 'mirrors'), credentials: () => undefined })
  base = await origin.commit('base', { files: { 'a.txt': LINES, 'b.txt': 'b\n' } })
  await origin.branch('production', base)
})
afterEach(async () => {
  await git.close()
  await repositories.close()
})

/** The warnings of a release of master to production, where the remote holds this. */
async function warned(holds: string | null = base): Promise<readonly string[]> {
  const fetched = await git.fetch(app, origin.directory, ['master', 'production'])
  if (!fetched.ok) throw new Error(fetched.detail)
  const { master: source, production: target } = fetched.value
  if (!source || !target) throw new Error('a branch is missing')
  const isIn = await git.isAncestor(app, source, target)
  const merge = await git.previewMerge(app, target, source)
  if (!merge.clean) throw new Error('it conflicts')
  const result = isIn
    ? { how: 'commit' as const, commit: target, tree: (await git.commit(app, target)).tree }
    : { how: 'merge' as const, parents: [target, source] as const, tree: merge.tree }
  const listed = await git.commits(app, { from: [source, target], notFrom: holds === null ? [] : [holds], limit: 500 })
  const facts = {
    source: { branch: 'master', commit: source },
    target: { branch: 'production', commit: target },
    result,
    remote: { holds },
  }
  return undoneWarnings({ git }, app, facts, listed.commits)
}

/** Merges master into production as it is now; `files` over production's own. */
async function merged(files: Record<string, string | null>): Promise<string> {
  const [ours, theirs] = [await origin.head('production'), await origin.head('master')]
  if (!ours || !theirs) throw new Error('a branch is missing')
  return origin.commit(`Merge ${theirs.slice(0, 7)}`, { branch: 'production', parents: [ours, theirs], files })
}

const feature = { 'feature.txt': 'feature\n', 'a.txt': `0\n${LINES}` }

describe('W20: a merge that was reverted on production', () => {
  it('and never pushed: the commits that are listed and lacking are named', async () => {
    const one = await origin.commit('Add the feature', { files: { 'feature.txt': 'feature\n' } })
    const two = await origin.commit('Use the feature', { files: { 'a.txt': `0\n${LINES}` } })
    await merged(feature)
    await origin.commit('Revert "Merge"', { branch: 'production', files: { 'feature.txt': null, 'a.txt': LINES } })
    await origin.commit('Something else', { files: { 'c.txt': 'c\n' } })
    expect(await warned()).toEqual([
      '2 listed commits were undone on production, so their changes are not deployed. To deploy them, revert the revert',
      `Not deployed: ${two.slice(0, 7)} Use the feature`,
      `Not deployed: ${one.slice(0, 7)} Add the feature`,
    ])
  })

  it('of which nothing new is on master: the same', async () => {
    const one = await origin.commit('Add the feature', { files: { 'feature.txt': 'feature\n' } })
    await merged({ 'feature.txt': 'feature\n' })
    await origin.commit('Revert "Merge"', { branch: 'production', files: { 'feature.txt': null } })
    expect(await warned()).toEqual([
      '1 listed commit was undone on production, so its changes are not deployed. To deploy them, revert the revert',
      `Not deployed: ${one.slice(0, 7)} Add the feature`,
    ])
  })

  it('in part: only what is lacking', async () => {
    await origin.commit('Add the feature', { files: { 'feature.txt': 'feature\n' } })
    const two = await origin.commit('Use the feature', { files: { 'a.txt': `0\n${LINES}` } })
    await merged(feature)
    await origin.commit('Revert the use', { branch: 'production', files: { 'a.txt': LINES } })
    await origin.commit('Something else', { files: { 'c.txt': 'c\n' } })
    expect(await warned()).toEqual([expect.any(String), `Not deployed: ${two.slice(0, 7)} Use the feature`])
  })

  it('and a change on top of the feature, which can’t be compared alone: both are named', async () => {
    await origin.commit('Add the feature', { files: { 'feature.txt': 'feature\n' } })
    await origin.commit('Extend the feature', { files: { 'feature.txt': 'feature\nmore\n' } })
    await merged({ 'feature.txt': 'feature\nmore\n' })
    await origin.commit('Revert "Merge"', { branch: 'production', files: { 'feature.txt': null } })
    expect((await warned()).map((line) => line.replace(/[0-9a-f]{7} /, ''))).toEqual([
      expect.stringContaining('2 listed commits'),
      'Not deployed: Extend the feature',
      'Not deployed: Add the feature',
    ])
  })

  it('whose revert was reverted: nothing', async () => {
    await origin.commit('Add the feature', { files: { 'feature.txt': 'feature\n' } })
    await merged({ 'feature.txt': 'feature\n' })
    await origin.commit('Revert "Merge"', { branch: 'production', files: { 'feature.txt': null } })
    await origin.commit('Revert "Revert"', { branch: 'production', files: { 'feature.txt': 'feature\n' } })
    await origin.commit('Something else', { files: { 'c.txt': 'c\n' } })
    expect(await warned()).toEqual([])
  })
})

describe('W20: nothing is warned of', () => {
  it('where production has hot-fixes of its own', async () => {
    await origin.commit('Hot-fix', { branch: 'production', files: { 'b.txt': 'fixed\n' } })
    await origin.commit('Add the feature', { files: feature })
    expect(await warned()).toEqual([])
  })

  it('where master itself has taken a commit back', async () => {
    await origin.commit('Hot-fix', { branch: 'production', files: { 'b.txt': 'fixed\n' } })
    await origin.commit('Add the feature', { files: feature })
    await origin.commit('Revert "Add the feature"', { files: { 'feature.txt': null, 'a.txt': LINES } })
    expect(await warned()).toEqual([])
  })

  it('where a later commit on master has rewritten the same lines', async () => {
    await origin.commit('Hot-fix', { branch: 'production', files: { 'a.txt': LINES.replace('8', 'eight') } })
    await origin.commit('Add the feature', { files: { 'a.txt': `0\n${LINES}` } })
    await origin.commit('Rewrite the feature', { files: { 'a.txt': `zero\n${LINES}` } })
    expect(await warned()).toEqual([])
  })
})

describe('W20: brothers', () => {
  it('a merge that kept only production’s files (merge -s ours)', async () => {
    const one = await origin.commit('Add the feature', { files: { 'feature.txt': 'feature\n' } })
    await merged({})
    await origin.commit('Something else', { files: { 'c.txt': 'c\n' } })
    expect(await warned()).toEqual([expect.any(String), `Not deployed: ${one.slice(0, 7)} Add the feature`])
  })

  it('a first release, and names of files that are meant to harm', async () => {
    const path = '--all :(top) *.txt'
    const one = await origin.commit('Add the feature', { files: { [path]: 'feature\n' } })
    await merged({ [path]: 'feature\n' })
    await origin.commit('Revert "Merge"', { branch: 'production', files: { [path]: null } })
    expect(await warned(null)).toEqual([expect.any(String), `Not deployed: ${one.slice(0, 7)} Add the feature`])
  })
})
