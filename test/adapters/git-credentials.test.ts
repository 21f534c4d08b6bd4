import { describe, expect, it } from 'vitest'
import { gitCredentials } from '../../src/cli/wiring.ts'
import { anApp, anEnvironment } from '../support/builders.ts'

const BITBUCKET = { credentials: { token: 'bitbucket-secret' }, apiUrl: 'https://api.bitbucket.org/2.0' }
const HEROKU = { apiKey: 'heroku-secret', apiUrl: 'https://api.heroku.com' }

/** Both services on one host and port of this machine, told apart by their whole address. */
const remote = anEnvironment().remote
const local = anApp({
  gitUrl: 'http://127.0.0.1:8080/jurispect/jurispect_api.git',
  environments: [anEnvironment({ remote: { ...remote, url: 'http://127.0.0.1:8080/api-production.git' } })],
})
const astray = anApp({
  gitUrl: 'https://git.example.org/jurispect/jurispect_api.git',
  environments: [anEnvironment({ remote: { ...remote, url: 'https://git.example.net/api-production.git' } })],
})

describe('a credential goes to its own service', () => {
  const given = gitCredentials([local, astray], BITBUCKET, HEROKU)
  it.each([
    ['https://bitbucket.org/jurispect/jurispect_api.git', 'x-token-auth', 'bitbucket-secret'],
    ['https://git.heroku.com/api-production.git', 'heroku', 'heroku-secret'],
    ['http://127.0.0.1:8080/jurispect/jurispect_api.git', 'x-token-auth', 'bitbucket-secret'],
    ['http://127.0.0.1:8080/api-production.git', 'heroku', 'heroku-secret'],
  ])('%s', (url, username, password) => {
    expect(given(new URL(url))).toEqual({ username, password })
  })

  it.each([
    ['a host that releases.yml names for the repository', 'https://git.example.org/jurispect/jurispect_api.git'],
    ['a host that releases.yml names for Heroku', 'https://git.example.net/api-production.git'],
    ['a host that only looks like it', 'https://bitbucket.org.example.net/jurispect/jurispect_api.git'],
    ['another address on this machine', 'http://127.0.0.1:8080/other.git'],
  ])('and to no other: %s', (_which, url) => {
    expect(given(new URL(url))).toBeUndefined()
  })

  it('as a user’s API token under its own name', () => {
    const credentials = { email: 'dana@example.test', apiToken: 'token' }
    const given = gitCredentials([local], { ...BITBUCKET, credentials }, undefined)
    expect(given(new URL('https://bitbucket.org/a/b.git'))).toEqual({
      username: 'x-bitbucket-api-token-auth',
      password: 'token',
    })
  })
})
