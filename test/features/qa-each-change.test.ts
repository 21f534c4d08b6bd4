/** QA of each change, as the channel reads it: asked by author, ticked by several people, confirmed, deployed, recorded. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { authors } from '../../src/sandbox/app-repository.ts'
import type { View } from '../../src/sandbox/slack/workspace.ts'
import { actionsOf, filledIn } from '../support/channel.ts'
import { askForHotfix, atBitbucket, openPullRequest } from '../support/hotfix.ts'
import { startTeam, type Team } from '../support/team.ts'

let team: Team
let chi: string

beforeAll(async () => {
  team = await startTeam({
    production: (entry) => {
      entry.sign_off = { qa: 'each change', approvals: 1, approvers: ['@release-approvers'] }
      entry.migrations = { ...(entry.migrations as object), talk_it_over: [] }
    },
    pace: { times: { look: 1_000 } },
  })
  const found = await fetch(`${team.slack.apiUrl}users.lookupByEmail?email=chi@example.test`, {
    headers: { authorization: `Bearer ${team.slack.botToken}` },
  })
  chi = ((await found.json()) as { user: { id: string } }).user.id
})
afterAll(() => team?.close())

/** Chi's pull request with two commits is merged on Bitbucket's page, which writes the message. */
async function merged(title: string, branch: string): Promise<number> {
  await team.repository.branch(branch, await team.repository.head('master'))
  for (const part of ['one', 'two']) {
    const files = { [`api/${branch}_${part}.py`]: `${part.toUpperCase()} = 1\n` }
    await team.repository.commit({ branch, files, message: `${title}, part ${part}`, author: authors.chi })
  }
  const id = await openPullRequest(team, { title, source: branch, destination: 'master' })
  await atBitbucket(team, `pullrequests/${id}/merge`, { merge_strategy: 'merge_commit' })
  return id
}

interface Group {
  readonly block: string
  readonly label: string
  readonly options: readonly { readonly text: string; readonly value: string }[]
}

/** The groups of **Tested** in the modal. */
function groupsOf(view: View): readonly Group[] {
  return view.blocks.flatMap((block): Group[] => {
    const {
      element,
      label,
      block_id: id,
    } = block as {
      element?: { type: string; options: { text: { text: string }; value: string }[] }
      label?: { text: string }
      block_id?: string
    }
    if (element?.type !== 'checkboxes') return []
    const options = element.options.map(({ text, value }) => ({ text: text.text, value }))
    return [{ block: String(id), label: label?.text ?? '', options }]
  })
}

const words = (number: number) => team.words(team.card(number))

/** Opens **QA…**. */
async function openQa(user: string, number: number): Promise<View> {
  await team.click(user, 'test changes', number)
  return team.modal(user, ({ callbackId: callback }) => callback === 'qa_modal')
}

/** Ticks the changes whose titles match, and sends the modal; it may stay open. */
async function tick(user: string, view: View, wanted: RegExp, more: Record<string, string> = {}): Promise<void> {
  const ticked = groupsOf(view).map(({ block, options }): [string, string[]] => [
    block,
    options.filter(({ text }) => wanted.test(text)).map(({ value }) => value),
  ])
  const values: Record<string, string | string[]> = { ...Object.fromEntries(ticked), ...more }
  await team.slack.submit({ user, view, values: filledIn(view, values) })
}

it('the card asks for QA of each change, by author, and offers QA… instead of QA passed', async () => {
  const { dana } = team.people
  const id = await merged('Search in one language', 'languages')
  await team.command(dana, '/deploy production')
  await team.until.awaitingSignOff(1)
  expect(words(1)).toContain('Needs *QA 0 of 5 · chi 3 · ada 1 · ben 1* from any full member')
  expect(actionsOf(team.card(1) ?? { blocks: [] })).toContain('test_changes')
  expect(actionsOf(team.card(1) ?? { blocks: [] })).not.toContain('qa_passed')
  const [plan] = await team.query<{ plan: { bound: { changes: string[][] }; changes: { pullRequest?: number }[] } }>(
    'select plan from release where number = 1',
  )
  expect(plan?.plan.bound.changes.map(({ length }) => length).toSorted()).toEqual([1, 1, 1, 1, 3])
  expect(plan?.plan.changes.flatMap(({ pullRequest }) => pullRequest ?? [])).toEqual([id])
})

it('authors who are matched by e-mail are asked once, with the card’s first post', async () => {
  const posted = team.slack.log.filter(({ method, isApplied }) => method === 'chat.postMessage' && isApplied)
  expect(JSON.stringify(posted).split(`<@${chi}>`)).toHaveLength(2)
})

