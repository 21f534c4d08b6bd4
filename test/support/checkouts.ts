/** Checkouts of a git that writes none, or whose files nobody else needs: each a name of its own, and no spares. */
import { randomUUID } from 'node:crypto'
import type { Git } from '../../src/release/ports/git.ts'
import type { Checkouts } from '../../src/worker/checkouts.ts'

export function namedCheckouts(git: Pick<Git, 'checkout'>): Checkouts {
  return {
    open: async () => undefined,
    async use(app, commit, work) {
      const checkout = `checkout-${randomUUID()}`
      return work(checkout, await git.checkout(app, commit, checkout))
    },
    close: () => undefined,
  }
}
