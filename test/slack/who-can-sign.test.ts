/** Sign-offs that nobody can give: what the card and the log say, by what Slack says of groups and people. */
import { describe, expect, it } from 'vitest'
import { owed } from '../../src/release/policy.ts'
import type { Release } from '../../src/release/release.ts'
import type { SignOffRules } from '../../src/release/settings.ts'
import { emergencyModal } from '../../src/slack/views/modals.ts'
import { ungivableWords } from '../../src/slack/views/parts/ungivable.ts'
import { findUngivable } from '../../src/slack/who-can-sign.ts'
import { anEnvironment, aPlan, aRelease, aSignOff, SIGN_OFF } from '../support/builders.ts'
import { createFakeDirectory, type FakeDirectory } from '../support/directory.ts'

const ANN = { id: 'U0ANN', name: 'Ann' }
const BEN = { id: 'U0BEN', name: 'Ben' }
const CYD = { id: 'U0CYD', name: 'Cyd' }

function slack(): FakeDirectory {
  const directory = createFakeDirectory()
  for (const { id, name } of [ANN, BEN, CYD]) directory.member(id, name, `${name.toLowerCase()}@example.com`)
  directory.notAMember('U0GUS', 'guest')
  return directory
}

/** What is said of a release that Ann requested. */
async function said(
  directory: FakeDirectory,
  rules: Partial<SignOffRules>,
  { declarer, ...release }: Partial<Release> & { declarer?: string } = {},
): Promise<readonly string[]> {
  const environment = anEnvironment({ signOff: { ...SIGN_OFF, qa: 0, ...rules } })
  const whole = aRelease({ requester: ANN, plan: aPlan(), signOffs: [], ...release })
  return (await findUngivable(directory, whole, owed(environment, whole), declarer)).map(ungivableWords)
}

describe('S11: who can sign', () => {
  it.each<[string, readonly string[] | undefined, string]>([
    ['has only the requester', [ANN.id], 'Nobody can approve: @release-approvers has only Ann, who asked.'],
    ['has no members', [], 'Nobody can approve: @release-approvers has no members.'],
    ['is missing or renamed', undefined, 'Nobody can approve: there is no user group @release-approvers.'],
    [
      'has only a guest',
      ['U0GUS'],
      'Nobody can approve: @release-approvers has only U0GUS, who is no full member of this workspace.',
    ],
  ])('S11: the approvers’ group %s', async (_how, members, words) => {
    const directory = slack()
    directory.group('@release-approvers', members)
    expect(await said(directory, {})).toEqual([
      `${words} Add people to the group in Slack, or fix approvers in releases.yml.`,
    ])
  })

  it('S11: the approvers’ group is disabled', async () => {
    const directory = { ...slack(), lookUpGroup: async () => ({ is: 'disabled' as const }) }
    const [words] = await said(directory, {})
    expect(words).toMatch(/^Nobody can approve: the user group @release-approvers is disabled\./)
  })

  it('S11: approvers by id: only the requester', async () => {
    expect(await said(slack(), { approvers: [ANN.id] })).toEqual([
      'Nobody can approve: releases.yml names only Ann, who asked. Add people to approvers in releases.yml.',
    ])
  })

  it('S11: says how many can, where more are needed', async () => {
    const directory = slack()
    directory.group('@release-approvers', [ANN.id, BEN.id])
    const [words] = await said(directory, { approvals: 2 })
    expect(words).toMatch(/^Only 1 person of the 2 needed can approve: @release-approvers has only Ann, who asked\./)
  })

  it('S11: who wrote every commit can’t approve either', async () => {
    const directory = slack()
    directory.group('@release-approvers', [ANN.id, BEN.id])
    const plan = { ...aPlan(), authors: [{ name: 'Ben', email: 'BEN@example.com' }] }
    const [words] = await said(directory, {}, { plan })
    expect(words).toContain('@release-approvers has only Ann, who asked, and Ben, who wrote every commit')
  })

  it('S11: QA is a matter of its own list, and the requester may confirm it', async () => {
    const directory = slack()
    directory.group('@release-approvers', [BEN.id])
    directory.group('@qa', [ANN.id])
    expect(await said(directory, { qa: 1, qaBy: ['@qa'] })).toEqual([])
    directory.group('@qa', [])
    expect(await said(directory, { qa: 1, qaBy: ['@qa'] })).toEqual([
      'Nobody can confirm QA: @qa has no members. Add people to the group in Slack, or fix qa_by in releases.yml.',
    ])
  })

  it('S11: an emergency that nobody could settle afterwards, before and after it is declared', async () => {
    const directory = slack()
    directory.group('@release-approvers', [ANN.id, BEN.id])
    const words =
      /^Nobody can approve: @release-approvers has only Ann, who asked, and Ben, who declared the emergency\./
    expect((await said(directory, {}, { declarer: BEN.id }))[0]).toMatch(words)
    const signOffs = [aSignOff('emergency', BEN, { note: 'the site is down' })]
    expect((await said(directory, {}, { signOffs, state: 'succeeded' }))[0]).toMatch(words)
    const environment = anEnvironment()
    const release = aRelease({ requester: ANN })
    const unsettled = await findUngivable(
      directory,
      release,
      [{ kind: 'approval', count: 1, by: ['@release-approvers'] }],
      BEN.id,
    )
    const view = emergencyModal({
      callback: 'emergency_modal',
      release,
      metadata: '',
      environment,
      unsettled,
      now: new Date(),
    })
    expect(JSON.stringify(view)).toContain('Afterwards: Nobody can approve')
  })

  it.each([
    ['everybody may sign', { approvers: undefined as never }],
    ['somebody else can', { approvers: [ANN.id, CYD.id] }],
  ])('S11: says nothing where %s', async (_how, rules) => {
    expect(await said(slack(), rules)).toEqual([])
  })

  it('S11: says nothing that Slack does not know', async () => {
    const directory = slack()
    directory.group('@release-approvers', [ANN.id])
    directory.answers(false)
    expect(await said(directory, {})).toEqual([])
  })

  it('S11: says nothing of a large group: nobody is looked up', async () => {
    const directory = slack()
    directory.group(
      '@release-approvers',
      Array.from({ length: 40 }, (_, nth) => `U0X${nth}`),
    )
    expect(await said(directory, {})).toEqual([])
    expect(directory.asked.filter((asked) => asked.startsWith('person'))).toEqual([])
  })
})
