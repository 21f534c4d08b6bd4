import { beforeAll, describe, expect, it } from 'vitest'
import { APPS } from '../../src/sandbox/systems.ts'
import { cards, keyOf } from '../support/channel.ts'
import type { Stage } from './stage.ts'

/** Registers tests that inject each fault of the drawer and check how Signoff handles it. */
export function testFaults(stageNow: () => Stage): void {
  const app = APPS.integration

  describe('with faults at integration, which needs no sign-off', () => {
    const holds = () => stageNow().sandbox.heroku.holds(app)
    const runs = () => stageNow().sandbox.heroku.runs(app)
    const pushes = () => stageNow().pushesTo(app)
    const master = () => stageNow().sandbox.repository.head('master')

    function deploy(): Promise<void> {
      const { visitor } = stageNow()
      return visitor.newCard(() => visitor.type('/deploy integration'))
    }

    /** Resumes a stopped release with the button that its card offers. */
    async function resume(): Promise<void> {
      const { visitor } = stageNow()
      const stuck = visitor.card().getByRole('button', { name: 'Retry' })
      if (await stuck.isVisible()) return visitor.press('Retry', 'Retry')
      await visitor.newCard(() => visitor.press('Plan again'))
    }

    beforeAll(async () => {
      const { visitor } = stageNow()
      await visitor.become('Dana')
      await visitor.open('# engineering')
    })

    it('rolls back a failed migration, detects a push that did not arrive, and resumes', async () => {
      const { visitor, sandbox } = stageNow()
      const [before, revisions] = [await holds(), await sandbox.databases.revisions('integration')]
      await visitor.work('Push a migration that adds a column')
      await visitor.injectFault('Fail the next migration', 'integration')
      await deploy()
      await visitor.until('failed', 'needs attention')
      expect(await holds()).toBe(before)
      expect(await sandbox.databases.revisions('integration')).toEqual(revisions)

      await visitor.injectFault('Cut the next push before it arrives')
      await resume()
      await visitor.until('needs attention')
      expect(await holds()).toBe(before)
      expect(await sandbox.databases.revisions('integration')).toEqual([
        await sandbox.repository.headRevision('master'),
      ])
      await resume()
      await visitor.until('succeeded')
      expect(await holds()).toBe(await master())
    })

    it('checks for a push whose answer was lost, and never pushes twice', async () => {
      const { visitor } = stageNow()
      const before = pushes()
      await visitor.work('Push a commit')
      await visitor.injectFault('Cut the next push after it arrives')
      await deploy()
      await visitor.until('succeeded')
      expect(pushes()).toBe(before + 1)
      expect(runs()).toBe(await master())
    })

    it('distinguishes a failed release phase from a failed push', async () => {
      const { visitor } = stageNow()
      await visitor.work('Push a commit')
      await visitor.injectFault('Fail the next release phase')
      await deploy()
      await visitor.until('needs attention')
      expect(await holds()).toBe(await master())
      expect(runs()).not.toBe(await master())
      await resume()
      await visitor.until('succeeded')
      expect(runs()).toBe(await master())
    })

    it('loses and repeats nothing while Slack is slow, rate-limited and down, and the worker is killed, once at a push', async () => {
      const { visitor, page, sandbox } = stageNow()
      const before = pushes()
      const bot = (state: string) => page.locator(`[data-is=bot][data-state=${state}]`).waitFor()
      const worker = (state: string) => page.locator(`[data-is=worker][data-state=${state}]`).waitFor()
      await visitor.work('Push a commit')
      await visitor.injectFault('Kill the worker at the next push')
      await visitor.injectFault('Slow down Slack for 20 s')
      // The card can appear only after the worker is back.
      await Promise.all([worker('killed'), deploy()])
      await visitor.endFault('Slow down Slack for 20 s')
      await visitor.injectFault('Rate-limit Slack for 20 s')
      await worker('running')
      await visitor.injectFault('Kill the worker')
      await worker('killed')
      await visitor.endFault('Rate-limit Slack for 20 s')
      await visitor.injectFault('Take Slack down for 20 s')
      await bot('unconnected')
      await visitor.type('/deploy status')
      await page.locator('#toast.shown', { hasText: /can’t be reached|didn’t respond/ }).waitFor()
      await visitor.endFault('Take Slack down for 20 s')
      await visitor.until('succeeded')
      expect(pushes()).toBe(before + 1)
      expect(runs()).toBe(await master())
      const keys = cards(sandbox.slack, undefined, 'engineering').map(keyOf)
      expect(keys.filter((key) => key === keys.at(-1))).toHaveLength(1)
      // Messages can arrive before the bot's socket; until then a command gets the toast that Signoff can't be reached.
      await bot('running')
    })
  })

  it('is outdated when master moves or someone pushes to Heroku by hand while it awaits sign-off', async () => {
    const { visitor, askAndTest } = stageNow()
    await visitor.work('Push a commit')
    await askAndTest()
    await visitor.injectFault('Move master')
    await visitor.until('outdated')
    await visitor.become('Dana')
    await visitor.newCard(() => visitor.press('Plan again'))
    await visitor.until('awaiting sign-off')
    await visitor.injectFault('Push to Heroku by hand', 'production')
    await visitor.until('outdated')
  })
}
