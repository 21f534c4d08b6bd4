import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { branchName, gitAddress, pathInRepository } from '../../src/adapters/git/values.ts'
import {
  apiUrl,
  gitUrlProblem,
  herokuAppOf,
  isLoopback,
  normalizedGitUrl,
  webUrlProblem,
} from '../../src/config/addresses.ts'
import { remoteSchema } from '../../src/config/schema/environment.ts'
import { migrationSchema } from '../../src/config/schema/migrations.ts'

describe('git addresses', () => {
  it.each([
    'https://bitbucket.org/team/api.git',
    'https://git.heroku.com/api-production.git',
    'http://localhost:3000/api.git',
    'http://127.0.0.1/api.git',
    'http://127.9.9.9/api.git',
    'http://[::1]:3000/api.git',
    '/srv/git/api.git',
    '/srv/with space/api.git',
    'file:///srv/git/api.git',
  ])('%s is taken', (url) => {
    expect(gitUrlProblem(url)).toBeUndefined()
  })

  it.each([
    '',
    '/',
    'api.git',
    './api.git',
    'http://bitbucket.org/team/api.git',
    'http://localhost.evil.example/api.git',
    'http://127.0.0.1.evil.example/api.git',
    'http://0.0.0.0/api.git',
    'https://token@bitbucket.org/team/api.git',
    'https://user:password@bitbucket.org/team/api.git',
    'https://bitbucket.org/team/api.git?token=1',
    'https://bitbucket.org/team/api.git#1',
    'https://bitbucket.org',
    'https:bitbucket.org/team/api.git',
    'file://server/share/api.git',
    'file:///srv/%',
    'ssh://git@bitbucket.org/team/api.git',
    'git://bitbucket.org/team/api.git',
    'git@bitbucket.org:team/api.git',
    'ext::sh -c id',
    '--upload-pack=id',
    'https://bitbucket.org/team/api.git\n',
    'https://bitbucket.org\\@evil.example/',
  ])('%j is refused, without being repeated', (url) => {
    const problem = gitUrlProblem(url)
    expect(problem).toBeTypeOf('string')
    if (url.length > 1) expect(problem).not.toContain(url)
  })

  it('are known to be the same place when written otherwise', () => {
    const same = ['https://Git.Heroku.com/api.git', 'https://git.heroku.com/api', 'https://git.heroku.com:443/api/']
    expect(new Set(same.map(normalizedGitUrl)).size).toBe(1)
    expect(normalizedGitUrl('file:///srv/api.git')).toBe(normalizedGitUrl('/srv/api.git'))
    expect(normalizedGitUrl('/srv/api.git')).not.toBe(normalizedGitUrl('/srv/web.git'))
  })

  it('tell the Heroku app, of Heroku and of a stand-in on this machine', () => {
    expect(herokuAppOf('https://git.heroku.com/api-production.git')).toBe('api-production')
    expect(herokuAppOf('http://127.0.0.1:3000/api-production.git')).toBe('api-production')
    expect(herokuAppOf('http://127.0.0.1:3000/git/api.git/')).toBe('api')
    expect(herokuAppOf('https://bitbucket.org/team/api.git')).toBeUndefined()
    expect(herokuAppOf('http://127.0.0.1:3000/API.git')).toBeUndefined()
    expect(herokuAppOf('/srv/api.git')).toBeUndefined()
  })
})

describe('an address that requests are sent to', () => {
  it.each(['https://hooks.example.com/signoff?team=1', 'http://127.0.0.1:3000/', 'http://localhost/health'])(
    '%s is taken',
    (url) => {
      expect(webUrlProblem(url)).toBeUndefined()
    },
  )

  it.each([
    '',
    '/srv/hook',
    'file:///srv/hook',
    'ftp://hooks.example.com/',
    'http://hooks.example.com/',
    'http://127.0.0.1.evil.example/',
    'https://user:password@hooks.example.com/',
    'https://hooks.example.com/#part',
    'https://hooks.example.com/\n',
    'https:hooks.example.com/',
  ])('%j is refused, without being repeated', (url) => {
    const problem = webUrlProblem(url)
    expect(problem).toBeTypeOf('string')
    if (url !== '') expect(problem).not.toContain(url)
  })
})

describe("a service's address", () => {
  it('is of its own hosts or of this machine', () => {
    expect(apiUrl('https://slack.com/api/', ['slack.com', '.slack.com'])).toEqual({
      ok: true,
      url: 'https://slack.com/api',
    })
    expect(apiUrl('https://dev.slack.com/api', ['slack.com', '.slack.com'])).toMatchObject({ ok: true })
    expect(apiUrl('https://evilslack.com/api', ['slack.com', '.slack.com'])).toMatchObject({ ok: false })
    expect(isLoopback(new URL('http://127.1/').hostname)).toBe(true)
    expect(isLoopback(new URL('http://10.0.0.1/').hostname)).toBe(false)
  })
})

describe('what the configuration takes, git takes', () => {
  const pieces = (...parts: string[]) =>
    fc.array(fc.constantFrom(...parts), { maxLength: 6 }).map((all) => all.join(''))
  const gives = (take: (value: string) => unknown, value: string) => expect(() => take(value)).not.toThrow()

  it('as addresses', () => {
    const addresses = pieces(
      'https://',
      'http://',
      'file://',
      '/',
      'a',
      'localhost',
      ':',
      '@',
      '%',
      '%20',
      '?',
      '#',
      ' ',
      '\\',
      '..',
    )
    fc.assert(
      fc.property(addresses, (url) => {
        if (gitUrlProblem(url) === undefined) gives(gitAddress, url)
      }),
      { numRuns: 2_000 },
    )
  })

  it('as branches', () => {
    const branches = pieces('a', 'é', '/', '.', '..', '-', '@', '@{', '.lock', 'HEAD', ' ', '~', '$', '%', '\u202e')
    fc.assert(
      fc.property(branches, (branch) => {
        if (remoteSchema.shape.branch.safeParse(branch).success) gives(branchName, branch)
      }),
      { numRuns: 2_000 },
    )
  })

  it("as paths of alembic's configuration", () => {
    const { config } = migrationSchema.shape
    fc.assert(
      fc.property(pieces('a', '/', '.', './', '..', '-', ' ', '\\', '\n', '.ini'), (path) => {
        if (config.safeParse(path).success) gives(pathInRepository, path)
      }),
      { numRuns: 2_000 },
    )
  })
})
