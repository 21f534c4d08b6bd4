/** What people paste as commits, in the modal and after `/hotfix`, and what they mistype. */
import { describe, expect, it } from 'vitest'
import { parseDeploy, parseHotfix } from '../../src/release/command.ts'
import { readCommits } from '../../src/release/hotfix.ts'
import { anApp } from '../support/builders.ts'

const SHA = '5bcbf2c50'
const FULL = '5bcbf2c50aa11bb22cc33dd44ee55ff66aa77bb8'
const OTHER = '1f03ae2c9'
const URL_ = `https://bitbucket.org/team/api/commits/${FULL}`
const APPS = [anApp()]

/** Ways to write one commit that both the modal and the command read. */
const WAYS: readonly [string, string][] = [
  [SHA, SHA],
  [`\`${SHA}\``, SHA],
  [`“${SHA}”`, SHA],
  [`"${SHA}"`, SHA],
  [`‘${SHA}’`, SHA],
  [`«${SHA}»`, SHA],
  [`- ${SHA}`, SHA],
  [`• ${SHA}`, SHA],
  [`* ${SHA}`, SHA],
  [`${SHA}.`, SHA],
  [`${SHA},`, SHA],
  [`${SHA}:`, SHA],
  [`(${SHA})`, SHA],
  [`[${SHA}]`, SHA],
  [`*${SHA}*`, SHA],
  [`_${SHA}_`, SHA],
  [`~${SHA}~`, SHA],
  [`(*${SHA}*).`, SHA],
  [`\`\`\`${SHA}\`\`\``, SHA],
  [SHA.toUpperCase(), SHA],
  [URL_, FULL],
  [`<${URL_}>`, FULL],
  [`<${URL_}|${SHA}>`, SHA],
  [`<${URL_}|the fix>`, FULL],
  [`<${URL_}|\`${SHA}\`>`, SHA],
  [`(${URL_})`, FULL],
  [`${URL_}.`, FULL],
]

describe('S15: one reader for commits', () => {
  it.each(WAYS)('S15: reads %j in the modal', (typed, sha) => {
    expect(readCommits(typed)).toEqual({ commits: [sha] })
  })

  it.each(WAYS)('S16: reads %j after /hotfix', (typed, sha) => {
    expect(parseHotfix(`${typed} production`, APPS)).toMatchObject({ is: 'hotfix', commits: [sha] })
  })

  it.each([
    ['a title', `${SHA} Fix the search`, [SHA]],
    ['a title that has words of hex digits', `${SHA} added a facade, 2024 dead code`, [SHA]],
    ['a title with a mark', `- \`${SHA}\`: Fix the search!`, [SHA]],
    ['lines of a log', `${SHA} Fix the search\n${OTHER} added a limit`, [SHA, OTHER]],
    ['a numbered list', `1. ${SHA}\n2) ${OTHER}`, [SHA, OTHER]],
    ['what git log prints', `commit ${FULL}`, [FULL]],
    ['two before a title', `${SHA} ${OTHER} both fix it`, [SHA, OTHER]],
    ['commas and semicolons', `${SHA}, ${OTHER}; ${SHA}`, [SHA, OTHER]],
    ['empty lines', `\n\n${SHA}\n\n`, [SHA]],
    ['a short one', 'dead', ['dead']],
    ['two short ones', 'dead beef', ['dead', 'beef']],
  ])('S15: reads %s', (_what, typed, commits) => {
    expect(readCommits(typed)).toEqual({ commits })
  })

  it.each([
    ['titles of several on one line', `${SHA} Fix the search ${OTHER} Limit it`],
    ['a range', `${SHA}..${OTHER}`],
    ['words alone', 'the last one'],
    ['nothing', ' \n '],
    ['a bullet alone', '-'],
    ['a link whose label names another commit', `<${URL_}|${OTHER}>`],
    ['a label of a link elsewhere', `<https://example.com|${SHA}>`],
    ['a mention', '<@U1|abcdef1>'],
    ['a second line without a commit', `${SHA}\nthe fix`],
  ])('S15: guesses nothing for %s', (_what, typed) => {
    expect(readCommits(typed)).toMatchObject({ refused: { gate: 'unknown_commit', why: 'no commit' } })
  })
})

describe('S16: marks around names', () => {
  it.each([
    'production.',
    'production!',
    '*production*',
    '(production)',
    '`production`',
    '“production”.',
    '_production_',
    'Production?',
  ])('S16: %j is production', (typed) => {
    expect(parseHotfix(`${SHA} ${typed}`, APPS)).toMatchObject({ is: 'hotfix', environment: 'production' })
    expect(parseDeploy(typed, APPS)).toMatchObject({ is: 'release', environment: 'production' })
  })

  it.each(['<https://production|production>', '&lt;production&gt;', '<@U1|production>', '<!channel>'])(
    'S16: %j is no name',
    (typed) => {
      expect(parseDeploy(typed, APPS)).not.toMatchObject({ is: 'release' })
      expect(parseHotfix(`${SHA} ${typed}`, APPS)).not.toMatchObject({ is: 'hotfix' })
    },
  )

  it('S16: a number with a full stop is that release', () => {
    expect(parseDeploy('cancel #12.', APPS)).toEqual({ is: 'cancel', number: 12 })
  })
})

describe('S17: a mistyped command', () => {
  it.each([
    ['stauts', 'status'],
    ['satus', 'status'],
    ['histroy', 'history'],
    ['histroy api production', 'history'],
    ['cancle 12', 'cancel'],
    ['rerty 12', 'retry'],
    ['previw production', 'preview'],
    ['hlep', 'help'],
  ])('S17: /deploy %s is told of “/deploy %s”', (typed, meant) => {
    expect(parseDeploy(typed, APPS)).toEqual({
      is: 'help',
      reason: `“${typed.split(' ')[0]}” isn’t a command. Did you mean “/deploy ${meant}”?`,
    })
  })

  it.each(['producton', 'integraton', 'prod', 'staging', 'x'])('S17: /deploy %s is a matter of names', (typed) => {
    expect(parseDeploy(typed, APPS)).toMatchObject({ is: 'refused', refusal: { gate: 'unknown_environment' } })
  })

  it('S17: a name of releases.yml is never taken for a command', () => {
    const [environment] = anApp().environments
    if (environment === undefined) throw new Error('no environment')
    const apps = [anApp({ environments: [{ ...environment, name: 'statu' }] })]
    expect(parseDeploy('statu', apps)).toMatchObject({ is: 'release', environment: 'statu' })
  })
})
