import { describe, expect, it } from 'vitest'
import { createLog } from '../../src/operations/log.ts'
import { createScrubber } from '../../src/operations/scrub.ts'
import type { Log as WorkerLog } from '../../src/worker/ports.ts'

const SECRET = 'q7Lm-planted-X2'

function logging(level: 'debug' | 'info' | 'silent' = 'debug') {
  const written: string[] = []
  const log = createLog({
    level,
    scrub: createScrubber([SECRET]),
    destination: { write: (line: string) => written.push(line) },
  })
  return {
    log,
    written,
    lines: () => written.map((line) => JSON.parse(line) as Record<string, unknown>),
    text: () => written.join(''),
  }
}

describe('a line of the log', () => {
  it('is one line of JSON with its level, time, fields and message', () => {
    const { log, written, lines } = logging()
    const forWorker: WorkerLog = log
    forWorker.info({ release: 12, step: 'push' }, 'Step ended')
    expect(written).toEqual([expect.stringMatching(/^\{.*\}\n$/)])
    expect(lines()).toEqual([
      { level: 'info', time: expect.stringMatching(/^\d{4}-.*Z$/), release: 12, step: 'push', msg: 'Step ended' },
    ])
  })

  it('is left out below the level', () => {
    const { log, lines } = logging('info')
    log.debug({}, 'Detail')
    log.warn({}, 'Odd')
    expect(lines().map(({ level }) => level)).toEqual(['warn'])
    const silent = logging('silent')
    silent.log.error({}, 'Nothing')
    expect(silent.written).toEqual([])
  })

  it('has the fields of the child that it comes from', () => {
    const { log, lines } = logging()
    log.child({ release: 12 }).child({ step: 'merge' }).error({ attempt: 2 }, 'Step stopped')
    expect(lines()[0]).toMatchObject({ release: 12, step: 'merge', attempt: 2, msg: 'Step stopped' })
  })

  it('keeps its own names when fields are named the same', () => {
    const { log, written, lines } = logging()
    log.info({ level: 9, time: 'noon', msg: 'other' }, 'Message')
    expect(lines()[0]).toMatchObject({ level: 'info', msg: 'Message', level_: 9, time_: 'noon', msg_: 'other' })
    expect(written[0]?.match(/"level"/g)).toHaveLength(1)
  })
})

describe('what is secret', () => {
  it('is in no text, however deep, and in no name', () => {
    const { log, lines, text } = logging()
    log
      .child({ url: new URL(`https://app:${SECRET}@git.example.test/api.git`) })
      .warn({ output: [`denied ${SECRET}`], deep: { [SECRET]: { more: `x ${SECRET}` } } }, `Message with ${SECRET}`)
    expect(text()).not.toContain(SECRET)
    expect(lines()[0]).toMatchObject({
      url: 'https://[secret]@git.example.test/api.git',
      output: ['denied [secret]'],
      deep: { '[secret]': { more: 'x [secret]' } },
      msg: 'Message with [secret]',
    })
  })

  it('is not told by fields that are named as secrets are', () => {
    const { log, lines } = logging()
    log.info({ headers: { Authorization: 'Basic unheard', cookie: 'a=b' }, botToken: 'unheard', tokens: 3 }, 'Request')
    expect(lines()[0]).toMatchObject({
      headers: { Authorization: '[secret]', cookie: '[secret]' },
      botToken: '[secret]',
      tokens: 3,
    })
  })

  it('is left behind with everything else that clients hang on their errors', () => {
    const { log, lines, text } = logging()
    const error = Object.assign(new TypeError(`no answer from https://u:${SECRET}@h/`), {
      code: 'ECONNRESET',
      request: { headers: { authorization: 'Basic unheard' } },
      options: { auth: 'unheard' },
      cause: new Error('unheard'),
    })
    log.error({ error, all: [{ err: error }] }, 'Call failed')
    log.error(error, 'Call failed')
    expect(text()).not.toContain('unheard')
    expect(text()).not.toContain(SECRET)
    const told = {
      name: 'TypeError',
      message: 'no answer from https://[secret]@h/',
      code: 'ECONNRESET',
      stack: expect.stringContaining('log.test.ts'),
    }
    expect(lines()[0]).toMatchObject({ error: told, all: [{ err: told }] })
    expect(Object.keys(lines()[0]?.error ?? {})).toEqual(['name', 'message', 'code', 'stack'])
    expect(lines()[1]).toMatchObject({ error: told })
  })

  it('is not told by bytes or by objects of classes', () => {
    const { log, lines, text } = logging()
    log.info(
      {
        body: Buffer.from(SECRET),
        client: new (class Client {
          token = SECRET
        })(),
        map: new Map([[1, SECRET]]),
      },
      'Sent',
    )
    expect(text()).not.toContain(SECRET)
    expect(lines()[0]).toMatchObject({ body: '[15 bytes]', client: '[Client]', map: '[Map]' })
  })
})

describe('what can’t be written', () => {
  it('is said so in its place, and logging goes on', () => {
    const { log, lines } = logging()
    const cycle: Record<string, unknown> = { at: new Date(Number.NaN), run: () => 1, big: 2n ** 70n }
    cycle.self = cycle
    Object.defineProperty(cycle, 'bad', {
      enumerable: true,
      get: () => {
        throw new Error('no')
      },
    })
    log.info({ cycle, long: Array.from({ length: 150 }, (_, index) => index) }, 'Odd')
    expect(lines()[0]).toMatchObject({
      cycle: {
        at: '[no time]',
        run: '[function]',
        big: '1180591620717411303424',
        self: '[seen above]',
        bad: '[unreadable]',
      },
      long: expect.arrayContaining([99, '[50 more]']),
    })
  })
})
