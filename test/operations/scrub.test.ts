import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createScrubber, SECRET_MARK } from '../../src/operations/scrub.ts'

const SECRETS: Readonly<Record<string, string>> = {
  'letters and digits': 'hunter2correcthorse',
  'four characters': 'k9#Q',
  'a Slack token': 'xoxb-111222333-444555666-AbCdEfGhIjKl',
  'an app-level token': 'xapp-1-A0SIGNOFF-99887766-abcdef0123456789',
  'what a URL must encode': 'p@ss:w/rd?x=1&y#z%20+',
  'quotes and backslashes': `it's "quoted" \\back\\`,
  'other alphabets': 'pässwörd-ünï-密码',
  'other alphabets in quotes': '"ünï"\\密码',
  'with spaces': 'correct horse battery staple',
  markup: '<b>&hidden>&amp;',
  'base64 itself': 'q83vEjRWeJCrze8SNFZ4kA==',
  long: 'Zx7'.repeat(100),
}

const base64 = (text: string) => Buffer.from(text).toString('base64')
const json = (value: unknown) => JSON.stringify(value)
const ascii = (text: string) =>
  text.replace(/[^ -~]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
const slackText = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
const lowerHex = (text: string) => text.replace(/%[0-9A-F]{2}/g, (code) => code.toLowerCase())

/** Where a secret is in a text, and how it is written there. */
const SHAPES: Readonly<Record<string, (secret: string) => { readonly text: string; readonly written: string }>> = {
  plain: (secret) => ({ text: `got ${secret} here`, written: secret }),
  'password of a URL, encoded': (secret) => {
    const written = encodeURIComponent(secret)
    return { text: `could not reach postgres://app:${written}@db.example.test:5432/app`, written }
  },
  'password of a URL, encoded in lower case': (secret) => {
    const written = lowerHex(encodeURIComponent(secret))
    return { text: `could not reach postgres://app:${written}@db.example.test/app`, written }
  },
  'password of a URL, as Node writes it': (secret) => {
    const url = new URL('https://app@git.example.test/')
    url.password = secret
    return { text: `fatal: unable to access '${url}': 403`, written: url.password }
  },
  'user name of a URL': (secret) => {
    const written = encodeURIComponent(secret)
    return { text: `cloning https://${written}@git.example.test/api.git`, written }
  },
  'password of a URL, not encoded': (secret) => ({
    text: `Could not parse URL from string 'postgres://app:${secret}@db/app'`,
    written: secret,
  }),
  'query parameter': (secret) => {
    const written = encodeURIComponent(secret)
    return { text: `GET https://api.example.test/?access_token=${written}&page=2`, written }
  },
  'form body': (secret) => {
    const written = new URLSearchParams({ s: secret }).toString().slice(2)
    return { text: `token=${written}&channel=C1`, written }
  },
  'URL in a URL': (secret) => {
    const written = encodeURIComponent(encodeURIComponent(secret))
    return { text: `next=${encodeURIComponent(`https://app:${encodeURIComponent(secret)}@h/`)}`, written }
  },
  'libpq connection string': (secret) => {
    const written = secret.replaceAll('\\', '\\\\').replaceAll("'", "\\'")
    return { text: `connection to "host=db user=app password='${written}' dbname=app" failed`, written }
  },
  'variable of an environment': (secret) => ({ text: `env: PGPASSWORD=${secret} PATH=/bin`, written: secret }),
  'argument in a shell': (secret) => {
    const written = secret.replaceAll("'", "'\\''")
    return { text: `+ curl --user 'app:${written}' https://h/`, written }
  },
  'Python dictionary': (secret) => {
    const written = secret.replaceAll('\\', '\\\\').replaceAll("'", "\\'")
    return { text: `KeyError: {'user': 'app', 'password': '${written}', 'host': 'db'}`, written }
  },
  JSON: (secret) => ({ text: json({ ok: false, token: secret, at: 1 }), written: json(secret).slice(1, -1) }),
  'JSON in ASCII': (secret) => {
    const written = ascii(json(secret).slice(1, -1))
    return { text: `{"value": "${written}"}`, written }
  },
  'JSON with escaped slashes': (secret) => {
    const written = json(secret).slice(1, -1).replaceAll('/', '\\/')
    return { text: `{"value": "${written}"}`, written }
  },
  'JSON in JSON': (secret) => {
    const written = json(json(secret).slice(1, -1)).slice(1, -1)
    return { text: json({ body: json({ value: secret }) }), written }
  },
  'Basic header': (secret) => {
    const written = base64(`heroku:${secret}`)
    return { text: `authorization: Basic ${written}\r\nhost: git.heroku.com`, written }
  },
  'Bearer header': (secret) => ({ text: `> Authorization: Bearer ${secret}`, written: secret }),
  'base64 alone': (secret) => ({ text: `data ${base64(secret)} end`, written: base64(secret) }),
  'base64 behind one character more': (secret) => ({
    text: `x ${base64(`a:${secret}`)}`,
    written: base64(`a:${secret}`),
  }),
  'base64 behind two characters more': (secret) => ({
    text: `x ${base64(`ab:${secret}:z`)}`,
    written: base64(`ab:${secret}:z`),
  }),
  'base64 for URLs': (secret) => {
    const written = Buffer.from(secret).toString('base64url')
    return { text: `/cb/${written}/end`, written }
  },
  'text for Slack': (secret) => ({ text: `It said: ${slackText(secret)}`, written: slackText(secret) }),
  hexadecimal: (secret) => {
    const written = Buffer.from(secret).toString('hex')
    return { text: `token=\\x${written}`, written }
  },
  'wrapped over two lines': (secret) => {
    const middle = Math.ceil(secret.length / 2)
    const written = `${secret.slice(0, middle)}\n    ${secret.slice(middle)}`
    return { text: `password=${written} and more`, written }
  },
}

describe('a known secret', () => {
  const scrub = createScrubber(Object.values(SECRETS))
  const cases = Object.entries(SHAPES).flatMap(([shape, write]) =>
    Object.entries(SECRETS).map(([name, secret]) => ({ shape, name, secret, ...write(secret) })),
  )

  it.each(cases)('does not get out: $shape, $name', ({ text, written, secret, shape }) => {
    const clean = scrub(text)
    expect(clean).toContain(SECRET_MARK)
    if (shape === 'wrapped over two lines' && secret.length < 8) return
    expect(clean).not.toContain(written)
    const around = text.split(written).join('')
    for (let at = 0; at + 6 <= written.length; at += 1) {
      const piece = written.slice(at, at + 6)
      if (!around.includes(piece)) expect(clean).not.toContain(piece)
    }
  })

  it('leaves what stands around it', () => {
    expect(scrub('rejected by hunter2correcthorse at line 3')).toBe('rejected by [secret] at line 3')
    expect(scrub('postgres://app:k9%23Q@db:5432/app is down')).toBe('postgres://[secret]@db:5432/app is down')
  })

  it('goes with all that is encoded together with it', () => {
    const encoded = base64('somebody@example.test:hunter2correcthorse')
    expect(scrub(`header ${encoded}, sent`)).toBe('header [secret], sent')
  })

  it('goes whole when two secrets overlap', () => {
    expect(createScrubber(['abcdefgh', 'efghijkl'])('see abcdefghijkl.')).toBe('see [secret].')
  })

  it('goes line by line when it has several lines', () => {
    const clean = createScrubber(['first line of it\nsecond line of it'])('read: second line of it')
    expect(clean).toBe('read: [secret]')
  })

  it('is not looked for when it is shorter than four characters', () => {
    expect(createScrubber(['abc', ''])('abc')).toBe('abc')
  })
})

describe('what looks like a secret', () => {
  const scrub = createScrubber([])

  it.each([
    ['postgres://app:unheard@db/app', 'postgres://[secret]@db/app'],
    ['https://ghp_unheard0123@github.com/x', 'https://[secret]@github.com/x'],
    ['postgres://app:un/heard@db/app', 'postgres://app:[secret]@db/app'],
    ['"postgres:\\/\\/app:unheard@db"', '"postgres:\\/\\/[secret]@db"'],
    ['app:unheard@db.example.test', 'app:[secret]@db.example.test'],
    ['GET /?token=unheard', 'GET /?token=[secret]'],
    ['host=db password=unheard user=app', 'host=db password=[secret] user=app'],
    ["host=db password='un heard' user=app", "host=db password='[secret]' user=app"],
    ["{'db_password': 'un\\'heard', 'a': 1}", "{'db_password': '[secret]', 'a': 1}"],
    ['{"body":"{\\"secret\\":\\"unheard\\",\\"a\\":1}"}', '{"body":"{\\"secret\\":\\"[secret]\\",\\"a\\":1}"}'],
    ['{"credentials": "unheard"}', '{"credentials": "[secret]"}'],
    ['X-Slack-Signature: v0=unheard', 'X-Slack-Signature: [secret]'],
    ['PGPASSWORD=unheard psql', 'PGPASSWORD=[secret] psql'],
    ['AWS_SECRET_ACCESS_KEY=unheard', 'AWS_SECRET_ACCESS_KEY=[secret]'],
    ['SECRET_KEY_BASE: unheard', 'SECRET_KEY_BASE: [secret]'],
    ['tool --auth-token unheard run', 'tool --auth-token [secret] run'],
    ['Authorization: Basic YTpi', 'Authorization: [secret]'],
    ["{'authorization': 'Bearer unheard', 'x': 1}", "{'authorization': '[secret]', 'x': 1}"],
    ['sent Bearer abc123.def', 'sent Bearer [secret]'],
    ['token xoxb-1-2-unheard was', 'token [secret] was'],
    ['app xapp-1-A0-unheard was', 'app [secret] was'],
    ['ATCTT3xFfGN0unheard=ABCD', '[secret]'],
    ['HRKU-0123-4567-89ab', '[secret]'],
    ['jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc', 'jwt [secret]'],
    ['https://hooks.slack.com/commands/T1/2/unheard', 'https://hooks.slack.com[secret]'],
    [
      '-----BEGIN RSA PRIVATE KEY-----\nMIIunheard\n-----END RSA PRIVATE KEY-----',
      '[secret]-----END RSA PRIVATE KEY-----',
    ],
  ])('goes: %s', (text, clean) => {
    expect(scrub(text)).toBe(clean)
  })

  it.each([
    'FATAL:  password authentication failed for user "app"',
    'https://bitbucket.org/jurispect/jurispect_api/pull-requests/12',
    'http://127.0.0.1:3000/path@2',
    '9fceb02d0ae598e95dc970b74767f19372d61af8 Add basic authentication',
    'BITBUCKET_TOKEN is missing',
    'refuses our credentials: 401',
    'Running upgrade 4f1a -> 9c2b, add tokens table',
    'git@bitbucket.org:jurispect/jurispect_api.git',
  ])('stays readable: %s', (text) => {
    expect(scrub(text)).toBe(text)
  })
})

describe('any text', () => {
  const scrub = createScrubber(Object.values(SECRETS))

  it('holds no secret that only begins where another was taken out', () => {
    expect(scrub(`${Object.values(SECRETS)[0]}Bearer ---+--`)).toBe('[secret]Bearer [secret]')
  })

  it('is the same after a second time', () => {
    const piece = fc.constantFrom(
      'password',
      '=',
      ':',
      '"',
      "'",
      '\\',
      '@',
      '://',
      'token',
      ' ',
      '\n',
      'Bearer ',
      'xoxb-',
      'k9#Q',
      '%3A%2F%2F',
      '%40',
      'aB3xyz',
    )
    fc.assert(
      fc.property(fc.array(fc.oneof(piece, fc.string()), { maxLength: 20 }), (pieces) => {
        const once = scrub(pieces.join(''))
        expect(scrub(once)).toBe(once)
      }),
    )
  })

  it.each([
    'a',
    '/',
    '-',
    '://',
    '://a:',
    ':a@',
    'password',
    'password=',
    'password"',
    "token='",
    'eyJ-',
    'eyJ.',
    'xoxb-',
    '--',
    '--token',
    'bearer ',
    'basic a',
    '-----BEGIN PRIVATE KEY-----',
    '%3a%2f%2f',
    'k9#',
    'k9#Q',
    '\\',
    '\\"',
    ' \n',
    'hooks.slack.com/',
    'secret\\"=\\"',
  ])('takes time in proportion to its length: %j over and over', (piece) => {
    const text = piece.repeat(Math.ceil(200_000 / piece.length))
    const began = performance.now()
    scrub(text)
    expect(performance.now() - began).toBeLessThan(1_500)
  })

  it('is cut where it is too long, with nothing of a secret left at the cut', () => {
    const secret = SECRETS['letters and digits'] ?? ''
    const line = scrub(`${'x '.repeat(5_000)}end`)
    expect(line.length).toBeLessThan(8_200)
    expect(line).toMatch(/ \[1\d{3} more characters\]$/)
    expect(scrub(line)).toBe(line)
    const text = `${'a b\n'.repeat(65_533)}${secret}${'a b\n'.repeat(100)}`
    expect(scrub(text)).not.toContain('hunter')
    expect(scrub(text)).toMatch(/more characters\]$/)
  })
})
