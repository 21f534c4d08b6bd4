import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { SEEDED_BUGS } from './seeded-bugs/bugs.ts'

const read = (file: string) => readFile(fileURLToPath(new URL(`../../${file}`, import.meta.url)), 'utf8')

it('are 25 or more, each with a name of its own', () => {
  expect(new Set(SEEDED_BUGS.map(({ bug }) => bug)).size).toBe(SEEDED_BUGS.length)
  expect(SEEDED_BUGS.length).toBeGreaterThanOrEqual(25)
})

it.each(SEEDED_BUGS)('“$bug” still applies', async ({ file, find, replace }) => {
  const parts = (await read(file)).split(find)
  expect(parts).toHaveLength(2)
  expect(replace).not.toBe(find)
})