it('each ticks what they have tested; of Chi’s own ones the record says so', async () => {
  const { lin } = team.people
  const view = await openQa(lin, 1)
  expect(groupsOf(view).map(({ label, options }) => `${label}: ${options.length}`)).toEqual([
    'Tested: chi: 3',
    'Tested: ada: 1',
    'Tested: ben: 1',
  ])
  await tick(lin, view, /limit|search.*by title/i, { note: 'On integration, with three users.' })
  await team.until.line(1, 'tested')
  const own = await openQa(chi, 1)
  expect(groupsOf(own)[0]?.label).toBe('Tested: chi (you)')
  await tick(chi, own, /^PR #\d+ Search in one language/)
  await team.eventually(() => expect(words(1)).toContain('QA 3 of 5 · chi 1 · ben 1'))
  expect(words(1)).toContain('Tested by @lin 2 · @chi 1 (own)')
  await team.eventually(() => {
    const thread = team.thread(1).join('\n')
    expect(thread).toContain('lin tested 2 changes: ')
    expect(thread).toContain('On integration, with three users.')
    expect(thread).toMatch(/chi tested 1 change, as its author: PR #\d+ Search in one language\./)
  })
})

it('what is ticked is not offered again, and an empty dialog is refused at its field', async () => {
  const { lin } = team.people
  const view = await openQa(lin, 1)
  expect(groupsOf(view).flatMap(({ options }) => options)).toHaveLength(2)
  expect(JSON.stringify(view.blocks)).toContain('chi, its author')
  await tick(lin, view, /nothing is called so/)
  await team.told(lin, 'qa_incomplete', 'no change is ticked')
  await team.slack.closeView({ user: lin, view })
})

it('the ticks that leave nothing owed are confirmed first: the dialog says what they start', async () => {
  const { lin, tom } = team.people
  expect(await team.click(tom, 'approval')).toBeUndefined()
  await team.until.signed(1, 'approval', tom)
  const view = await openQa(lin, 1)
  await tick(lin, view, /./)
  const asking = await team.modal(lin, ({ blocks }) => JSON.stringify(blocks).includes('This starts #1 on production'))
  expect((await team.query('select 1 from change_tested where release = 1')).length).toBe(3)
  expect(groupsOf(asking)).toHaveLength(2)
  await tick(lin, asking, /./)
  await team.until.succeeded(1)
})

it('the record names who tested what: at the pull request, in Details and in the announcement', async () => {
  const { dana } = team.people
  const announced = await team.until.announced(1)
  expect(announced).toMatch(/QA by @?lin, @?chi/)
  const release = team.bitbucket.pullRequests().find(({ destination }) => destination.branch === 'production')
  const comment = team.bitbucket
    .comments(release?.id ?? 0)
    .map((each) => JSON.stringify(each))
    .join('\n')
  expect(comment).toMatch(/change PR #\d+ Search in one language: tested by chi \(\w+\), its author, 20/)
  expect(comment.match(/\* change /g)).toHaveLength(5)
  await team.click(dana, 'details', 1)
  const details = await team.modal(dana, ({ callbackId: callback }) => callback === 'details_modal')
  expect(JSON.stringify(details.blocks)).toContain('QA 5 of 5 changes')
  await team.slack.closeView({ user: dana, view: details })
})

it('a problem with a change rejects the release with its reason', async () => {
  const { dana, lin } = team.people
  const id = await merged('Count users', 'counts')
  await team.command(dana, '/deploy production')
  await team.until.awaitingSignOff(2)
  const view = await openQa(lin, 2)
  const problem = groupsOf(view)[0]?.options[0]?.value ?? ''
  await tick(lin, view, /nothing is called so/, { problem, reason: 'It counts guests too.' })
  const ended = await team.until.ended(2)
  expect(ended).toMatchObject({
    state: 'rejected',
    endReason: `Problem with PR #${id} Count users: It counts guests too.`,
  })
})

it('a dialog that was open while the release became outdated is refused, and nothing is recorded', async () => {
  const { dana, lin } = team.people
  await team.command(dana, '/deploy production')
  await team.until.awaitingSignOff(3)
  const view = await openQa(lin, 3)
  await team.repository.commit({ files: { 'api/later.py': 'LATER = 1\n' }, message: 'Later', author: authors.ada })
  await team.until.outdated(3)
  await tick(lin, view, /./)
  await team.told(lin, 'already_decided', '#3')
  await team.slack.closeView({ user: lin, view })
  expect(await team.query('select 1 from change_tested where release = 3')).toEqual([])
})

it('a hot-fix asks for its picks', async () => {
  const { dana, lin, tom } = team.people
  const pick = await team.repository.commit({
    files: { 'api/fix.py': 'FIX = 1\n' },
    message: 'Fix the digests',
    author: authors.ben,
  })
  await askForHotfix(team, dana, `/hotfix ${pick} production`)
  await team.until.awaitingSignOff(4)
  expect(words(4)).toContain('QA 0 of 1 · ben 1')
  const view = await openQa(lin, 4)
  expect(groupsOf(view).flatMap(({ options }) => options.map(({ text }) => text))).toEqual(['Fix the digests'])
  await tick(lin, view, /./)
  await team.until.signed(4, 'qa', lin)
  await team.click(tom, 'approval', 4)
  await team.until.succeeded(4)
})
