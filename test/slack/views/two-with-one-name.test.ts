/** Two people with one display name stay two: on the card, in the thread, in the announcement and in the forge's record. */
import { expect, it } from 'vitest'
import { owed } from '../../../src/release/policy.ts'
import type { Release } from '../../../src/release/release.ts'
import { announcement } from '../../../src/slack/views/announcement.ts'
import { buttonsOf } from '../../../src/slack/views/buttons.ts'
import { card } from '../../../src/slack/views/card.ts'
import { threadLine } from '../../../src/slack/views/thread.ts'
import { recordLines } from '../../../src/worker/run/record-text.ts'
import { anEnvironment, aPlan, aRelease, aSignOff, at, SERVICES } from '../../support/builders.ts'
import { read } from './read.ts'

const ANN = { id: 'U01ANN', name: 'Cleo' }
const CLEO = { id: 'U0CLEO1', name: 'cleo' }
const OTHER = { id: 'U0CLEO2', name: 'Cleo ' }
const BEN = { id: 'U0BEN', name: 'Ben QA' }

const TWO: Partial<Release> = {
  requester: BEN,
  plan: aPlan(),
  signOffs: [aSignOff('qa', CLEO), aSignOff('approval', OTHER)],
}

function draw(release: Release, mentionPeople: boolean): string {
  const environment = anEnvironment()
  const owing = owed(environment, release)
  const tokens = Object.fromEntries(buttonsOf(release, owing).map((action) => [action, `token-${action}`]))
  const facts = { environment, tokens, services: SERVICES, progress: 'lines' as const, owed: owing, now: at('09:00') }
  return read(card(release, { ...facts, mentionGroups: false, mentionPeople }))
}

it('S4: a card that is edited shows people as mentions, which notify nobody', () => {
  const words = draw(aRelease({ ...TWO, state: 'approved' }), true)
  expect(words).toContain('Requested by <@U0BEN> · QA by <@U0CLEO1> · Approved by <@U0CLEO2>')
})

it('S4: a card that awaits sign-off shows who has signed, and who may not, as mentions', () => {
  const words = draw(aRelease({ ...TWO, signOffs: [aSignOff('qa', CLEO)] }), true)
  expect(words).toContain('Has QA from <@U0CLEO1>,')
  expect(words).toContain('not <@U0BEN>')
})

it('S4: a card that is posted mentions nobody but those who may sign; its names are told apart', () => {
  const words = draw(aRelease({ ...TWO, state: 'approved' }), false)
  expect(words).not.toContain('<@U')
  expect(words).toContain('Requested by Ben QA · QA by cleo (U0CLEO1) · Approved by Cleo (U0CLEO2)')
})

it('S4: what is spoken of the card has names, told apart', () => {
  const release = aRelease({ ...TWO, requester: ANN, signOffs: [aSignOff('qa', CLEO)] })
  const [text] = draw(release, true).split('\n')
  expect(text).toContain('QA from cleo (U0CLEO1)')
  expect(text).toContain('Cleo (U01ANN) requests')
  expect(text).not.toContain('<@')
})

it('S4: so does the announcement, which mentions nobody', () => {
  const drawn = announcement(aRelease({ ...TWO, state: 'approved' }), { environment: anEnvironment() })
  expect(read(drawn)).toContain('QA by cleo (U0CLEO1)')
  expect(read(drawn)).toContain('Approved by Cleo (U0CLEO2)')
  expect(read(drawn)).not.toContain('<@')
})

it('S4: so does a line of the thread', () => {
  const facts = { services: SERVICES, environment: anEnvironment(), owed: [] }
  const signed = threadLine({ is: 'signed', kind: 'approval', person: OTHER }, aRelease(TWO), facts)
  expect(signed.text).toBe('Cleo (U0CLEO2) approved.')
  const retried = threadLine({ is: 'retried', person: BEN }, aRelease(TWO), facts)
  expect(retried.text).toBe('Ben QA pressed Retry. The run resumes after checking the current state.')
})

it('S4: a long name keeps the id that tells it apart', () => {
  const long = 'a name that is longer than the forty characters of a line'
  const signOffs = [aSignOff('qa', { id: 'U0CLEO1', name: long }), aSignOff('approval', { id: 'U0CLEO2', name: long })]
  const words = draw(aRelease({ ...TWO, signOffs, state: 'approved' }), false)
  expect(words).toContain('(U0CLEO1)')
  expect(words).toContain('(U0CLEO2)')
})

it('S4: the forge’s record names everybody with their id', () => {
  const text = recordLines(aRelease(TWO), { short: false }).join('\n')
  expect(text).toContain('requested by Ben QA (U0BEN),')
  expect(text).toContain('* QA passed by cleo (U0CLEO1) (')
  expect(text).toContain('(U0CLEO2) (')
})
