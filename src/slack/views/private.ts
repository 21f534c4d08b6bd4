/** What one person reads: answers to commands and clicks. Nobody else sees them, and nobody is mentioned. */
import type { KnownBlock } from '@slack/types'
import { awaitsGo } from '../../release/hotfix.ts'
import type { EnvironmentStatus, PrivateMessage } from '../../release/messages.ts'
import type { Plan } from '../../release/plan.ts'
import { owed } from '../../release/policy.ts'
import type { ServiceWords } from '../../release/ports/words.ts'
import { isEmergency, type Release } from '../../release/release.ts'
import type { Environment } from '../../release/settings.ts'
import { hasEnded } from '../../release/terms.ts'
import { actions, bold, code, context, type Drawn, type Line, richLines, section } from './blocks.ts'
import { buttons, forEmergency } from './buttons.ts'
import { cardText } from './card-text.ts'
import { problemOf, where } from './card-troubles.ts'
import { called, migrationCount, place, signers, whatGoes } from './facts.ts'
import { goMessage } from './hotfix-private.ts'
import type { People } from './people.ts'
import { planBlocks } from './plan-blocks.ts'
import { refusalBlocks, refusalMessage } from './refusal-message.ts'
import { STATE_EMOJI, STATE_IN_A_SENTENCE } from './states.ts'
import { cleaned, counted, cut, date, defused, link, oneLine, short, together, utc } from './text.ts'

/** What private messages need beside themselves. */
export interface PrivateFacts extends People {
  /** The release that an `ended` message is about, as it is stored, with its environment. */
  readonly release?: Release
  /** The token of the button Go, for the plan of a hot-fix that nobody signs. */
  readonly goToken?: string
  /** The token of the button Plan for an emergency, for what checks have stopped. */
  readonly emergencyToken?: string
  readonly environment?: Environment
  /** The address of a release's card. */
  readonly link?: (number: number) => string | undefined
  /** Web address of the repository that a refusal is about. */
  readonly webUrl?: string
}

/** Draws what one person reads. */
export function privateMessage(message: PrivateMessage, facts: PrivateFacts): Drawn {
  switch (message.is) {
    case 'planning':
      return planning(message)
    case 'refusal':
      return refusalMessage(message.refusal, facts)
    case 'preview':
      return preview(message, facts)
    case 'ended':
      return ended(message.number, facts)
    case 'not taken':
      return rejectedBySlack(message, facts)
    case 'go':
      return facts.release === undefined
        ? told(`Hot-fix #${message.number} is planned.`)
        : goMessage(facts.release, facts.services, facts.goToken)
    case 'done': {
      const text = defused(message.text, 2000)
      return { text, blocks: [richLines([[cut(cleaned(message.text), 2000) || ' ']])] }
    }
    case 'help':
      return help(message.reason)
    case 'status':
      return status(message, facts)
    case 'history':
      return history(message, facts)
  }
}

function planning({ number, app, environment, kind, noWorker }: Extract<PrivateMessage, { is: 'planning' }>): Drawn {
  const text = `${kind === 'hotfix' ? 'Hot-fix' : 'Release'} #${number} of ${app} to ${environment} is being planned.`
  if (noWorker === undefined) return told(`${text} Its card comes when the plan is made.`)
  const seen =
    noWorker.lastSeen === undefined
      ? 'None was ever seen.'
      : `One was last seen on ${utc(new Date(noWorker.lastSeen))}.`
  return {
    text: `${text} No worker answers, so it waits for one for at most 10 minutes. ${seen}`,
    blocks: [
      section([
        text,
        `:warning: No worker answers, so it waits for one for at most ${together(10, 'minutes')}. ${seen}`,
      ]),
    ],
  }
}

/** A release that ended before it had a card: its requester is told here. */
function ended(number: number, { release, environment, emergencyToken, ...facts }: PrivateFacts): Drawn {
  if (release === undefined) return told(`Release #${number} has ended before it had a card.`)
  const refused = release.problem?.because
  const words = problemOf(release, { ...facts, environment })
  if (release.state === 'refused' && refused !== undefined && words !== undefined) {
    const where = `${called(release)}: ${release.app} → ${release.environment}`
    return {
      text: `${called(release)} of ${release.app} to ${release.environment} was refused: ${defused(words.why, 400)}. Nothing was changed.`,
      blocks: [
        section(`*${defused(where)}*`),
        ...refusalBlocks(words, refused.gate),
        ...(environment === undefined || emergencyToken === undefined
          ? []
          : actions(
              buttons(forEmergency(release), release, {
                environment,
                tokens: { plan_for_emergency: emergencyToken },
                owed: [],
              }),
            )),
      ],
    }
  }
  if (environment === undefined) return told(`${called(release)} ${STATE_IN_A_SENTENCE[release.state]}.`)
  return told(cardText(release, { ...facts, environment, owed: [] }))
}

const NOT_TAKEN = {
  card: 'the card',
  line: 'a line in the thread',
  outcome: 'the last word',
} as const

