/** Each service with each kind of failure: what it is called, and what a person is told to look at. */
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createBitbucket } from '../../src/adapters/bitbucket/bitbucket.ts'
import { createGit } from '../../src/adapters/git/git.ts'
import { createHeroku } from '../../src/adapters/heroku/heroku.ts'
import type { Answer } from '../../src/release/ports/answers.ts'
import { refusalMessage } from '../../src/slack/views/refusal-message.ts'
import { forgeError, originError, platformError, type Refused, remoteError } from '../../src/worker/service-errors.ts'
import { anApp, anEnvironment, SERVICES } from '../support/builders.ts'

const answers: Record<string, RequestListener> = {
  'a 404': (_, response) => response.writeHead(404).end('not here'),
  'a 400': (_, response) => response.writeHead(400).end('bad'),
  HTML: (_, response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<html>Sign in</html>'),
  'malformed JSON': (_, response) => response.writeHead(200, { 'content-type': 'application/json' }).end('{"id": 1,'),
  'a 404 with malformed JSON': (_, response) =>
    response.writeHead(404, { 'content-type': 'application/json' }).end('<html>'),
  'a redirect': (_, response) => response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end(),
  'a 503': (_, response) => response.writeHead(503).end(),
  'a 401': (_, response) => response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end(),
}
let answer: RequestListener = () => undefined
const server = createServer((request, response) => answer(request, response))
let origin: string
let directory: string
let git: ReturnType<typeof createGit>

beforeAll(async () => {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  directory = await mkdtemp(join(tmpdir(), 'signoff-troubles-'))
  git = createGit({ mirrors: directory, credentials: () => ({ username: 'someone', password: 'pass-word' }) })
})
afterAll(async () => {
  await git.close()
  server.closeAllConnections()
  server.close()
  await rm(directory, { recursive: true, force: true })
})

const app = anApp()
const production = anEnvironment()
const forge = () => createBitbucket({ apiUrl: origin, credentials: { token: 'a-token' } })
const heroku = () => createHeroku({ apiUrl: origin, apiKey: 'a-key' })
/** The adapters, as far as their words are needed. */
const ports = () => ({ forge: forge(), platforms: { heroku: heroku(), git: undefined } })

interface Service {
  readonly name: string
  readonly gate: string
  readonly ask: () => Promise<Answer<unknown>>
  readonly told: (failure: Extract<Answer<unknown>, { ok: false }>) => Refused
  readonly settings: readonly string[]
  /** W25: what a 404 says first, where any 404 means that. */
  readonly notFound?: RegExp
}

const services: readonly Service[] = [
  {
    name: 'Bitbucket',
    gate: 'bitbucket_unreachable',
    ask: () => forge().pullRequest({ ...app, repository: 'team/api' }, 1),
    told: (error) => forgeError(ports(), error),
    settings: ['BITBUCKET_API_URL', 'repository'],
  },
  {
    name: 'Heroku',
    gate: 'platform_unreachable',
    ask: () => heroku().releases(production.remote, 5),
    told: (error) => platformError(ports(), production, error),
    settings: ['HEROKU_API_URL', 'remote.app'],
  },
  {
    name: 'origin',
    gate: 'repository_unreachable',
    ask: () => git.heads(`${origin}/team/api.git`, ['master']),
    told: (error) => originError(ports(), app, error),
    settings: ['git_url'],
    notFound: /the repository .* was not found/,
  },
  {
    name: 'the remote',
    gate: 'remote_unreachable',
    ask: () => git.heads(`${origin}/an-app.git`, ['master']),
    told: (error) => remoteError(ports(), production, error),
    settings: ['remote.url'],
    notFound: /the app complianceai-api-production was not found/,
  },
]

describe.each(services)('$name', ({ gate, ask, told, settings, notFound }) => {
  async function meets(kind: string) {
    answer = answers[kind] ?? (() => undefined)
    const got = await ask()
    if (got.ok) throw new Error(`${kind} was taken for an answer`)
    const { refused } = told(got)
    return { refused, detail: got.detail, words: JSON.stringify(refusalMessage(refused, { services: SERVICES })) }
  }
  const usable = Object.keys(answers).filter((kind) => kind !== 'a 503' && kind !== 'a 401')

  it.each(usable)('that answers with %s has answered: its words and the settings to look at are told', async (kind) => {
    const { refused, detail, words } = await meets(kind)
    expect(refused.gate).toBe(gate)
    expect(words).not.toContain('did not answer')
    const isNotFound = notFound !== undefined && kind.startsWith('a 404')
    expect(words).toMatch(isNotFound ? notFound : /gave an unexpected answer/)
    expect(words).toContain(JSON.stringify(detail).slice(1, -1).slice(0, 60))
    for (const setting of settings) expect(words).toContain(`"${setting}"`)
  })

  it('that answers with a 503 did not answer, in three tries', async () => {
    const { refused, words } = await meets('a 503')
    expect(refused.gate).toBe(gate)
    expect(words).toContain('did not answer (3 tries)')
  })

  it('that answers with a 401 refuses the credentials', async () => {
    expect((await meets('a 401')).refused.gate).toBe('credentials_refused')
  })
})
