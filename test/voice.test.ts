/** How Signoff speaks: plain, current engineering English, in every text, comment, name and document. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'

/** What is not written, and what is written in its place. Both are matched without regard to case. */
const INSTEAD_OF: readonly (readonly [RegExp, string])[] = [
  [/\bmend(s|ed|ing)?\b/, 'fix'],
  [/\b(goes|go|going) on by (it|them)sel(f|ves)\b/, 'continues automatically'],
  [/\bmigrations? (is|are) in\b/, 'applied'],
  [/\banew\b/, 'again, or rewritten'],
  [/\btak(es?|en) up again\b/, 'resumes, resumed'],
  [/\bnobody.s right\b/, 'permissions are never cached'],
  [/\b(has|have) brought|nothing that signoff has brought\b/, 'deployed'],
  [/\basked for by\b/, 'requested by'],
  [/\bis busy with\b/, 'is already being released by'],
  [/foresee|foreseen/, 'preview, previewed'],
  [/\bthe way from the worker.s host\b/, 'the network path from the worker'],
  [/\bit meets what this changes\b/, 'old code will run on the new schema'],
  [/\blet it go on\b/, 'keep it'],
  [/\bcan not\b/, 'can’t'],
  [/\bsince: \d\d:\d\d/, 'at'],
  [/\bunder 1 s\./, '(0.4 s)'],
  [/\bthe last 1 \b/, 'the last'],
  [/(?<![\d.,]|at least )\b1 (migrations|commits|changes|releases|approvals|minutes|hours|days)\b/, 'the singular'],
  [/\bin vain\b/, 'without an answer, or timed out'],
  [/\bwhoever\b/, 'those who, anyone who'],
  [/\btakes? leave\b|\bis waited for\b|\bthat is waited\b/, 'what waits for what'],
]

/** Labels, which begin with a capital. */
const LABELS: readonly (readonly [RegExp, string])[] = [
  [/\bAsked: /, 'Requested by'],
  [/\bOwed: /, 'Needs'],
]

/** Names of code that were replaced. What is stored keeps its name. */
const RENAMED: readonly (readonly [RegExp, string])[] = [
  [/\bdeeds?\b/, 'actions'],
  [/\bWrongMove\b/, 'InvalidTransition'],
  [/\bpassing-time\b/, 'deadlines'],
  [/\bPersonsWord\b/, 'Attribution'],
  [/\bgiveWay\b/, 'supersede'],
  [/\bforeseeMerge\b/, 'previewMerge'],
  [/\blost-answers\b/, 'find-posted-message'],
  [/\bcareful-fetch\b/, 'restricted-fetch'],
  [/\bbringCommit\b/, 'ensureCommitFetched'],
  [/\bunhurried\b/, 'migrationDb'],
  [/\birreversibleBegun/, 'hasStartedIrreversible'],
]

/** The lines of files that people or engineers read. Foreign texts, as Heroku's and git's own, stand in test data. */
const LINES = execFileSync(
  'git',
  ['ls-files', '-z', '--', 'src', 'bin', 'lint', 'docs', 'test', '*.md', 'manifest.yml'],
  {
    cwd: new URL('..', import.meta.url),
    encoding: 'utf8',
  },
)
  .split('\0')
  .filter((path) => /\.(ts|tsx|js|py|md|yml|txt|snap|html|css|sh)$/.test(path) && path !== 'test/voice.test.ts')
  .flatMap((path) =>
    readFileSync(new URL(`../${path}`, import.meta.url), 'utf8')
      .split('\n')
      .map((text, index) => ({ at: `${path}:${index + 1}`, text })),
  )

const linesWith = (words: RegExp, flags: string) => {
  const pattern = new RegExp(words.source, flags)
  return LINES.flatMap(({ at, text }) => (pattern.test(text) ? [`${at}: ${text.trim()}`] : []))
}

it.each(INSTEAD_OF)('nothing says %s', (words, instead) => {
  expect(linesWith(words, 'i'), `write: ${instead}`).toEqual([])
})

it.each(LABELS)('no label says %s', (label, instead) => {
  expect(linesWith(label, ''), `write: ${instead}`).toEqual([])
})

it.each(RENAMED)('nothing is called %s', (name, instead) => {
  expect(linesWith(name, ''), `call it: ${instead}`).toEqual([])
})

it('every refusal begins with what can’t be done', () => {
  const snapshot = readFileSync(new URL('slack/views/__snapshots__/refusals.test.ts.snap', import.meta.url), 'utf8')
  const refusals = [...snapshot.matchAll(/^exports\[`a refusal > says (\S+).*\n"\n?"?(.*)$/gm)]
  expect(refusals.length).toBeGreaterThan(60)
  const others = refusals.flatMap(([, gate, first]) => (/\*\*Can’t /.test(first ?? '') ? [] : [`${gate}: ${first}`]))
  expect(others).toEqual([])
})
