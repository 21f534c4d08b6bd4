/** What people read of releases that were requested automatically, and of heads that are not deployed. */
import { describe, expect, it } from 'vitest'
import type { Release } from '../../../src/release/release.ts'
import { notDeployed } from '../../../src/slack/views/channel-message.ts'
import { outcome } from '../../../src/slack/views/outcome.ts'
import { refusalMessage } from '../../../src/slack/views/refusal-message.ts'
import { recordLines } from '../../../src/worker/run/record-text.ts'
import { anIntegration, aRelease, SERVICES, sha } from '../../support/builders.ts'

const SIGNOFF = { id: 'signoff', name: 'Signoff' }
const AUTHORS = ['U0BEN', 'U0CHI', '<!channel>']

function read(release: Release, authors: readonly string[] = AUTHORS) {
  const facts = { services: SERVICES, environment: anIntegration(), owed: [], events: 9, head: 'a1b2c3' }
  const drawn = outcome(release, { ...facts, authors })
  return { words: JSON.stringify(drawn.blocks), broadcast: drawn.broadcast }
}
const automatic = (more: Partial<Release>) => aRelease({ requester: SIGNOFF, environment: 'integration', ...more })

describe('A15: the outcome of an automatic release', () => {
  it.each<[state: Release['state'], mentions: boolean, broadcast: true | undefined]>([
    ['succeeded', false, true],
    ['failed', true, true],
    ['needs attention', true, true],
    ['cancelled', false, true],
    ['expired', false, true],
    ['refused', false, undefined],
    ['outdated', false, undefined],
  ])('%s: mentions the authors: %s', (state, mentions, broadcast) => {
    const { words, broadcast: isShown } = read(automatic({ state }))
    expect(words.includes('<@U0BEN>, <@U0CHI>')).toBe(mentions)
    expect(words).not.toContain('<!channel>')
    expect(words).not.toContain('signoff>')
    expect(words.replaceAll('\u00a0', ' ')).toContain('Requested automatically')
    expect(isShown).toBe(broadcast)
  })

  it('mentions at most ten', () => {
    const many = Array.from({ length: 30 }, (_, index) => `U0${index}X`)
    expect(read(automatic({ state: 'failed' }), many).words.match(/<@U0\d+X>/g)).toHaveLength(10)
  })

  it('of a release that a person requested mentions no author', () => {
    expect(read(aRelease({ state: 'failed' })).words).not.toContain('<@U0BEN>')
  })
})

describe('A15: elsewhere', () => {
  it('a request beside it is told what can be done, and no requester to ask', () => {
    const refusal = {
      ...({ gate: 'environment_busy', number: 12, app: 'api', environment: 'integration' } as const),
      ...({ state: 'running', requester: SIGNOFF } as const),
    }
    const words = JSON.stringify(refusalMessage(refusal, { services: SERVICES }))
    expect(words).toContain('requested automatically')
    expect(words).not.toContain('ask the requester')
  })

  it('the record says so', () => {
    expect(recordLines(automatic({ state: 'running' }), { short: false })[0]).toContain('requested automatically')
  })

  it.each([
    ['failed', 'its builds failed', 'once they pass'],
    ['none', 'no builds for half an hour', 'once it has builds that pass'],
    ['unfinished', 'did not end within a day', 'The next commit'],
  ] as const)('a head that is not deployed: %s', (because, why, next) => {
    const checks = [{ name: 'Unit <!here> tests', state: 'failed' as const, url: 'https://ci.example.com/7' }]
    const drawn = notDeployed(
      {
        ...{ is: 'not deployed', app: 'api', environment: 'integration', branch: 'master', commit: sha('9f2c1ab') },
        ...{ because, checks, webUrl: 'https://bitbucket.org/jurispect/jurispect_api' },
      },
      { services: SERVICES },
    )
    const words = JSON.stringify(drawn.blocks)
    for (const each of [why, next, '/deploy api integration', 'https://ci.example.com/7']) expect(words).toContain(each)
    expect(drawn.text).toBe(`9f2c1ab of master is not deployed to api integration: ${drawn.text.split(': ')[1]}`)
    expect(drawn.text).toContain(why)
    // Names of builds are rich text, which forms no mention.
    expect(JSON.stringify(drawn.blocks?.filter(({ type }) => type !== 'rich_text'))).toBe('[]')
  })
})
