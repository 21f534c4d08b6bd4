/**
 * `npm run story -- deploy-production`: runs one feature story and prints what #product reads at its end. Without a name, or
 * with one that is not there, it lists the stories and ends with exit code 2.
 */
import { spawn } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const ENDING = '.test.ts'
const FOLDER = new URL('../features/', import.meta.url)

const stories = readdirSync(FOLDER)
  .filter((file) => file.endsWith(ENDING))
  .map((file) => file.slice(0, -ENDING.length))
const [name, ...rest] = process.argv.slice(2)

if (name === undefined || !stories.includes(name)) {
  const why = name === undefined ? 'Name a story' : `There is no story ${name}`
  console.error(`${why}: npm run story -- <name> [-t <words of a test>]\n\n  ${stories.join('\n  ')}`)
  process.exit(2)
}

const vitest = fileURLToPath(new URL('../vitest.mjs', import.meta.resolve('vitest')))
const child = spawn(process.execPath, [vitest, 'run', `test/features/${name}${ENDING}`, ...rest], {
  cwd: fileURLToPath(new URL('../../', import.meta.url)),
  env: { ...process.env, SHOW_TRANSCRIPT: '1' },
  stdio: 'inherit',
})
child.on('exit', (code) => process.exit(code ?? 1))
