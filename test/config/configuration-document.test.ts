/**
 * docs/configuration.md says what the program takes. After a change of the schema, rewrite its tables with
 * `npx vitest run test/config/configuration-document.test.ts -u` and read what has changed.
 */
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { parse } from 'yaml'
import { keysInMarkdown, placesOfKeys, tablePlaces } from './configuration-document.ts'

const project = (file: string) => fileURLToPath(new URL(`../../${file}`, import.meta.url))
const text = (file: string) => readFile(project(file), 'utf8')

const KEYS = /(<!-- keys: from the schema -->\n)[\s\S]*(\n<!-- \/keys -->)/

it('O2: lists every key with its meaning, default and an example', async () => {
  const document = await text('docs/configuration.md')
  expect(document).toMatch(KEYS)
  const written = document.replace(KEYS, (_all, begin, end) => `${begin}\n${keysInMarkdown()}\n${end}`)
  await expect(written).toMatchFileSnapshot(project('docs/configuration.md'))
})

it('O2: has a table for every place that has keys', () => {
  expect([...new Set(placesOfKeys())].toSorted()).toEqual(tablePlaces.toSorted())
})

it('O2: explains every environment variable that the program reads', async () => {
  const document = await text('docs/configuration.md')
  const source = await text('src/config/variables.ts')
  const read = [...source.matchAll(/read(?:ApiUrl|Port)?\((?:read, problems, )?'([A-Z_]+)'/g)].map(
    ([, name]) => name ?? '',
  )
  expect(read.length).toBeGreaterThan(12)
  for (const name of new Set(read)) expect(document).toMatch(new RegExp(`^\\| .*\`${name}\`.* \\|`, 'm'))
})

it('O2: gives a reason for every scope of the Slack app, and for no other', async () => {
  const document = await text('docs/configuration.md')
  const scopes = (parse(await text('manifest.yml')) as { oauth_config: { scopes: { bot: string[] } } }).oauth_config
    .scopes
  const [, slack = ''] = /### Slack\n([\s\S]*?)\n### /.exec(document) ?? []
  const listed = [...slack.matchAll(/^\| `([a-z:._]+)`/gm)].map(([, scope]) => scope ?? '')
  expect(listed.toSorted()).toEqual([...scopes.bot, 'connections:write'].toSorted())
})

it('O6: the schema has an address, and the documents say how an editor finds it', async () => {
  const { releasesJsonSchema } = await import('../../src/config/releases-schema.ts')
  expect(releasesJsonSchema().$id).toBe('urn:signoff:releases.yml')
  for (const file of ['README.md', 'docs/configuration.md']) {
    expect(await text(file)).toContain('# yaml-language-server: $schema=./releases.schema.json')
    expect(await text(file)).toContain('npx signoff config schema > releases.schema.json')
  }
})
