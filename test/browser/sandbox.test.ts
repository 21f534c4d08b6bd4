import type { Browser } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { APPS } from '../../src/sandbox/world.ts'
import { hasChromium } from './browser.ts'
import { launchBrowser, type OpenSandbox, openSandbox, type Visitor, visit } from './page.ts'

describe.skipIf(!hasChromium())('the sandbox in a browser', { timeout: 120_000 }, () => {
  let open: OpenSandbox
  let browser: Browser
  let visitor: Visitor

  beforeAll(async () => {
    const [opened, launched] = await Promise.all([openSandbox(), launchBrowser()])
    open = opened
    browser = launched
    visitor = await visit(browser, open.url)
  }, 120_000)
  afterAll(async () => {
    await browser?.close()
    await open?.close()
  })
  afterEach(({ task }) => {
    if (task.result?.state === 'fail') console.log(open.sandbox.slack.transcript())
    expect(visitor.errors).toEqual([])
  })

  const production = () => open.sandbox.heroku.runs(APPS.production)
  const pushesTo = (app: string) =>
    open.sandbox.heroku.log.filter((event) => event.kind === 'ref moved' && event.app === app && event.by === 'push')

  /** Where a migration's effect asks for it. */
  async function talkOver(): Promise<void> {
    const button = visitor.card().getByRole('button', { name: 'Talked over' })
    if (!(await button.isVisible())) return
    await visitor.become('Tom')
    await button.click()
    const modal = visitor.page.locator('#modal')
    await modal.getByLabel('Note').fill('All of us looked at it.')
    await modal.getByRole('button', { name: 'Talked over' }).click()
    await visitor.until('Given: Talked over')
  }

  /** Until only the approval is owed. */
  async function askAndTest(): Promise<void> {
    await visitor.become('Dana')
    await visitor.open('# product')
    await visitor.type('/deploy production')
    await visitor.until('Awaiting sign-off')
    await talkOver()
    await visitor.become('Lin')
    await visitor.press('QA passed')
    await visitor.until(/Given.*Lin/)
    await visitor.become('Tom')
  }

  it('ships to production with nothing but what the guide says', async () => {
    const { page } = visitor
    const guide = page.getByRole('region', { name: 'What to do next' })
    await guide.getByRole('button', { name: 'Type it for me' }).click()
    await page.getByRole('combobox').press('Enter')
    await page.getByText('Only visible to you').waitFor()
    await visitor.until('Awaiting sign-off')
    await talkOver()
    await guide.getByRole('button', { name: 'Become Lin' }).click()
    await visitor.press('QA passed')
    await guide.getByRole('button', { name: 'Become Tom' }).click()
    await visitor.press('Approve', 'Approve')
    await guide.getByRole('button', { name: 'Open the thread' }).click()
    await page.locator('#thread').getByText('Record:').waitFor()
    await guide.getByText('You have shipped to production').waitFor()

    expect(production()).toBe(await open.sandbox.repository.head('production'))
    expect(pushesTo(APPS.production).length).toBe(1)
    const strip = page.locator('[data-environment=production]')
    await strip.getByText('up to date').waitFor()
    await strip
      .getByText((production() ?? '').slice(0, 7))
      .first()
      .waitFor()
    await page.getByRole('button', { name: 'Close the thread' }).click()
  })

  it('refuses one’s own approval and a guest’s word, and lets the emergency go out with what it owes', async () => {
    const { page } = visitor
    await visitor.work('A commit on master')
    await visitor.become('Dana')
    await visitor.type('/deploy production')
    await visitor.until('Awaiting sign-off')
    const before = production()
    await visitor.press('Approve')
    await page.locator('.message.private', { hasText: 'Not done' }).last().waitFor()
    await page.getByText('own_release').waitFor()
    await visitor.become('Gus')
    await visitor.press('QA passed')
    await page.locator('.message.private', { hasText: 'Not done' }).last().waitFor()
    expect(production()).toBe(before)

    await visitor.become('Dana')
    await visitor.press('Must go out now…')
    const modal = page.locator('#modal')
    await modal.getByLabel('Reason').fill('short')
    await modal.getByRole('button', { name: 'Send it out now' }).click()
    await modal.getByRole('alert').waitFor()
    await modal.getByLabel('Reason').fill('Search answers nothing at all since noon.')
    await modal.getByRole('button', { name: 'Send it out now' }).click()
    await visitor.until('Succeeded')
    await visitor.until(/owed/i)
    expect(production()).toBe(await open.sandbox.repository.head('production'))
  })

  it('shows a failed build for what it is, and Retry goes on where it stopped', async () => {
    await visitor.work('A commit on master')
    await askAndTest()
    await visitor.trouble('Fail the next build')
    const before = production()
    await visitor.press('Approve', 'Approve')
    await visitor.card().getByRole('button', { name: 'Retry' }).waitFor()
    expect(production()).toBe(before)
    await visitor.until('the build on heroku-production failed')
    await visitor.press('Retry', 'Retry')
    await visitor.until('Succeeded')
    expect(production()).toBe(await open.sandbox.repository.head('production'))
  })

  it('is outdated when master moves, counts a repeated click once, and survives the worker’s death at the push', async () => {
    await visitor.work('A commit on master')
    await askAndTest()
    await visitor.trouble('Move master')
    await visitor.until('Outdated')
    await visitor.become('Dana')
    await visitor.press('Plan again')
    await visitor.until('Awaiting sign-off')
    await visitor.become('Lin')
    await visitor.trouble('Duplicate the next click')
    await visitor.press('QA passed')
    await visitor.until(/Given.*Lin/)
    await visitor.trouble('Kill the worker at the next push')
    await visitor.become('Tom')
    const pushes = pushesTo(APPS.production).length
    await visitor.press('Approve', 'Approve')
    await visitor.page.locator('[data-is=worker][data-state=killed]').waitFor()
    await visitor.until('Succeeded')
    expect(pushesTo(APPS.production).length).toBe(pushes + 1)
    const card = open.sandbox.slack.messages('product').findLast(({ blocks }) => blocks[0]?.type === 'header')
    const said = open.sandbox.slack.thread('product', card?.ts ?? '').map((one) => open.sandbox.slack.plainText(one))
    expect(said.filter((line) => line.includes('QA passed, says Lin')).length).toBe(1)
  })

  describe('with trouble at integration', () => {
    const app = APPS.integration
    const holds = () => open.sandbox.heroku.holds(app)
    const arm = (name: string, more: object = {}) =>
      visitor.page.request.post(`${open.url}/api/trouble`, { data: { name, environment: 'integration', ...more } })

    async function deploy(): Promise<void> {
      const cards = await visitor.page.locator('#messages h3').count()
      await visitor.type('/deploy integration')
      await visitor.page.locator('#messages h3').nth(cards).waitFor()
    }

    /** Takes up a release that has stopped, by whichever way its card offers. */
    async function again(): Promise<void> {
      const stuck = visitor.card().getByRole('button', { name: 'Retry' })
      if (await stuck.isVisible()) return visitor.press('Retry', 'Retry')
      const cards = await visitor.page.locator('#messages h3').count()
      await visitor.press('Plan again')
      await visitor.page.locator('#messages h3').nth(cards).waitFor()
    }

    beforeAll(async () => {
      await visitor.become('Dana')
      await visitor.open('# engineering')
      await deploy()
      await visitor.until('Succeeded')
    }, 120_000)

    it('looks for a push whose answer was lost, and never pushes twice', async () => {
      const pushes = pushesTo(app).length
      await visitor.work('A commit on master')
      await visitor.trouble('Cut the next push, after it arrived')
      await deploy()
      await visitor.until('Succeeded')
      expect(pushesTo(app).length).toBe(pushes + 1)
      expect(open.sandbox.heroku.runs(app)).toBe(await open.sandbox.repository.head('master'))
    })

    it('says of a push that did not arrive that it did not', async () => {
      const before = await holds()
      await visitor.work('A commit on master')
      await visitor.trouble('Cut the next push, before it arrived')
      await deploy()
      await visitor.until(/Failed|Needs attention/)
      expect(await holds()).toBe(before)
      await again()
      await visitor.until('Succeeded')
      expect(await holds()).toBe(await open.sandbox.repository.head('master'))
    })

    it('tells a failed release phase from a failed push', async () => {
      await visitor.work('A commit on master')
      await visitor.trouble('Fail the next release phase')
      await deploy()
      await visitor.until('Needs attention')
      const master = await open.sandbox.repository.head('master')
      expect(await holds()).toBe(master)
      expect(open.sandbox.heroku.runs(app)).not.toBe(master)
      await visitor.press('Retry', 'Retry')
      await visitor.until('Succeeded')
      expect(open.sandbox.heroku.runs(app)).toBe(master)
    })

    it('pushes nothing when the migration fails', async () => {
      const [before, revisions] = [await holds(), await open.sandbox.databases.revisions('integration')]
      await visitor.work('A migration that adds a column')
      await arm('fail-migration')
      await deploy()
      await visitor.until(/Failed|Needs attention/)
      expect(await holds()).toBe(before)
      expect(await open.sandbox.databases.revisions('integration')).toEqual(revisions)
      await again()
      await visitor.until('Succeeded')
      expect(await open.sandbox.databases.revisions('integration')).toEqual([
        await open.sandbox.repository.headRevision('master'),
      ])
    })

    it('loses and doubles nothing while Slack is slow, refuses and is away, and the worker dies', async () => {
      const pushes = pushesTo(app).length
      await visitor.work('A commit on master')
      await arm('slack-slow', { seconds: 3 })
      await deploy()
      await arm('slack-limited', { seconds: 3 })
      await visitor.trouble('Kill the worker')
      await visitor.page.locator('[data-is=worker][data-state=running]').waitFor()
      await arm('slack-down', { seconds: 3 })
      await visitor.until('Succeeded')
      expect(pushesTo(app).length).toBe(pushes + 1)
      const texts = open.sandbox.slack.messages('engineering').map(({ text }) => text)
      const last = /#\d+/.exec(texts.findLast((text) => text.includes('Release #')) ?? '')?.[0]
      expect(texts.filter((text) => text.startsWith(`Release ${last} of`)).length).toBeLessThanOrEqual(1)
    })
  })

  it('notices a push behind its back while sign-offs are awaited', async () => {
    await visitor.open('# product')
    await visitor.work('A commit on master')
    await visitor.type('/deploy production')
    await visitor.until('Awaiting sign-off')
    await visitor.trouble('Push to Heroku behind the bot’s back')
    await visitor.until('Outdated')
  })
})
