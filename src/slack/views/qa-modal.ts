/** **QA…**: the modal in which a person says which changes they have tested, or names a problem. */
import type { Checkboxes, InputBlock, KnownBlock, ModalView, Option } from '@slack/types'
import { defined } from '../../lib/defined.ts'
import {
  type AuthorsChanges,
  byAuthor,
  changeId,
  GROUP_SIZE,
  type PlannedChange,
  testedBy,
  untestedBy,
} from '../../release/changes.ts'
import type { Release } from '../../release/release.ts'
import { startWords } from './confirmations.ts'
import { FIELD, modal, type ReasonFacts, what, written } from './modals.ts'
import { bold, bullets, type Line, plain, rich, richSection, section } from './parts/blocks.ts'
import { testersOf } from './parts/changes.ts'
import { authorName, type People } from './parts/people.ts'
import { counted, cut, defused, oneLine, short } from './parts/text.ts'

/** The block_id, which is also the action_id; of each group of **Tested** with its number after it. */
export const QA_FIELD = { tested: 'tested_', problem: 'problem', reason: FIELD.reason, note: FIELD.note } as const

/** How many tested changes are listed. */
const LISTED = 20
const OPTION = 75
/** Slack's most options in a list without groups, and in one group. */
const OPTIONS = 100

/**
 * **Tested** by author, in groups of ten; **Problem with** with its **Reason**; and a **Note**. `filled`: what was ticked and
 * typed, where the modal is shown again because sending it starts the release, which it then says.
 */
export function qaModal({ callback, release, metadata, filled, user, authorsInSlack }: ReasonFacts): ModalView {
  const people = defined({ authorsInSlack })
  const isDecided = release.state !== 'awaiting sign-off'
  const untested = untestedBy(release)
  const ticked = new Set(filled?.tested ?? [])
  return modal({
    callback,
    title: 'QA',
    submit: filled === undefined ? 'Record' : 'Record and start',
    close: 'Go back',
    metadata,
    blocks: [
      section([
        `Tick the changes of ${what(release)} that you have tested. A tick can’t be taken back.`,
        ...(isDecided ? ['It is decided already: this completes the record and changes nothing else.'] : []),
        ...(filled === undefined ? [] : [`*${defused(startWords(release), 1000)}*`]),
      ]),
      ...untested.flatMap((group) => checkboxes(group, people, { ticked, user })).map(numbered),
      ...alreadyTested(release),
      ...(isDecided || release.plan?.changes === undefined
        ? []
        : [
            problemField(release, people, filled?.problemWith),
            {
              ...written(QA_FIELD.reason, 'Reason', {
                ask: 'What is wrong?',
                hint: 'Only for a problem: it rejects the release. Visible to everyone in the channel.',
                optional: true,
                isFocused: false,
                ...defined({ typed: filled?.reason }),
              }),
            },
          ]),
      written(QA_FIELD.note, 'Note', {
        ask: 'What did you test, and where?',
        hint: 'Visible to everyone in the channel, and kept in the record.',
        optional: true,
        isFocused: false,
        ...defined({ typed: filled?.note }),
      }),
    ],
  })
}

/** `PR #41 Fix the time zone of digests`. */
function label({ pullRequest, title }: PlannedChange): string {
  const words = oneLine(title) || 'No title'
  return cut(pullRequest === undefined ? words : `PR #${pullRequest} ${words}`, OPTION)
}

function option(change: PlannedChange): Option & { text: ReturnType<typeof plain> } {
  const { commits, pullRequest, isWhole } = change
  const all = pullRequest === undefined && !isWhole ? '' : ` · ${counted(commits.length, 'commit')}`
  return {
    text: plain(label(change), OPTION),
    value: changeId(change),
    description: plain(`${short(changeId(change))}${all}`, OPTION),
  }
}

function nameOf({ author }: AuthorsChanges, people: Pick<People, 'authorsInSlack'>): string {
  return author === undefined ? 'the release' : cut(oneLine(authorName(author, people)) || author.email, 60)
}

function checkboxes(
  group: AuthorsChanges,
  people: Pick<People, 'authorsInSlack'>,
  { ticked, user }: { readonly ticked: ReadonlySet<string>; readonly user: string | undefined },
): readonly Omit<InputBlock, 'block_id'>[] {
  const { author, changes } = group
  const inSlack = author && people.authorsInSlack?.[author.email.toLowerCase()]
  const name = `${nameOf(group, people)}${inSlack !== undefined && inSlack.id === user ? ' (you)' : ''}`
  const count = Math.ceil(changes.length / GROUP_SIZE)
  return Array.from({ length: count }, (_, part): Omit<InputBlock, 'block_id'> => {
    const from = part * GROUP_SIZE
    const shown = changes.slice(from, from + GROUP_SIZE)
    const range = count === 1 ? '' : `, ${from + 1} to ${from + shown.length} of ${changes.length}`
    const chosen = shown.filter((change) => ticked.has(changeId(change))).map(option)
    return {
      type: 'input',
      optional: true,
      label: plain(`Tested: ${name}${range}`),
      element: {
        type: 'checkboxes',
        options: shown.map(option),
        ...(chosen.length > 0 && { initial_options: chosen }),
      },
    }
  })
}

function numbered(block: Omit<InputBlock, 'block_id'>, index: number): InputBlock {
  const id = `${QA_FIELD.tested}${index}`
  return { ...block, block_id: id, element: { ...(block.element as Checkboxes), action_id: id } }
}

function alreadyTested(release: Release): KnownBlock[] {
  const done = (release.plan?.changes ?? []).filter((change) => testedBy(release, change).length > 0)
  if (done.length === 0) return []
  const lines = done.slice(0, LISTED).map((change): Line => [`${label(change)}: ${testersOf(release, change)}`])
  if (done.length > LISTED) lines.push([`and ${done.length - LISTED} more`])
  return [rich(richSection([bold(`Tested already: ${done.length}`)]), bullets(lines))]
}

/** All changes, also tested ones: somebody else may still find a problem. */
function problemField(
  { plan }: Release,
  people: Pick<People, 'authorsInSlack'>,
  chosen: string | undefined,
): InputBlock {
  const changes = plan?.changes ?? []
  const initial = changes.find((change) => changeId(change) === chosen)
  const groups = byAuthor(changes).flatMap((group) =>
    Array.from({ length: Math.ceil(group.changes.length / OPTIONS) }, (_, part) => ({
      label: plain(nameOf(group, people), OPTION),
      options: group.changes.slice(part * OPTIONS, (part + 1) * OPTIONS).map(option),
    })),
  )
  return {
    type: 'input',
    block_id: QA_FIELD.problem,
    optional: true,
    label: plain('Problem with'),
    element: {
      type: 'static_select',
      action_id: QA_FIELD.problem,
      placeholder: plain('No problem', 150),
      ...(changes.length > OPTIONS ? { option_groups: groups } : { options: changes.map(option) }),
      ...(initial && { initial_option: option(initial) }),
    },
  }
}
