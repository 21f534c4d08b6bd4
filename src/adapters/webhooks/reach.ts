import { connect, isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { failureInWords, lookupAllowed } from './post.ts'

/** Whether a webhook's host takes a connection with a good certificate; in words if not. No request is made. */
export function reach(url: string, signal: AbortSignal): Promise<string | undefined> {
  const { protocol, hostname, port } = new URL(url)
  const host = hostname.replace(/^\[|\]$/g, '')
  const isTls = protocol === 'https:'
  const to = { host, port: Number(port) || (isTls ? 443 : 80), lookup: lookupAllowed }
  return new Promise((done) => {
    const socket: Socket = isTls
      ? connectTls({ ...to, ...(isIP(host) === 0 && { servername: host }) }, () => end(undefined))
      : connect(to, () => end(undefined))
    const stop = () => end('no answer in time')
    const end = (problem: string | undefined) => {
      signal.removeEventListener('abort', stop)
      socket.destroy()
      done(problem)
    }
    socket.on('error', (error) => end(failureInWords(error)))
    signal.addEventListener('abort', stop, { once: true })
  })
}
