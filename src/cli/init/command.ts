/** The command `signoff init` as it is called: questions at a terminal, files, and what is left to do, by `signoff doctor`. */
import { resolve } from 'node:path'
import { readConfiguration } from '../../config/configuration.ts'
import { releasesFileIn } from '../../config/variables.ts'
import { defined } from '../../lib/defined.ts'
import { runInit } from './init.ts'
import type { Answers } from './questions.ts'
import { InputEnded, openTerminal } from './terminal.ts'

export interface InitOptions extends Partial<Answers> {
  readonly checkout?: string
  readonly overwrite?: boolean
}

export interface InitPlace {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
  readonly input: NodeJS.ReadStream
  readonly output: NodeJS.WriteStream
  /** Of the Slack app. */
  readonly manifest: string
  readonly print: (line: string) => void
}

/** Gives the exit code: 0: all is there and in order, or waits for what a person must fill in; 1: not; 2: wrong use. */
export async function initCommand(options: InitOptions, place: InitPlace): Promise<0 | 1 | 2> {
  const { env, cwd, manifest, print } = place
  const { checkout = '.', overwrite = false, ...given } = options
  const terminal = openTerminal(place.input, place.output)
  try {
    const written = await runInit({
      releasesFile: releasesFileIn(env, cwd),
      checkout: resolve(cwd, checkout),
      given,
      overwrite,
      manifest,
      timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone,
      print,
      ...defined({ terminal }),
    })
    if (written !== 0) return written
  } catch (error) {
    if (!(error instanceof InputEnded)) throw error
    print('')
    print(`${error.message} Run signoff init again to go on: it keeps what it has written.`)
    return 1
  } finally {
    terminal?.close()
  }
  return check(place)
}

/** Everything that a release needs, or what has to be filled in before that can be looked at. */
async function check({ env, cwd, print }: InitPlace): Promise<0 | 1> {
  const read = readConfiguration({ env, cwd, role: 'all' })
  print('')
  if (!read.ok) {
    print(
      'Next: fill in signoff.env and the env files, make the Slack app from slack-manifest.yml, and set the variables:',
    )
    print('  set -a; . ./signoff.env; set +a')
    print('Then signoff doctor checks everything that a release needs. What it would say now:')
    for (const problem of read.problems) print(`  ${problem}`)
    return 0
  }
  for (const warning of read.warnings) print(`warning: ${warning}`)
  const { runDoctorCommand } = await import('../doctor.ts')
  const { lines, exitCode } = await runDoctorCommand(read.configuration, env.PATH ?? '')
  for (const line of lines) print(line)
  return exitCode
}
