/** The commands, and why the typed text was not understood. */
import { bold, code, context, type Drawn, type Line, richLines } from '../parts/blocks.ts'
import { cut, defused, oneLine } from '../parts/text.ts'
import type { MessageOf } from './private-facts.ts'

const COMMANDS: readonly (readonly [command: string, does: string])[] = [
  ['/deploy', 'opens a dialog to pick app and environment'],
  ['/deploy [app] [to] <environment>', 'requests a release'],
  ['/deploy [app] [to] <environment> at <time>', 'plans it now and starts it then: at 18:00, at Mon 08:00'],
  ['/deploy preview [app] <environment>', 'shows the plan only to you, and changes nothing'],
  ['/deploy status', 'shows what runs where, and what is in progress'],
  ['/deploy history [app] [environment] [number]', 'lists the last releases, or those before a number'],
  ['/deploy cancel <number>', 'stops a release: no new step starts'],
  ['/deploy retry <number>', 'resumes a release that needs attention'],
  ['/deploy lock [app] <environment> [for 2h | until 18:00] [because <why>]', 'keeps others from releasing there'],
  ['/deploy lock', 'lists the locks; `lock all` stops everybody'],
  ['/deploy unlock [app] <environment>', 'ends a lock; `unlock all` ends that over everything'],
  ['/deploy rollback [app] [to] <environment> [to #<number>]', 'goes back to what ran before, or to a release'],
  ['/deploy bad <number> [because <why>]', 'marks a release that no rollback should go back to'],
  ['/deploy good <number>', 'takes that mark back'],
  ['/deploy report [app] [environment] [7d | 30d | 90d]', 'shows delivery figures, only to you until you share them'],
  ['/hotfix <commit> [<commit>…] [to] [app] <environment>', 'releases commits that can’t wait for review'],
  ['/deploy help', 'shows this list'],
]

export function help({ reason }: MessageOf<'help'>): Drawn {
  const lines: Line[] = COMMANDS.map(([command, does]) => [code(command), `  ${does}`])
  return {
    text: `${reason === undefined ? '' : `${defused(reason, 300)} `}Signoff knows these commands: ${COMMANDS.map(([command]) => defused(command)).join(', ')}.`,
    blocks: [
      ...(reason === undefined ? [] : [richLines([[`${cut(oneLine(reason), 300)} Nothing was changed.`]])]),
      richLines([[bold('What you can type')], ...lines]),
      context('Parts in [ ] are optional; the app only if there is just one. The environment is never assumed.'),
    ],
  }
}
