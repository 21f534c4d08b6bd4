/**
 * npm run story -- <name>: runs one story of test/features, or of the real processes in test/faults, and prints what people read
 * in #product and privately, as it comes. A part of the name will do; one that names none, or none at all, lists the stories.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))

interface Story {
  readonly name: string
  readonly path: string
  /** What its first tests say. */
  readonly tells: string
}

const stories: readonly Story[] = ['test/features', 'test/faults'].flatMap((directory) =>
  readdirSync(join(ROOT, directory))
    .filter((file) => file.endsWith('.test.ts'))
    .flatMap((file) => {
      const path = `${directory}/${file}`
      const text = readFileSync(join(ROOT, path), 'utf8')
      // A story has a team: the others are tests of a rule, or simulations.
      if (!/start(Hotfix|Kill)?Team\(/.test(text)) return []
      return [
        {
          name: file.replace('.test.ts', ''),
          path,
          tells: /\bdescribe\('([^']+)'|\bit\('([^']+)'/.exec(text)?.[0] ?? '',
        },
      ]
    }),
)

function list(stories: readonly Story[]): void {
  const width = Math.max(...stories.map(({ name }) => name.length))
  for (const { name, tells } of stories) {
    const title = tells.replace(/^\w+\('/, '').replace(/'$/, '')
    console.log(`  ${name.padEnd(width)}  ${title.length > 90 ? `${title.slice(0, 89)}…` : title}`)
  }
}

const [wanted, ...more] = process.argv.slice(2)
const named = stories.filter(({ name }) => name === wanted)
const likely = named.length > 0 ? named : stories.filter(({ name }) => wanted !== undefined && name.includes(wanted))
const [story, ...others] = likely
if (story === undefined || others.length > 0) {
  const why = likely.length > 0 ? `“${wanted}” names several stories.` : `There is no story “${wanted}”.`
  if (wanted !== undefined) console.log(why)
  console.log('npm run story -- <name> [-t <words of one test>], with one of these names:\n')
  list(likely.length > 0 ? likely : stories)
  process.exit(2)
}

const vitest = join(ROOT, 'node_modules', 'vitest', 'vitest.mjs')
const args = [vitest, 'run', story.path, '--reporter=verbose', '--disable-console-intercept', ...more]
const child = spawn(process.execPath, args, { cwd: ROOT, stdio: 'inherit', env: { ...process.env, STORY: 'true' } })
// Ctrl-C goes to it too: it takes its processes away, and its end is awaited.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal))
const [code] = await once(child, 'close')
process.exit(code ?? 1)
