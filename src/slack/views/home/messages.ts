/** What Signoff may send the person as direct messages, with a switch for each kind. */
import type { Checkboxes, KnownBlock } from '@slack/types'
import {
  DIRECT_MESSAGE_KINDS,
  DIRECT_MESSAGE_SWITCHES,
  type DirectMessageChoices,
  type DirectMessageKind,
} from '../../../release/direct-messages.ts'
import { HOME } from '../../ids.ts'
import { plain, section } from '../parts/blocks.ts'

/** The `action_id` of each kind's switch: each press says of which it is. */
function switchId(kind: DirectMessageKind): string {
  return `${HOME.messages}_${kind.replaceAll(' ', '_')}`
}

/** The kind of a switch by its `action_id`; undefined for anything else. */
export function kindOfSwitch(id: string): DirectMessageKind | undefined {
  return DIRECT_MESSAGE_KINDS.find((kind) => switchId(kind) === id)
}

/** `choices`: left out where the team has switched all direct messages off. */
export function messageSwitches(choices: DirectMessageChoices | undefined): KnownBlock[] {
  if (choices === undefined) {
    return [
      section(
        'No direct messages beside answers: `slack.direct_messages` in `releases.yml` switches them off for everybody.',
      ),
    ]
  }
  return DIRECT_MESSAGE_KINDS.map((kind) => {
    const { label, about } = DIRECT_MESSAGE_SWITCHES[kind]
    return { ...section([`*${label}*`, about]), accessory: box(kind, choices[kind]) }
  })
}

function box(kind: DirectMessageKind, isOn: boolean): Checkboxes {
  const option = { text: plain('Send', 75), value: kind }
  return {
    type: 'checkboxes',
    action_id: switchId(kind),
    options: [option],
    ...(isOn && { initial_options: [option] }),
  }
}
