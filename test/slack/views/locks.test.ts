/** What people read of locks: messages, lists, the card, modals; also with texts that Slack could read as more than words. */
import { describe, expect, it } from 'vitest'
import { factsOfLock, type Lock } from '../../../src/release/lock.ts'
import type { PrivateMessage } from '../../../src/release/messages.ts'
import type { OfferedControl } from '../../../src/slack/views/control-buttons.ts'
import { deployModal } from '../../../src/slack/views/deploy-modal.ts'
import { lockModal, takeOverModal } from '../../../src/slack/views/lock-modals.ts'
import { lockBlocks, lockDetails, lockNotes } from '../../../src/slack/views/parts/lock-lines.ts'
import { privateMessage } from '../../../src/slack/views/private/index.ts'
import type { PrivateFacts } from '../../../src/slack/views/private/private-facts.ts'
import { messageProblems, viewProblems } from '../../support/block-kit-limits.ts'
import { anApp, aRelease, DANA, SERVICES, TOM } from '../../support/builders.ts'
import { read } from './read.ts'

const SINCE = new Date('2026-11-22T06:15:00Z')
const NOW = new Date('2026-11-22T08:15:00Z')
const UNTIL = new Date('2026-11-22T10:15:00Z')

const aLock = (more: Partial<Lock> = {}): Lock => ({
  id: 3,
  on: { is: 'environment', app: 'api', environment: 'production' },
  holder: TOM,
  reason: 'Checking a slow query, "again"',
  since: SINCE,
  ...more,
})
const overAll = aLock({ id: 4, on: { is: 'all' }, reason: 'An incident' })
const facts = (more: Partial<Lock> = {}) => factsOfLock(aLock(more))

const OFFERS: readonly OfferedControl[] = [
  { control: 'extend lock', subject: { is: 'lock', id: 3 }, token: 'a' },
  { control: 'unlock', subject: { is: 'lock', id: 3 }, token: 'b' },
]

function say(message: PrivateMessage, more: Omit<PrivateFacts, 'services'> = {}): string {
  const drawn = privateMessage(message, { services: SERVICES, ...more })
  expect(messageProblems(drawn)).toEqual([])
  return read(drawn)
}

