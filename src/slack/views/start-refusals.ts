/** The messages about what may not start now: a freeze, and a commit that is not proven yet. */
import type { Refusal } from '../../release/refusals.ts'
import { CONTROLS } from '../controls.ts'
import { bold, code, type Line, richDate } from './parts/blocks.ts'
import { freezeNames } from './parts/freeze.ts'
import { allowedPeople } from './parts/people.ts'
import { runsWords } from './parts/proof.ts'
import { capital, short } from './parts/text.ts'
import { displayName, type Hints, type Words } from './parts/words.ts'

type StartGate = 'environment_frozen' | 'source_not_proven'
type Frozen = Extract<Refusal, { gate: 'environment_frozen' }>

/** The label of the button on the card. */
const EMERGENCY = bold('Must go out now…')

export const START_REFUSALS: {
  readonly [G in StartGate]: (refusal: Extract<Refusal, { gate: G }>, hints: Hints) => Words
} = {
  environment_frozen: (refusal, hints) => ({
    cant:
      refusal.number === undefined ? 'start a release' : `start #${refusal.number}${refusal.startAt ? ' then' : ''}`,
    why: `${displayName(`${refusal.app} ${refusal.environment}`)} is frozen (${freezeNames(refusal.names)})`,
    next: [
      freezeEnds(refusal),
      ...(refusal.number === undefined ? instead(refusal, hints) : atItsStart(refusal, hints)),
    ],
  }),
  source_not_proven: ({ number, app, on, commit, runs, noLonger = [], who }, hints) => ({
    cant: `start #${number}`,
    why: `${short(commit)} is not proven on ${displayName(on)}`,
    next: [
      ...(noLonger.length > 0 ? [] : [[`${capital(runsWords(runs, displayName(on)))}.`]]),
      ...noLonger.slice(0, 3).map((one): Line => [`#${one}, which proved it, is marked as bad.`]),
      ['Deploy it there first with ', code(`/deploy ${app} ${on}`), '. Then press again.'],
      ...(who === undefined ? [] : [anyway(who, hints)]),
    ],
  }),
}

function freezeEnds({ until }: Frozen): Line {
  if (until !== undefined) return ['The freeze ends: ', richDate(new Date(until)), '.']
  return ['It does not end within a year: see ', code('freezes'), ' in ', code('releases.yml'), '.']
}

/** What to do instead of the request. */
function instead({ app, environment, kind, at, who, isOffered }: Frozen, hints: Hints): readonly Line[] {
  const scheduled: readonly Line[] =
    at === undefined
      ? []
      : [['To plan it now and start it then, type ', code(`/deploy ${app} ${environment} at ${at}`), '.']]
  if (who === undefined) return scheduled
  if (!isOffered) {
    return [
      ...scheduled,
      ['If it can’t wait, ask ', ...allowedPeople(who, hints), '. They can plan it for an emergency.'],
    ]
  }
  const offer: Line =
    kind === 'hotfix'
      ? ['If it can’t wait, request it with ', code('/hotfix'), ', which then plans it for an emergency.']
      : [
          'If it can’t wait, press ',
          bold(CONTROLS['request for an emergency'].label),
          '. Then only ',
          EMERGENCY,
          ' starts it.',
        ]
  return [...scheduled, offer]
}

function atItsStart({ who, startAt }: Frozen, hints: Hints): readonly Line[] {
  if (startAt !== undefined) return [['Pick a time after that.']]
  if (who === undefined) return [['Request it again after that.']]
  return [['Other sign-offs can be given. Give the last one after that.'], anyway(who, hints)]
}

function anyway(who: readonly string[], hints: Hints): Line {
  return ['If it can’t wait, ', EMERGENCY, ' starts it. It can be pressed by ', ...allowedPeople(who, hints), '.']
}
