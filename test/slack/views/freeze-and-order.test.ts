/** What people read of freezes and of the order of environments: on cards, in the status, in refusals and dialogs. */
import { describe, expect, it } from 'vitest'
import type { Refusal } from '../../../src/release/refusals.ts'
import type { Freeze } from '../../../src/release/settings.ts'
import { card } from '../../../src/slack/views/card.ts'
import { controlButton, offersOf } from '../../../src/slack/views/control-buttons.ts'
import { deployModal } from '../../../src/slack/views/deploy-modal.ts'
import { detailsModal } from '../../../src/slack/views/details.ts'
import { hotfixModal } from '../../../src/slack/views/hotfix-modal.ts'
import { emergencyModal } from '../../../src/slack/views/modals.ts'
import { freezeNames, freezeNotes } from '../../../src/slack/views/parts/freeze.ts'
import { type ProofNow, proofWords } from '../../../src/slack/views/parts/proof.ts'
import { privateMessage } from '../../../src/slack/views/private/index.ts'
import { refusalMessage } from '../../../src/slack/views/refusal-message.ts'
import type { CardFacts } from '../../../src/slack/views/state/state-view.ts'
import { messageProblems, viewProblems } from '../../support/block-kit-limits.ts'
import { anApp, anEnvironment, aRelease, SERVICES, sha } from '../../support/builders.ts'
import { read } from './read.ts'

const WEEKEND: Freeze = { name: 'weekend', from: 'Fri 16:00', to: 'Mon 08:00', timeZone: 'Europe/Berlin' }
const FRIDAY_NOON = new Date('2026-12-04T11:00Z')
const SOON = new Date('2026-12-04T14:00Z')
const SATURDAY = new Date('2026-12-05T12:00Z')

function drawn(now: Date, more: Partial<CardFacts> = {}) {
  const signOff = { qa: 1, approvals: 1, approvers: ['@release-approvers'], requireChecks: false, expiresAfterMs: 1 }
  const environment = anEnvironment({ freezes: [WEEKEND], signOff })
  const facts = { environment, tokens: {}, progress: 'lines', owed: [], now, mentionGroups: false } as const
  return card(aRelease(), { ...facts, services: SERVICES, ...more })
}

describe('a card that awaits sign-off', () => {
  it.each([
    ['nothing, hours before', FRIDAY_NOON, undefined],
    [
      'when it begins, two hours before',
      SOON,
      /Frozen\*\* from .*2026-12-04 15:00.* until .*2026-12-07 07:00.* \(weekend\)/,
    ],
    ['until when it lasts', SATURDAY, /Frozen\*\* until .*2026-12-07 07:00.* \(weekend\)/],
  ])('says %s', (_, now, words) => {
    const message = drawn(now)
    expect(messageProblems(message)).toEqual([])
    if (words === undefined) expect(read(message)).not.toContain('Frozen')
    else {
      expect(read(message)).toMatch(words)
      expect(read(message)).toContain('**Must go out now…** starts it anyway. It can be pressed by @release-approvers.')
    }
  })

  const proof = (change: Partial<ProofNow> = {}): ProofNow => ({
    on: 'integration',
    commit: sha('9f2c1ab'),
    noLonger: [],
    ...change,
  })

  it.each<[Partial<ProofNow>, string]>([
    [{ by: 11 }, 'Proven on integration by #11'],
    [{}, 'Not proven on integration: Signoff does not know what it runs'],
    [
      { runs: { commit: sha('1f03ae2'), behind: 3 } },
      'Not proven on integration: it runs 1f03ae2, 3 commits behind this',
    ],
    [
      { runs: { commit: sha('1f03ae2'), behind: 1 } },
      'Not proven on integration: it runs 1f03ae2, 1 commit behind this',
    ],
    [{ runs: { commit: null } }, 'Not proven on integration: it runs nothing'],
    [{ noLonger: [11] }, 'Not proven on integration: #11, which proved it, is marked as bad'],
    [{ noLonger: [11, 9] }, 'Not proven on integration: #11 and #9, which proved it, are marked as bad'],
  ])('says of %j: %s', (change, words) => {
    expect(proofWords(proof(change))).toBe(words)
    expect(read(drawn(FRIDAY_NOON, { proof: proof(change) }))).toContain(words)
  })

  it('says what to do first where the order is required, and only there', () => {
    const runs = { commit: sha('1f03ae2'), behind: 3 }
    const first = 'Deploy it there first with `/deploy api integration`'
    const required = anEnvironment({ order: 'required' })
    expect(read(drawn(FRIDAY_NOON, { proof: proof({ runs }), environment: required }))).toContain(first)
    expect(read(drawn(FRIDAY_NOON, { proof: proof({ by: 1 }), environment: required }))).not.toContain(first)
    expect(read(drawn(FRIDAY_NOON, { proof: proof({ runs }) }))).not.toContain(first)
  })
})