/** What the channel does not show, why, and how the release stands all the same. */
function rejectedBySlack(
  { number, what, channel, error, isGivenUp }: Extract<PrivateMessage, { is: 'not taken' }>,
  { release, environment, ...people }: PrivateFacts,
): Drawn {
  const where = defused(channel, 60)
  const tried = isGivenUp ? 'It is not tried again.' : 'It is tried again until the release ends.'
  const first = `Slack does not take ${NOT_TAKEN[what]} of release #${number} in ${where}: ${error.replaceAll(/[^a-z_]/g, '')}. ${tried}`
  const about = environment && release && { ...people, environment, owed: owed(environment, release) }
  const stands = release && about ? cardText(release, about) : ''
  const stop = release && !hasEnded(release.state) ? [`To stop it: \`/deploy cancel ${number}\``] : []
  return {
    text: [first, stands].filter((one) => one !== '').join(' '),
    blocks: [
      section([
        `:warning: ${first}`,
        `See that ${where} is there and not archived, and that the bot is in it: \`/invite @Signoff\``,
      ]),
      ...(stands === '' ? [] : [section([stands, ...stop])]),
    ],
  }
}

function told(text: string): Drawn {
  return { text, blocks: [section(text)] }
}

// ------------------------------------------------------------------------------------------------ preview

function preview(
  { app, environment, plan }: Extract<PrivateMessage, { is: 'preview' }>,
  { services }: PrivateFacts,
): Drawn {
  const at = place({ app, environment })
  return {
    text: `A release of ${app} to ${environment} would bring ${whatGoes(plan)}. Nothing was changed.`,
    blocks: [
      section(`*Preview: ${at}.* Nothing was changed, and nothing has a number yet.`),
      ...planBlocks(plan, { services, kind: plan.bound.kind }),
      context(
        [
          ...(plan.bound.database === null ? ['No database'] : [databaseWords(plan)]),
          `Steps: ${plan.steps.join(', ')}`,
        ].join(' · '),
      ),
      richLines([['To ask for it: ', code(`/deploy ${app} ${environment}`)]]),
    ],
  }
}

function databaseWords(plan: Plan): string {
  const at =
    plan.bound.database?.revisions
      .slice(0, 3)
      .map((one) => defused(one, 12))
      .join(', ') ?? ''
  return `Database at ${at === '' ? 'no revision yet' : at}${migrationCount(plan) === 0 ? ', nothing pending' : ''}`
}

// ------------------------------------------------------------------------------------------------ help

const COMMANDS: readonly (readonly [command: string, does: string])[] = [
  ['/deploy', 'asks for app and environment in a dialog'],
  ['/deploy [app] [to] <environment>', 'asks for a release'],
  ['/deploy preview [app] <environment>', 'shows the plan to you alone, and changes nothing'],
  ['/deploy status', 'what runs where, and what is under way'],
  ['/deploy history [app] [environment] [number]', 'the last releases; with a number, those before it'],
  ['/deploy cancel <number>', 'stops a release: no new step starts'],
  ['/deploy retry <number>', 'goes on with a release that needs attention'],
  ['/hotfix <commit> [<commit>…] [to] [app] <environment>', 'brings single commits when it cannot wait for review'],
  ['/deploy help', 'this'],
]

function help(reason: string | undefined): Drawn {
  const lines: Line[] = COMMANDS.map(([command, does]) => [code(command), `  ${does}`])
  return {
    text: `${reason === undefined ? '' : `${defused(reason, 300)} `}Signoff knows these commands: ${COMMANDS.map(([command]) => defused(command)).join(', ')}.`,
    blocks: [
      ...(reason === undefined ? [] : [richLines([[`${cut(oneLine(reason), 300)} Nothing was changed.`]])]),
      richLines([[bold('What you can type')], ...lines]),
      context('What is in [ ] may be left out; the app only where there is just one. No environment is ever assumed.'),
    ],
  }
}

// ------------------------------------------------------------------------------------------------ status

const STATUS_ENVIRONMENTS = 20

function status(message: Extract<PrivateMessage, { is: 'status' }>, facts: PrivateFacts): Drawn {
  const shown = message.environments.slice(0, STATUS_ENVIRONMENTS)
  const left = message.environments.length - shown.length
  const seen =
    message.workerSeenAt === undefined
      ? ':warning: No worker was ever seen'
      : `Worker last seen: ${date(new Date(message.workerSeenAt), 'age')}`
  return {
    text: shown.length === 0 ? 'No environment is declared.' : `${shown.slice(0, 5).map(statusSpoken).join(' ')}`,
    blocks: [
      ...shown.map((one) => section(statusLines(one, facts))),
      ...(left > 0 ? [context(`and ${left} more environments`)] : []),
      context(seen),
    ],
  }
}

function statusSpoken({ app, environment, live, under_way: underWay }: EnvironmentStatus): string {
  const runs = liveSpoken(live)
  const doing =
    underWay === undefined
      ? 'is idle'
      : `release #${underWay.number} ${awaitsGo(underWay) ? 'waits for Go' : STATE_IN_A_SENTENCE[underWay.state]}`
  return `${app} ${environment} ${runs} and ${doing}.`
}

