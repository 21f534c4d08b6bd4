/**
 * Git LFS beside a repository: the batch request for downloads, and the downloads themselves by another address with a token
 * of their own, as hosted services give them (git-lfs, docs/api/batch.md and docs/api/basic-transfers.md).
 */
import { createHash, randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { json } from 'node:stream/consumers'

const TYPE = 'application/vnd.git-lfs+json'

export interface GitLfs {
  /** Keeps a file, and returns the pointer that git has in its place. */
  keep(content: string): string
  /** How many files have been downloaded. */
  downloads(): number
  /** Answers the request for a list of downloads. The caller has checked the credentials. */
  batch(request: IncomingMessage, response: ServerResponse): Promise<void>
  /** Answers a download. Returns false and doesn't touch the request if it is none. */
  download(request: IncomingMessage, response: ServerResponse): boolean
}

interface Wanted {
  readonly operation?: string
  readonly objects?: readonly { readonly oid: string; readonly size: number }[]
}

/** `origin`: where the downloads are. */
export function createGitLfs(origin: () => string): GitLfs {
  const files = new Map<string, Buffer>()
  const token = randomUUID()
  let downloads = 0

  const answer = (response: ServerResponse, status: number, value: object) =>
    void response.writeHead(status, { 'Content-Type': TYPE }).end(JSON.stringify(value))

  return {
    keep(content) {
      const bytes = Buffer.from(content)
      const id = createHash('sha256').update(bytes).digest('hex')
      files.set(id, bytes)
      return `version https://git-lfs.github.com/spec/v1\noid sha256:${id}\nsize ${bytes.length}\n`
    },
    downloads: () => downloads,
    async batch(request, response) {
      const { operation, objects = [] } = (await json(request)) as Wanted
      if (operation !== 'download') return answer(response, 403, { message: 'Read only' })
      const found = objects.map(({ oid, size }) =>
        files.get(oid)?.length === size
          ? {
              oid,
              size,
              authenticated: true,
              actions: { download: { href: `${origin()}/media/${oid}`, header: { Authorization: `Bearer ${token}` } } },
            }
          : { oid, size, error: { code: 404, message: 'Object does not exist' } },
      )
      answer(response, 200, { transfer: 'basic', objects: found })
    },
    download(request, response) {
      const id = /^\/media\/([0-9a-f]{64})$/.exec(request.url ?? '')?.[1]
      if (id === undefined) return false
      const content = files.get(id)
      if (request.headers.authorization !== `Bearer ${token}`) response.writeHead(403).end()
      else if (content === undefined) response.writeHead(404).end()
      else {
        downloads += 1
        response.writeHead(200, { 'Content-Type': 'application/octet-stream' }).end(content)
      }
      return true
    },
  }
}
