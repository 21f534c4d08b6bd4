/** How what a release deployed runs, after its outcome. */
import { type Release, type SeenAfterwards, step } from '../../../release/release.ts'
import { bold, code, type Drawn, emoji, type Line, richLines } from './blocks.ts'
import { calledInFull, place } from './facts.ts'
import { capital, cut, defused, oneLine } from './text.ts'

const MOST = 200

/** ` · :warning: in maintenance mode, web.1 crashed`, for the card's line; empty without a warning. */
export function warnedAfterwards(release: Release): string {
  const { warnings = [] } = step(release, 'report')?.result?.afterwards ?? {}
  return warnings.length === 0 ? '' : ` · :warning: ${warnings.map(({ what }) => defused(what, MOST)).join(', ')}`
}

/** The thread's line, shown in the channel too if there is a warning. It mentions nobody. */
export function afterwardsLine({ warnings, notes = [] }: SeenAfterwards, release: Release): Drawn {
  const good = notes.map((note) => `${capital(defused(note, MOST))}.`)
  if (warnings.length === 0) return { text: good.join(' ') }
  const bad = warnings.map(({ what }) => what)
  const named = `${calledInFull(release)} was deployed to ${place(release)}`
  const looks: Line[] = warnings.flatMap(({ look }) =>
    look === undefined ? [] : [['To check: ', code(cut(oneLine(look), MOST))]],
  )
  return {
    text: `${named}, but: ${bad.map((what) => defused(what, MOST)).join('; ')}.${good.length === 0 ? '' : ` ${good.join(' ')}`}`,
    broadcast: true,
    blocks: [
      richLines([
        [emoji('warning'), ' ', bold(named), `, but: ${bad.map((what) => cut(oneLine(what), MOST)).join('; ')}.`],
        ...looks,
        ...notes.map((note) => [`${capital(cut(oneLine(note), MOST))}.`]),
      ]),
    ],
  }
}
