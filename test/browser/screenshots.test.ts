/**
 * Pictures of the card in its states, to be looked at: `SCREENSHOTS=directory npx vitest run test/browser/screenshots.test.ts`.
 * Makes docs/sandbox.png too.
 */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { launchBrowser, openSandbox, visit } from './page.ts'

const directory = process.env.SCREENSHOTS

it.skipIf(directory === undefined)('shows the card in its states', { timeout: 600_000 }, async () => {
  const into = directory ?? ''
  await mkdir(into, { recursive: true })
  const [open, browser] = await Promise.all([openSandbox(), launchBrowser()])
  const visitor = await visit(browser, open.url)
  const { page } = visitor

  async function shoot(name: string): Promise<void> {
    for (const theme of ['light', 'dark']) {
      await page.evaluate(`document.documentElement.dataset.theme = '${theme}'`)
      for (const [device, size] of [
        ['desktop', { width: 1280, height: 900 }],
        ['phone', { width: 390, height: 844 }],
      ] as const) {
        await page.setViewportSize(size)
        await visitor.card().scrollIntoViewIfNeeded()
        await visitor.card().screenshot({ path: join(into, `${name}-${device}-${theme}.png`) })
        if (theme === 'light') await page.screenshot({ path: join(into, `page-${name}-${device}.png`) })
      }
    }
    await page.setViewportSize({ width: 1280, height: 800 })
    await page.evaluate("document.documentElement.dataset.theme = 'light'")
  }
  async function talkOver(): Promise<void> {
    if (!(await visitor.card().getByRole('button', { name: 'Talked over' }).isVisible())) return
    await visitor.become('Tom')
    await visitor.press('Talked over')
    await page.locator('#modal').getByLabel('Note').fill('The team knows.')
    await page.locator('#modal').getByRole('button', { name: 'Talked over' }).click()
    await visitor.until('Given: Talked over')
  }
  async function ask(): Promise<void> {
    await visitor.become('Dana')
    await visitor.type('/deploy production')
    await visitor.until('Awaiting sign-off')
  }

  try {
    await ask()
    await shoot('awaiting')
    await page.screenshot({ path: fileURLToPath(new URL('../../docs/sandbox.png', import.meta.url)) })
    await visitor.press('Details')
    await page.locator('#modal').waitFor()
    await page.screenshot({ path: join(into, 'page-details.png') })
    await page.keyboard.press('Escape')
    await talkOver()
    await visitor.become('Lin')
    await visitor.press('QA passed')
    await visitor.until(/Given.*Lin/)
    await shoot('qa-given')
    await visitor.trouble('Fail the next build')
    await visitor.become('Tom')
    await visitor.press('Approve', 'Approve')
    await visitor.until('Running')
    await page.screenshot({ path: join(into, 'page-running.png') })
    await visitor.until('Needs attention')
    await shoot('needs-attention')
    await visitor.press('Retry', 'Retry')
    await visitor.until('Succeeded')
    await shoot('succeeded')

    await visitor.work('A migration that drops a column')
    await ask()
    await shoot('awaiting-destroys')
    await visitor.trouble('Move master')
    await visitor.until('Outdated')
    await shoot('outdated')
    await ask()
    await visitor.become('Tom')
    await visitor.press('Reject')
    await page.locator('#modal').getByLabel('Reason').fill('The column is still read by the search.')
    await page.screenshot({ path: join(into, 'page-reject.png') })
    await page.locator('#modal').getByRole('button', { name: 'Reject it' }).click()
    await visitor.until('Rejected')
    await shoot('rejected')
    await ask()
    await visitor.press('Must go out now…')
    await page.locator('#modal').getByLabel('Reason').fill('Search answers nothing at all since noon.')
    await page.screenshot({ path: join(into, 'page-emergency.png') })
    await page.locator('#modal').getByRole('button', { name: 'Send it out now' }).click()
    await visitor.until('Succeeded')
    await shoot('emergency')
    await visitor.work('A commit on master')
    await ask()
    await visitor.press('Cancel', 'Cancel it')
    await visitor.until('Cancelled')
    await shoot('cancelled')
    expect(visitor.errors).toEqual([])
  } finally {
    await browser.close()
    await open.close()
  }
})