describe('private messages of locks', () => {
  it.each<[string, PrivateMessage, Omit<PrivateFacts, 'services'>?]>([
    ['locks: none', { is: 'locks', locks: [] }],
    ['locks', { is: 'locks', locks: [factsOfLock(overAll), facts({ until: UNTIL })] }],
    ['locked', { is: 'locked', lock: facts() }, { offers: OFFERS }],
    [
      'locked, taken over, with an end',
      { is: 'locked', lock: facts({ until: UNTIL }), before: DANA },
      { offers: OFFERS },
    ],
    ['locked: all', { is: 'locked', lock: factsOfLock(overAll) }, { offers: OFFERS }],
    ['locked: over since', { is: 'locked', lock: facts({ ended: { at: NOW, how: 'unlocked', by: TOM } }) }],
    ['lock held', { is: 'lock held', lock: facts() }, { offers: OFFERS }],
    ['lock held: ends soon', { is: 'lock held', lock: facts({ until: UNTIL }) }, { offers: OFFERS }],
    ['lock taken over', { is: 'lock taken over', lock: facts({ holder: DANA, reason: 'Nobody can log in' }) }],
    ['lock unlocked', { is: 'lock unlocked', lock: facts({ ended: { at: NOW, how: 'unlocked', by: DANA } }) }],
    ['free', { is: 'free', app: 'api', environment: 'production' }],
    [
      'free, and busy',
      { is: 'free', app: 'api', environment: 'production' },
      { release: aRelease({ state: 'awaiting sign-off' }), link: () => 'https://x.slack.com/archives/C/p1' },
    ],
  ])('%s', (_name, message, more) => {
    expect(say(message, more)).toMatchSnapshot()
  })

  it('history has them between the releases, by when they were set', () => {
    const releases = [
      aRelease({ number: 13, requestedAt: NOW }),
      aRelease({ number: 12, requestedAt: new Date('2026-11-22T05:00:00Z') }),
    ]
    const locks = [
      facts({ ended: { at: NOW, how: 'taken over', by: DANA } }),
      facts({ since: new Date('2026-11-22T04:00:00Z'), ended: { at: NOW, how: 'expired' } }),
    ]
    const words = say({ is: 'history', releases, locks })
    expect(words).toMatch(/#13.*taken over by Dana.*#12.*ended/s)
  })

  it('status says which environment is locked, and that everything is', () => {
    const environments = [{ app: 'api', environment: 'production', lock: facts({ until: UNTIL }) }]
    const words = say({ is: 'status', environments, all: factsOfLock(overAll) })
    expect(words).toMatch(/All environments are locked.*An incident.*api production.*Locked by Tom/s)
  })
})

describe('a lock on the card and in modals', () => {
  const card = (locks: readonly Lock[], requester = DANA) =>
    read({ text: '.', blocks: lockBlocks(aRelease({ requester }), locks, NOW) })

  it('the card says what holds it, the requester’s own lock, and nothing of a lock that is over', () => {
    expect(card([aLock()])).toMatch(/Locked\*? by Tom.*without an end.*Nothing starts before the lock ends/s)
    expect(card([aLock(), overAll])).toMatch(/All environments are locked\*? by Tom.*An incident/s)
    expect(card([aLock()], TOM)).toContain('who requested this release: it is not held back')
    expect(card([aLock({ until: new Date(NOW.getTime()) })])).toBe('"."')
    expect(card([aLock({ on: { is: 'environment', app: 'web', environment: 'production' } })])).toBe('"."')
  })

  it('the modal of /deploy says it before it is sent, with whom it stops', () => {
    const held = lockNotes([overAll, aLock()], TOM.id)
    const modal = deployModal({ apps: [anApp()], metadata: '{}', held })
    expect(viewProblems(modal)).toEqual([])
    const words = JSON.stringify(modal.blocks)
    expect(words).toMatch(
      /All environments.*A request there is refused.*api production.*Your own lock doesn’t hold you back/s,
    )
    expect(
      lockNotes(
        Array.from({ length: 7 }, () => aLock()),
        'U9',
      ),
    ).toHaveLength(6)
  })

  it.each([
    ['lock', lockModal({ lock: { on: aLock().on, end: { by: 'for', words: '2h' } }, metadata: '{}' })],
    ['lock all', lockModal({ lock: { on: { is: 'all' } }, metadata: '{}' })],
    ['take over', takeOverModal({ lock: facts(), metadata: '{}' })],
  ])('the modal: %s', (_name, modal) => {
    expect(viewProblems(modal)).toEqual([])
    expect(read({ text: modal.title.text, blocks: modal.blocks as never })).toMatchSnapshot()
  })
})

describe('hostile text', () => {
  const EVIL = ['*EVIL* <!channel> <@U1> `x` https://evil.example', 'z'.repeat(4000), '\u202e', '\n>quote'].join('\n')
  const evil = aLock({ holder: { id: 'U1', name: EVIL }, reason: EVIL, until: UNTIL })

  it('stays words within Slack’s limits', () => {
    const lock = factsOfLock({ ...evil, ended: { at: NOW, how: 'unlocked', by: { id: 'U1', name: EVIL } } })
    const open = factsOfLock(evil)
    const all: readonly PrivateMessage[] = [
      { is: 'locks', locks: Array.from({ length: 60 }, () => open) },
      { is: 'locked', lock: open, before: evil.holder },
      { is: 'lock held', lock: open },
      { is: 'lock taken over', lock: open },
      { is: 'lock unlocked', lock },
      { is: 'history', releases: [aRelease({})], locks: [lock] },
      { is: 'status', environments: [{ app: 'api', environment: 'production', lock: open }], all: open },
    ]
    for (const message of all) {
      const words = say(message, { offers: OFFERS })
      for (const sign of ['<!channel>', '<@U1>', '*EVIL*', 'https://evil'])
        expect(words, message.is).not.toContain(sign)
    }
    const modals = [
      takeOverModal({ lock: open, metadata: '{}' }),
      lockModal({ lock: { on: evil.on, end: { by: 'until', words: EVIL } }, metadata: '{}' }),
      deployModal({ apps: [anApp()], metadata: '{}', held: lockNotes([evil], 'U2') }),
    ]
    for (const modal of modals) expect(viewProblems(modal)).toEqual([])
    const blocks = [...lockBlocks(aRelease({}), [evil], NOW), ...lockDetails(aRelease({}), [evil], NOW)]
    expect(messageProblems({ text: 'A card.', blocks })).toEqual([])
    expect(JSON.stringify(blocks)).not.toContain('<!channel>')
  })
})