function liveSpoken(live: EnvironmentStatus['live']): string {
  if (live === undefined) return 'has no release of ours yet'
  switch (live.is) {
    case 'proven':
      return `runs ${short(live.commit)}`
    case 'seen':
      return `ran ${live.commit === null ? 'nothing' : short(live.commit)} when #${live.number} looked`
    case 'held':
      return `still runs ${live.commit === null ? 'nothing' : short(live.commit)}, holds ${short(live.holds)}, whose release phase failed in #${live.number},`
    case 'not known':
      return `runs nothing that is proven since #${live.number}`
  }
}

function liveLine(live: EnvironmentStatus['live'], { forge }: ServiceWords): string {
  if (live === undefined) return 'Live: nothing that Signoff has brought'
  if (live.is === 'not known') {
    const stands = `#${live.number} ${STATE_IN_A_SENTENCE[live.state]}`
    const since =
      live.since === 'its push' ? 'its push had begun, and what runs was not proven' : 'the remote had moved'
    return `Live: :warning: not known. ${stands}; ${since}`
  }
  const linked = (sha: string) => link(forge.pages.commit(live.webUrl, sha), short(sha))
  const commit = live.commit === null ? 'nothing' : linked(live.commit)
  if (live.is === 'held') {
    const held = `:warning: The remote holds ${linked(live.holds)}, and does not run it: its release phase failed`
    return `Live: ${commit}, as before #${live.number} · ${held}, ${date(new Date(live.at), 'age')}`
  }
  const seen = live.is === 'proven' ? `#${live.number}` : `not by Signoff, as #${live.number} saw it`
  return `Live: ${commit}, ${seen}, ${date(new Date(live.at), 'age')}`
}

function statusLines(
  { app, environment, live, under_way: underWay }: EnvironmentStatus,
  facts: PrivateFacts,
): string[] {
  const word = underWay !== undefined && awaitsGo(underWay) ? 'waits for Go' : underWay?.state
  const state = underWay === undefined ? 'idle' : `:${STATE_EMOJI[underWay.state]}: ${word}`
  return [
    `*${defused(place({ app, environment }))}* · ${state}`,
    liveLine(live, facts.services),
    ...(underWay === undefined
      ? []
      : [`${numbered(underWay, facts)}, asked for by ${defused(underWay.requester.name, 40)}${detail(underWay)}`]),
  ]
}

function numbered(release: Release, facts: PrivateFacts): string {
  const url = facts.link?.(release.number)
  return url === undefined ? called(release) : link(url, called(release))
}

function detail(release: Release): string {
  if (release.plan === undefined) return ''
  return `: ${whatGoes(release.plan)}`
}

// ------------------------------------------------------------------------------------------------ history

/** How many releases one answer shows. */
export const HISTORY = 10

function history(message: Extract<PrivateMessage, { is: 'history' }>, facts: PrivateFacts): Drawn {
  const { releases, app, environment, before } = message
  const shown = releases.slice(0, HISTORY)
  const oldest = shown.at(-1)
  if (oldest === undefined) {
    const of = [app, environment].filter((word) => word !== undefined).join(' ')
    const which = `no release${of === '' ? '' : ` of ${of}`}`
    return told(before === undefined ? `There is ${which} yet.` : `There is ${which} older than #${before}.`)
  }
  const spoken = shown.slice(0, 5).map((release) => `#${release.number} ${STATE_IN_A_SENTENCE[release.state]}`)
  const blocks: KnownBlock[] = shown.map((release) => section(historyLines(release, facts)))
  if (releases.length > shown.length) {
    const isAll = app === undefined && environment === undefined
    // Numbers have no gaps.
    const older = isAll ? `${oldest.number - 1} older` : 'Older ones'
    const command = ['/deploy history', app, environment, oldest.number].filter((word) => word !== undefined).join(' ')
    blocks.push(context(`${older}: \`${command}\``))
  }
  const which = before === undefined ? 'The last' : `Before #${before},`
  return { text: `${which} ${counted(shown.length, 'release')}: ${spoken.join(', ')}.`, blocks }
}

function historyLines(release: Release, facts: PrivateFacts): string[] {
  const marks = [
    `:${STATE_EMOJI[release.state]}:`,
    ...(isEmergency(release) ? [':rotating_light:'] : []),
    ...(release.kind === 'hotfix' ? [':adhesive_bandage:'] : []),
  ]
  const at = where(release).at
  const stopped = release.state === 'failed' || release.state === 'needs attention' ? at : ''
  const people = [
    ['QA', signers(release, 'qa')],
    ['approved', signers(release, 'approval')],
  ] as const
  const signed = people
    .filter(([, list]) => list.length > 0)
    .map(([what, list]) => `${what} ${list.map((one) => defused(one, 40)).join(', ')}`)
  return [
    `${marks.join('')} *${numbered(release, facts)}* ${defused(place(release))}: ${release.state}${stopped}, ${date(release.endedAt ?? release.requestedAt, 'age')}`,
    [
      ...(release.plan === undefined ? [] : [whatGoes(release.plan)]),
      `asked ${defused(release.requester.name, 40)}`,
      ...(signed.length === 0 ? [] : [signed.join(', ')]),
    ].join(' · '),
  ]
}
