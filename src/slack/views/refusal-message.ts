/** A refusal as a private message. */
import type { KnownBlock, ModalView } from '@slack/types'
import type { Refusal } from '../../release/refusals.ts'
import { VIEW } from '../ids.ts'
import { controlButton, type OfferedControl } from './control-buttons.ts'
import {
  actions,
  bold,
  bullets,
  type Drawn,
  emoji,
  plain,
  preformatted,
  rich,
  richLines,
  spoken,
} from './parts/blocks.ts'
import { gateLine } from './parts/gate-line.ts'
import { cut, defused } from './parts/text.ts'
import type { Hints, Words } from './parts/words.ts'
import { refusalWords } from './refusals.ts'

/** What the person who asked or clicked reads: what can't be done and why, that nothing was changed, what to do next. */
export function refusalMessage(
  refusal: Refusal,
  hints: Hints & { readonly offers?: readonly OfferedControl[] },
): Drawn {
  const words = refusalWords(refusal, hints)
  const [first] = words.next
  const advice = first === undefined ? '' : ` ${defused(spoken(first), 300)}`
  return {
    text: `${defused(cant(words), 100)}: ${defused(words.why, 400)}. Nothing was changed.${advice}`,
    blocks: [...refusalBlocks(words, refusal.gate), ...actions((hints.offers ?? []).map(controlButton))],
  }
}

/** The same above the modal in which the button was pressed. */
export function notPossibleModal({ blocks = [] }: Drawn): ModalView {
  return {
    type: 'modal',
    callback_id: VIEW.notPossible,
    title: plain('Not possible', 24),
    close: plain('Go back', 24),
    blocks: [...blocks],
  }
}

/** `Can’t deploy`: what the gate prevented. */
function cant(words: Words): string {
  return `Can’t ${words.cant ?? 'deploy'}`
}

/** The words of a gate where nothing was changed. */
export function refusalBlocks(words: Words, gate: string): KnownBlock[] {
  const { why, next, list, verbatim, recipe } = words
  return [
    richLines([[emoji('no_entry_sign'), ' ', bold(`${cant(words)}: ${why}.`), ' Nothing was changed.']]),
    ...(list === undefined || list.length === 0 ? [] : [rich(bullets(list))]),
    ...(verbatim === undefined ? [] : [rich(preformatted(cut(verbatim, recipe === undefined ? 300 : 1200)))]),
    ...(next.length === 0 ? [] : [richLines(next)]),
    ...(recipe === undefined ? [] : [rich(preformatted(cut(recipe, 2000)))]),
    gateLine(gate),
  ]
}
