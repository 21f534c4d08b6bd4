import type { InputBlock } from '@slack/types'
import { defined } from '../../../lib/defined.ts'
import { plain } from './blocks.ts'
import { cut } from './text.ts'

/** Slack takes at most 100 options. */
const OPTIONS = 100

/** One value to pick. `chosen`: the value that is picked at first; ignored where it is not among the options. */
export interface Choice {
  readonly name: string
  /** What people read; the name where it is left out. */
  readonly label?: string
  readonly description?: string | undefined
}

/** A field with a list to pick from. `id`: its block_id, which is also its action_id. */
export function selectField(
  id: string,
  { label, placeholder, chosen }: { label: string; placeholder: string; chosen?: string | undefined },
  choices: readonly Choice[],
): InputBlock {
  const shown = choices.slice(0, OPTIONS)
  const option = ({ name, label = name, description }: Choice) => ({
    text: plain(label, 75),
    value: cut(name, 150),
    ...defined({ description: description === undefined ? undefined : plain(description, 75) }),
  })
  const initial = shown.find(({ name }) => name === chosen)
  return {
    type: 'input',
    block_id: id,
    label: plain(label),
    element: {
      type: 'static_select',
      action_id: id,
      placeholder: plain(placeholder, 150),
      options: shown.map(option),
      ...defined({ initial_option: initial && option(initial) }),
    },
  }
}
