const COMMIT = /^[0-9a-f]{40}$/
const BRANCH_CHARACTERS = /^[\p{L}\p{N}._/+@#=,!%&'-]+$/u
const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/

/** A git URL that may be used: `address` is what git gets, `web` is set when it is reached over HTTP. */
export interface GitAddress {
  readonly address: string
  readonly protocol: 'https' | 'http' | 'file'
  readonly web?: URL
}

/** Gives the commit, tree or blob id back; throws unless it is 40 lower-case hex digits. */
export function objectId(value: string): string {
  if (!COMMIT.test(value)) throw new TypeError(`not a full git object id: ${quoted(value)}`)
  return value
}

/**
 * Gives the branch name back; throws unless every rule of git-check-ref-format(1) holds for it and it has only letters,
 * digits and `._/+@#=,!%&'-`.
 */
export function branchName(value: string): string {
  if (!isBranchName(value)) throw new TypeError(`not a branch name that can be used: ${quoted(value)}`)
  return value
}

/** Whether `branchName` takes it. */
export function isBranchName(value: string): boolean {
  const parts = value.split('/')
  return (
    BRANCH_CHARACTERS.test(value) &&
    value.length <= 200 &&
    !value.startsWith('-') &&
    !value.endsWith('.') &&
    !value.includes('..') &&
    !value.includes('@{') &&
    value !== '@' &&
    value !== 'HEAD' &&
    parts.every((part) => part !== '' && !part.startsWith('.') && !part.endsWith('.lock'))
  )
}

/** Gives a path inside a repository, `''` for its root; throws for absolute ones and those with `..` or control characters. */
export function pathInRepository(value: string): string {
  const path = value.replace(/^(\.\/)+/, '').replace(/\/+$/, '')
  if (value.startsWith('/') || value.startsWith('-') || path.startsWith('-') || /\p{Cc}/u.test(value)) refusePath(value)
  if (path === '' || path === '.') return ''
  if (path.split('/').some((part) => part === '' || part === '.' || part === '..')) refusePath(value)
  return path
}

/**
 * Takes https URLs, http URLs of loopback hosts, file URLs and absolute paths. Throws for everything else, and for URLs
 * that carry credentials, a query or a fragment; the text of the error never holds the URL.
 */
export function gitAddress(value: string): GitAddress {
  if (value === '' || /[\p{Cc}\\]/u.test(value)) throw new TypeError('the git URL is empty or holds control characters')
  if (value.startsWith('/')) return { address: value, protocol: 'file' }
  if (!/^(https?|file):\/\/\S+$/.test(value) || !URL.canParse(value)) {
    throw new TypeError('the git URL must be https, http of this machine, or an absolute path')
  }
  const url = new URL(value)
  if (url.username !== '' || url.password !== '') throw new TypeError('the git URL must not carry credentials')
  if (url.search !== '' || url.hash !== '') throw new TypeError('the git URL must have no query and no fragment')
  if (url.protocol === 'file:') {
    if (url.host !== '') throw new TypeError('a file URL must be of this machine')
    return { address: decodeURIComponent(url.pathname), protocol: 'file' }
  }
  if (url.protocol === 'http:' && !LOOPBACK.test(url.hostname)) {
    throw new TypeError('a plain http git URL must be of this machine')
  }
  return { address: url.href, protocol: url.protocol === 'https:' ? 'https' : 'http', web: url }
}

function refusePath(value: string): never {
  throw new TypeError(`not a path inside a repository: ${quoted(value)}`)
}

const quoted = (value: string) => JSON.stringify(value.slice(0, 100))
