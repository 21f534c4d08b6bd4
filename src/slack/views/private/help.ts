/** The commands, and why what was typed was not understood. */
import { bold, code, context, type Drawn, type Line, richLines } from '../parts/blocks.ts'
import { cut, defused, oneLine } from '../parts/text.ts'
import type { MessageOf } from './private-facts.ts'

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

export function help({ reason }: MessageOf<'help'>): Drawn {
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