describe('a refused request', () => {
  const frozen: Extract<Refusal, { gate: 'environment_frozen' }> = {
    gate: 'environment_frozen',
    app: 'api',
    environment: 'production',
    kind: 'deploy',
    names: ['weekend'],
    until: '2026-12-07T07:00:00Z',
    who: ['@release-approvers'],
    at: '2026-12-07 08:00',
  }
  const told = (change: Partial<typeof frozen>) => {
    const refusal = { ...frozen, ...change }
    const offers = offersOf(refusal).map((offer) => ({ ...offer, token: 'token' }))
    return { words: read(refusalMessage(refusal, { services: SERVICES, offers })), offers }
  }

  it('offers Plan for an emergency to those who may, and says to others whom to ask', () => {
    const offered = told({ isOffered: true })
    expect(offered.offers.map((offer) => controlButton(offer).text.text)).toEqual(['Plan for an emergency'])
    expect(offered.words).toContain('press **Plan for an emergency**')
    const others = told({})
    expect(others.offers).toEqual([])
    expect(others.words).toContain('ask @release-approvers. They can plan it for an emergency.')
  })

  it('says how to schedule it for the end, where that is near', () => {
    expect(told({}).words).toContain('`/deploy api production at 2026-12-07 08:00`')
    const { at: _, ...far } = frozen
    expect(read(refusalMessage(far, { services: SERVICES }))).not.toContain('/deploy api production at')
  })

  it('offers no button for a hot-fix, whose modal plans it for an emergency', () => {
    const { offers, words } = told({ kind: 'hotfix', isOffered: true })
    expect(offers).toEqual([])
    expect(words).toContain('request it with `/hotfix`')
  })

  it('says on a click that would start it what still works', () => {
    const { words } = told({ number: 12 })
    expect(words).toContain('Can’t start #12: api production is frozen (weekend)')
    expect(words).toContain('Other sign-offs can be given. Give the last one after that.')
    expect(words).not.toContain('/deploy api production at')
  })
})

it('names freezes that last one into another, and not too many', () => {
  expect(freezeNames(['weekend'])).toBe('weekend')
  expect(freezeNames(['weekend', 'year-end'])).toBe('weekend and year-end')
  expect(freezeNames(['a', 'b', 'c', 'd', 'e'])).toBe('a, b, c and 2 more')
})

it('stands in /deploy’s modal before it is sent, for each environment that is frozen or soon will be', () => {
  const [open, closed] = [anEnvironment({ name: 'eu' }), anEnvironment({ freezes: [WEEKEND] })]
  const notes = (now: Date) => freezeNotes([anApp({ environments: [open, closed] })], now)
  expect(notes(FRIDAY_NOON)).toEqual([])
  expect(notes(SOON)).toEqual([
    expect.stringMatching(/^\*api production\* · :snowflake: Frozen from .* until .*\(weekend\)$/),
  ])
  expect(notes(SATURDAY)).toEqual([
    expect.stringMatching(/^\*api production\* · :snowflake: Frozen until .*\(weekend\)$/),
  ])
  const view = deployModal({ apps: [anApp()], metadata: '{}', held: notes(SATURDAY) })
  expect(viewProblems(view)).toEqual([])
  expect(JSON.stringify(view)).toContain('Frozen until')
  const many = Array.from({ length: 9 }, (_, index) => anEnvironment({ name: `e${index}`, freezes: [WEEKEND] }))
  expect(freezeNotes([anApp({ environments: many })], SATURDAY).at(-1)).toBe('and 4 more frozen environments')
})

it('is a line of the status', () => {
  const freeze = { is: 'frozen', names: ['weekend'], until: '2026-12-07T07:00:00Z' } as const
  const message = privateMessage(
    { is: 'status', environments: [{ app: 'api', environment: 'production', freeze }] },
    { services: SERVICES },
  )
  expect(messageProblems(message)).toEqual([])
  expect(read(message)).toMatch(/Frozen until .*2026-12-07 07:00.* \(weekend\)/)
  expect(message.text).toContain('It is frozen.')
})

it('stands in the dialog of an emergency, with a commit that is not proven', () => {
  const view = emergencyModal({
    callback: 'signoff_emergency' as never,
    release: aRelease(),
    metadata: '{}',
    now: new Date('2026-12-05T12:00:00Z'),
    environment: anEnvironment({ freezes: [WEEKEND], order: 'required' }),
    waived: {
      freeze: { is: 'frozen', names: ['weekend'], until: new Date('2026-12-07T07:00:00Z') },
      proof: { on: 'integration', commit: sha('9f2c1ab'), noLonger: [], runs: { commit: sha('1f03ae2'), behind: 3 } },
    },
  })
  expect(viewProblems(view)).toEqual([])
  expect(JSON.stringify(view)).toMatch(/Frozen.*weekend/)
  expect(JSON.stringify(view)).toContain('Not proven on integration: it runs 1f03ae2, 3 commits behind this')
})

it('stands in Details among what the gates checked', () => {
  const proof = { on: 'integration', commit: sha('9f2c1ab'), noLonger: [], by: 11 }
  const view = detailsModal(aRelease(), { services: SERVICES, environment: anEnvironment(), proof })
  expect(viewProblems(view)).toEqual([])
  expect(JSON.stringify(view)).toContain('Proven on integration by #11')
})

it('makes of a hot-fix’s modal one that plans for an emergency, with what was typed', () => {
  const view = hotfixModal({
    apps: [anApp()],
    metadata: '{}',
    filled: { app: 'api', environment: 'production', commits: ['7ad90f4 9f2c1ab'] },
    superseded: [],
    frozen: { names: ['weekend'], reason: 'Search is down', isSure: true },
  })
  expect(viewProblems(view)).toEqual([])
  expect(view.submit?.text).toBe('Plan for an emergency')
  const shown = JSON.stringify(view)
  for (const each of ['The environment is frozen* (weekend)', '"Search is down"', 'initial_options', '7ad90f4 9f2c1ab'])
    expect(shown).toContain(each)
})
