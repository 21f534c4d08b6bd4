/** Hides the password as plain text, percent-encoded or in Basic credentials, and the user part of every URL. */
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
