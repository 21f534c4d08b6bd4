/** Finds the secrets in a setting. */

/**
 * The secrets in a variable: its value, unless it is a plain word, number or URL; the passwords in a URL or connection
 * string, also decoded; and the lines of a long value. Words such as `production` stay readable in messages.
 */
export function secretsIn(name: string, value: string): readonly string[] {
  const found = new Set<string>()
  const isNamedSecret = /pass|pwd|_pw$|secret|token|key|credential|auth|salt|cert|private|signature/i.test(name)
  const passwords = passwordsIn(value)
  const isPlain =
    /^[a-z][a-z_-]{0,19}$/i.test(value) || /^[0-9.]*$/.test(value) || /^[a-z][a-z0-9+.-]*:\/\/[^?]*$/i.test(value)
  if (passwords.length > 0 || (isNamedSecret ? value.length >= 4 : value.length >= 8 && !isPlain)) found.add(value)
  for (const password of passwords) found.add(password)
  if (found.has(value) && value.includes('\n')) {
    for (const line of value.split('\n')) if (line.trim().length >= 16) found.add(line.trim())
  }
  return [...found]
}

/** The passwords in a URL (before the @, or as a parameter) or in a `key=value` connection string. */
function passwordsIn(value: string): readonly string[] {
  const written = [
    /^[a-z][a-z0-9+.-]*:\/\/[^/@\s]*?:([^/\s]*)@/i.exec(value)?.[1],
    /^[a-z][a-z0-9+.-]*:\/\/([^/@:\s]{16,})@/i.exec(value)?.[1],
    ...[...value.matchAll(/(?:^|[?&;\s])(?:password|pwd|sslpassword|token|secret|api_?key)=([^&;\s]+)/gi)].map(
      ([, password]) => password,
    ),
  ]
  return [...new Set(written.flatMap((password) => (password ? [password, decoded(password)] : [])))]
}

/** Percent-decoded, or unchanged when it can't be decoded. */
export function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
