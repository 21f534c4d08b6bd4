/** docs/promises.md says which tests prove which promise: they are there, and those under test/faults say the same. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

const text = readFileSync(new URL('../../docs/promises.md', import.meta.url), 'utf8')
const PROMISES = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]

const fileOf = (name: string) => new URL(`../${name}.test.ts`, import.meta.url)

/** The section of a promise. */
function sectionOf(number: number): string {
  const [, rest = ''] = text.split(`\n### ${number}. `, 2)
  return rest.split('\n##', 1)[0] ?? ''
}

/** The files that a section names as its tests: `faults/races` is test/faults/races.test.ts. */
function testsOf(section: string): readonly string[] {
  const [, listed = ''] = section.split('\nTests: ', 2)
  return [...listed.matchAll(/`([\w-]+\/[\w-]+)`/g)].map(([, name = '']) => name)
}

/** The promises that a test says it is for, in its titles or its first words. */
function promisesOf(file: URL): readonly number[] {
  const said = readFileSync(file, 'utf8').matchAll(/Promises? (\d+(?:(?:, | and | to )\d+)*)/g)
  return [...said].flatMap(([, numbers = '']) => {
    const [first = 0, last = 0] = numbers.includes(' to ') ? numbers.split(' to ').map(Number) : []
    return last > 0 ? PROMISES.filter((each) => each >= first && each <= last) : numbers.split(/, | and /).map(Number)
  })
}

describe('Promises 1 to 10: docs/promises.md', () => {
  it.each(PROMISES)('says of promise %i what is promised, what is not, and what tests it', (number) => {
    const section = sectionOf(number)
    expect(section).toContain('\nNot promised: ')
    const names = testsOf(section)
    expect(names.filter((name) => !existsSync(fileOf(name)))).toEqual([])
    const ofFaults = names.filter((name) => name.startsWith('faults/'))
    expect(ofFaults).not.toEqual([])
    expect(ofFaults.filter((name) => !promisesOf(fileOf(name)).includes(number))).toEqual([])
  })

  it('names every test under test/faults that says it is for a promise', () => {
    const all = readdirSync(new URL('.', import.meta.url)).filter((name) => name.endsWith('.test.ts'))
    const missing = all.flatMap((file) => {
      const name = `faults/${file.replace('.test.ts', '')}`
      const said = [...new Set(promisesOf(fileOf(name)))]
      return said
        .filter((number) => !testsOf(sectionOf(number)).includes(name))
        .map((number) => `${name} is not named by promise ${number}`)
    })
    expect(missing.filter((each) => !each.startsWith('faults/promises '))).toEqual([])
  })
})
