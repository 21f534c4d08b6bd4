import { stripVTControlCharacters } from 'node:util'

const MAX_LENGTH = 4000

/** Cuts a stream of text into lines at line feeds and carriage returns; lines over 4000 characters are cut short. */
export function createLineReader(onLine: (line: string) => void): { add(chunk: string): void; end(): void } {
  let rest = ''
  const give = (line: string) => {
    const text = stripVTControlCharacters(line).trimEnd()
    if (text !== '') onLine(text.slice(0, MAX_LENGTH))
  }
  return {
    add(chunk) {
      const lines = (rest + chunk).split(/[\r\n]/)
      rest = (lines.pop() ?? '').slice(0, MAX_LENGTH)
      for (const line of lines) give(line)
    },
    end() {
      give(rest)
      rest = ''
    },
  }
}

/** Hides a secret, plainly written, percent-encoded or as Basic credentials, and whatever stands before an @ in a URL. */
export function createScrubber(credentials: { username: string; password: string } | undefined) {
  const hidden = [
    credentials?.password,
    credentials && encodeURIComponent(credentials.password),
    credentials && Buffer.from(`${credentials.username}:${credentials.password}`).toString('base64'),
  ].filter((text): text is string => text !== undefined && text !== '')
  return (text: string): string =>
    hidden
      .reduce((scrubbed, secret) => scrubbed.replaceAll(secret, '[hidden]'), text)
      .replaceAll(/(\b\w{1,32}:\/\/)[^\s/@'"]{1,1024}@/g, '$1')
}
