/** The tables of docs/configuration.md: every key of `releases.yml`, from the schema that checks the file. */
import { releasesJsonSchema } from '../../src/config/releases-schema.ts'
import { tableInMarkdown } from '../support/table.ts'

interface Key {
  readonly description?: string
  readonly examples?: readonly unknown[]
  readonly default?: unknown
  readonly enum?: readonly unknown[]
  readonly properties?: Readonly<Record<string, Key>>
  readonly required?: readonly string[]
  readonly additionalProperties?: Key | boolean
  readonly items?: Key
  readonly anyOf?: readonly Key[]
}

/** The heading of each table, and the place of its keys in the schema. */
const TABLES: readonly (readonly [heading: string, place: string])[] = [
  ['The file', ''],
  ['`slack`', 'slack'],
  ['Each of `freezes`', 'freezes'],
  ['Each of `webhooks`', 'webhooks'],
  ['Each of `workers`', 'workers.*'],
  ['Each of `apps`', 'apps.*'],
  ['Each of `environments`', 'apps.*.environments.*'],
  ['`remote`', 'apps.*.environments.*.remote'],
  ['`migrations`', 'apps.*.environments.*.migrations'],
  ['`sign_off`', 'apps.*.environments.*.sign_off'],
  ['`sign_off.rollback`', 'apps.*.environments.*.sign_off.rollback'],
]

/** All tables, one after another, in Markdown. */
export function keysInMarkdown(): string {
  const schema = releasesJsonSchema() as Key
  return TABLES.map(([heading, place]) => table(heading, at(schema, place))).join('\n\n')
}

/** The places in the schema that have keys of their own. Each must be in a table. */
export function placesOfKeys(key: Key = releasesJsonSchema() as Key, place = ''): readonly string[] {
  const { properties = {} } = objectIn(key)
  const named = namedIn(key)
  return [
    ...(Object.keys(properties).length > 0 ? [place] : []),
    ...Object.entries(properties).flatMap(([name, each]) => placesOfKeys(each, within(place, name))),
    ...(named === undefined ? [] : placesOfKeys(named, within(place, '*'))),
  ]
}

export const tablePlaces = TABLES.map(([, place]) => place)

const within = (place: string, name: string) => (place === '' ? name : `${place}.${name}`)

function at(schema: Key, place: string): Key {
  return place
    .split('.')
    .filter((name) => name !== '')
    .reduce((key, name) => {
      const found = name === '*' ? namedIn(key) : objectIn(key).properties?.[name]
      if (found === undefined) throw new Error(`the schema has no ${place}`)
      return found
    }, schema)
}

/** The form of a key that has keys of its own: the key itself, an entry of its list, or one of its alternatives. */
function objectIn(key: Key): Key {
  const forms = [key, ...(key.anyOf ?? [])].flatMap((form) => [form, ...(form.items ? [form.items] : [])])
  return forms.find(({ properties }) => properties !== undefined) ?? {}
}

function namedIn({ additionalProperties }: Key): Key | undefined {
  return typeof additionalProperties === 'object' ? additionalProperties : undefined
}

function table(heading: string, key: Key): string {
  const { properties = {}, required = [] } = objectIn(key)
  const rows = Object.entries(properties).map(([name, each]) => {
    const values = each.enum?.map((value) => `\`${value}\``).join(' · ')
    const meaning = [each.description, values]
    return [
      `\`${name}\``,
      meaning.filter((part) => part !== undefined).join('. '),
      required.includes(name) ? '**required**' : standard(each.default),
      example(each.examples?.[0]),
    ]
  })
  return `### ${heading}\n\n${tableInMarkdown(['key', 'meaning', 'default', 'example'], rows)}`
}

/** A default that is said in words is part of the meaning. */
function standard(value: unknown): string {
  return value === undefined || typeof value === 'object' ? '' : code(value)
}

/** What has keys of its own has a table with their examples. */
function example(value: unknown): string {
  const [first] = Array.isArray(value) ? value : [value]
  return typeof first === 'object' ? '' : code(value)
}

function code(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return `\`${text.replaceAll('|', '\\|')}\``
}
