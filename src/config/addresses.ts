/** Which URLs may be configured: https, or http and local paths on this machine, and never with credentials. */

const HEROKU_GIT_HOST = 'git.heroku.com'

/** Whether the `hostname` of a parsed URL is this machine. */
export function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.[0-9]{1,3}){3}$/.test(hostname)
}

/**
 * Why git may not use this URL, as a phrase that follows the setting's name and does not contain the URL. Allowed are
 * https, http on this machine, absolute paths and local file: URLs.
 */
export function gitUrlProblem(text: string): string | undefined {
  if (/[\p{C}\\]/u.test(text)) return 'must not contain backslashes or control characters'
  if (text.startsWith('/')) return text.length > 1 ? undefined : 'must be more than /'
  const url = /^[a-z]+:\/\/\S+$/i.test(text) ? parsed(text) : undefined
  if (url === undefined) return 'must be an https URL, or an absolute path on this machine'
  if (/%(?![0-9a-f]{2})/i.test(text)) return 'must write % as %25'
  if (url.protocol === 'file:') {
    return url.hostname === '' && url.pathname.length > 1
      ? webAddressProblem(url)
      : 'must be file:/// followed by a path'
  }
  if (url.protocol !== 'https:' && url.protocol !== 'http:')
    return 'must be an https URL; ssh and git URLs are not supported'
  return webAddressProblem(url) ?? (url.pathname.length > 1 ? undefined : 'must contain the path of a repository')
}

/** Like `gitUrlProblem`, for HTTP requests. Allowed are https, and http on this machine. */
export function webUrlProblem(text: string): string | undefined {
  const url = /^https?:\/\/[^\s\p{C}\\]+$/iu.test(text) ? parsed(text) : undefined
  if (url === undefined) return 'must be an https URL'
  if (url.username !== '' || url.password !== '') return 'must not contain a user or a password'
  if (url.hash !== '') return 'must not contain #'
  if (url.protocol === 'http:' && !isLoopback(url.hostname))
    return 'must be https; http is allowed only for this machine'
  return undefined
}

/** Returns the same text for every way to write the same git URL. */
export function normalizedGitUrl(text: string): string {
  const url = text.startsWith('/') ? undefined : parsed(text)
  const place = url === undefined ? text : url.protocol === 'file:' ? url.pathname : url.href
  return place.replace(/\/+$/, '').replace(/\.git$/, '')
}

/** Whether the URL is on Heroku's git server. */
export function isHerokuGitUrl(text: string): boolean {
  return parsed(text)?.hostname === HEROKU_GIT_HOST
}

/** The app in a git URL of Heroku, or of its stand-in on this machine: the last part. */
export function herokuAppOf(text: string): string | undefined {
  const url = parsed(text)
  if (url === undefined || !(url.hostname === HEROKU_GIT_HOST || isLoopback(url.hostname))) return undefined
  return /\/([a-z][a-z0-9-]*)(?:\.git)?\/?$/.exec(url.pathname)?.[1]
}

/**
 * Checks the URL of a service's API and returns it without a trailing slash. Only the service's own hosts and this machine
 * are allowed, because credentials are sent there. A host that begins with a dot means all its subdomains.
 */
export function apiUrl(
  text: string,
  hosts: readonly string[],
): { readonly ok: true; readonly url: string } | { readonly ok: false; readonly problem: string } {
  const url = parsed(text)
  if (url === undefined) return { ok: false, problem: 'is not a URL' }
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return { ok: false, problem: 'must be an https URL' }
  const problem = webAddressProblem(url)
  if (problem !== undefined) return { ok: false, problem }
  const isOwn = hosts.some((host) => (host.startsWith('.') ? url.hostname.endsWith(host) : url.hostname === host))
  if (!isOwn && !isLoopback(url.hostname)) {
    return { ok: false, problem: `must point to ${hosts[0]} or to this machine, because credentials are sent there` }
  }
  return { ok: true, url: url.href.replace(/\/+$/, '') }
}

function webAddressProblem(url: URL): string | undefined {
  if (url.username !== '' || url.password !== '') return 'must not contain a user or a password'
  if (url.search !== '' || url.hash !== '') return 'must not contain ? or #'
  if (url.protocol === 'http:' && !isLoopback(url.hostname))
    return 'must be https; http is allowed only for this machine'
  return undefined
}

function parsed(text: string): URL | undefined {
  return URL.canParse(text) ? new URL(text) : undefined
}
