/** Services that take their time: each request to Bitbucket, Heroku and their git waits for 0.7 s. */
import { type FaultProxy, startFaultProxy } from '../../support/fault-proxy.ts'
import { closedAtTheEnd } from './closing.ts'

export function slowly(): { through(address: string): Promise<string>; close(): Promise<void> } {
  const proxies = new Map<string, FaultProxy>()
  const close = closedAtTheEnd(async () => {
    for (const proxy of proxies.values()) await proxy.close()
  })
  return {
    async through(address) {
      const { origin } = new URL(address)
      const proxy = proxies.get(origin) ?? (await startFaultProxy(origin))
      proxies.set(origin, proxy)
      proxy.harm(() => true, 'delay', Number.POSITIVE_INFINITY)
      return address.replace(origin, proxy.origin)
    },
    close,
  }
}
