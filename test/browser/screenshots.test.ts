/**
 * Takes screenshots of the card in its states and of the page around it, for people to review:
 * `SCREENSHOTS=directory npx vitest run test/browser/screenshots.test.ts`. Also writes docs/sandbox.png.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { expect, it } from 'vitest'
import { holdPlans } from '../support/held-step.ts'
import { launchBrowser, openSandbox, visit } from './page.ts'
import { stageOf } from './stage.ts'

const directory = process.env.SCREENSHOTS
const DEVICES = [
  ['desktop', { width: 1280, height: 900 }],
  ['phone', { width: 390, height: 844 }],
] as const
const FEW_SECONDS_OF_CALLS = 40

it.skipIf(directory === undefined)('shows the card in its states', { timeout: 900_000 }, async () => {
  const into = directory ?? ''
  await mkdir(into, { recursive: true })
  const [open, browser] = await Promise.all([openSandbox(), launchBrowser()])
  const visitor = await visit(browser, open)
  const { page } = visitor
  const { sandbox } = open
  const stage = stageOf(open, visitor)

  async function everyWay(take: (suffix: string) => Promise<unknown>): Promise<void> {
    for (const [device, size] of DEVICES) {
      await page.setViewportSize(size)
      for (const theme of ['light', 'dark']) {
        await page.evaluate(`document.documentElement.dataset.theme = '${theme}'`)
        await take(`${device}-${theme}`)
      }
    }
    await page.setViewportSize({ width: 1280, height: 800 })
    await page.evaluate("document.documentElement.dataset.theme = 'light'")
  }
  const whole = (name: string) =>
    everyWay((suffix) => page.screenshot({ path: join(into, `page-${name}-${suffix}.png`) }))
  async function shoot(name: string, which = visitor.card()): Promise<void> {
    await everyWay(async (suffix) => {
      await which.scrollIntoViewIfNeeded()
      await which.screenshot({ path: join(into, `card-${name}-${suffix}.png`) })
    })
  }
  async function inStore(sql: string): Promise<void> {
    const store = new pg.Client({ connectionString: sandbox.databases.storeUrl })
    await store.connect()
    await store.query(sql)
    await store.end()
  }
  async function write(label: string, field: string, words: string, send: string, shot?: string): Promise<void> {
    await visitor.press(label)
    await page.locator('#modal').getByLabel(field).fill(words)
    if (shot !== undefined) await whole(shot)
    await page.locator('#modal').getByRole('button', { name: send, exact: true }).click()
  }

  try {
    await whole('first-look')
    await page.getByRole('combobox').fill('/')
    await page.getByRole('combobox').press('ArrowDown')
    await whole('completion')
    await stage.ask()
    await shoot('awaiting')
    await page.screenshot({ path: fileURLToPath(new URL('../../docs/sandbox.png', import.meta.url)) })
    await visitor.press('Details')
    await page.locator('#modal').waitFor()
    await whole('details')
    await page.keyboard.press('Escape')
    await visitor.become('Lin')
    await visitor.press('QA passed')
    await visitor.signed('qa')
    await shoot('signed-partly')
    await visitor.become('Tom')
    await visitor.press('Approve')
    await whole('confirm')
    const silence = sandbox.slack.fault({
      kind: 'rate_limited',
      method: 'chat.postMessage',
      retryAfter: 1,
      times: FEW_SECONDS_OF_CALLS,
    })
    await page.locator('#confirm').getByRole('button', { name: 'Approve' }).click()
    await visitor.until('approved')
    await shoot('approved')
    await sandbox.faults.inject('kill-worker-at-push', 'production', 0)
    silence.clear()
    await page.locator('[data-is=worker][data-state=killed]').waitFor()
    await shoot('running')
    await whole('running')
    await visitor.until('succeeded')
    await shoot('succeeded')
    await visitor.card().locator('.replies').click()
    await page
      .locator('#thread')
      .getByText(/^[0-9a-f]{12}$/)
      .waitFor()
    await whole('thread')
    await page.getByRole('button', { name: 'Close the thread' }).click()

    await visitor.become('Dana')
    await visitor.type('/deploy production')
    const refused = page.locator('.message.private', { hasText: 'nothing_to_release' }).last()
    await refused.waitFor()
    await shoot('refused', refused)
    await whole('refused')
    await visitor.type('/deploy status')
    await visitor.type('/deploy history')
    await visitor.type('/deploy preview production')
    await visitor.type('/deploy help')
    await page.locator('.message.private').getByText('/deploy status').first().waitFor()
    await whole('private')
    await visitor.type('/deploy')
    await page.locator('#modal').waitFor()
    await whole('deploy-modal')
    await page.keyboard.press('Escape')

    await visitor.work('Push a migration that drops a column')
    await stage.ask()
    await shoot('awaiting-destroys')
    await visitor.become('Tom')
    await write('Talked over', 'Note', 'The team knows.', 'Talked over', 'talked-over')
    await visitor.signed('talked over')
    await shoot('talked-over')
    await visitor.injectFault('Move master')
    await visitor.until('outdated')
    await shoot('outdated')
    await stage.ask()
    await visitor.become('Tom')
    await write('Reject', 'Reason', 'The column is still read by the search.', 'Reject it', 'reject')
    await visitor.until('rejected')
    await shoot('rejected')
    await stage.ask()
    await write(
      'Must go out now…',
      'Reason',
      'Search answers nothing at all since noon.',
      'Send it out now',
      'emergency',
    )
    await visitor.until('succeeded')
    await shoot('emergency')
    await visitor.work('Push a commit')
    await stage.ask()
    await visitor.press('Cancel')
    await page.locator('#confirm').getByRole('button', { name: 'Cancel it' }).click()
    await visitor.until('cancelled')
    await shoot('cancelled')

    await stage.ask()
    await inStore("update release set expires_at = now() - interval '1 minute' where expires_at is not null")
    await visitor.until('expired')
    await shoot('expired')

    await stage.askAndTest()
    await visitor.injectFault('Fail the next build')
    await visitor.press('Approve', 'Approve')
    await visitor.until('needs attention')
    await shoot('needs-attention')
    await whole('needs-attention')
    await write('Close', 'Reason', 'We deploy by hand today.', 'Close it', 'close')
    await visitor.until('closed')
    await shoot('closed')

    await visitor.work('Push a commit')
    await visitor.become('Dana')
    const master = await sandbox.repository.head('master')
    await visitor.type(`/hotfix ${master} production`)
    const modal = page.locator('#modal')
    await modal.getByRole('button', { name: 'Plan the hot-fix' }).click()
    await modal.getByRole('alert').first().waitFor()
    await modal.getByLabel('Reason').fill('Searches without a limit bring the API down.')
    await whole('hotfix-modal')
    await modal.getByRole('checkbox').check()
    await modal.getByRole('button', { name: 'Plan the hot-fix' }).click()
    await visitor.until('awaiting sign-off')
    await shoot('hotfix-awaiting')
    await visitor.become('Lin')
    await visitor.press('QA passed')
    await visitor.signed('qa')
    await visitor.become('Tom')
    await visitor.press('Approve', 'Approve')
    await visitor.until('succeeded')
    await shoot('hotfix-succeeded')

    await visitor.open('# engineering')
    await visitor.work('Push a migration that adds a column')
    await visitor.injectFault('Fail the next migration', 'integration')
    await visitor.type('/deploy integration')
    await visitor.until('failed')
    await shoot('failed')
    await visitor.injectFault('Slow down Slack for 20 s')
    await visitor.injectFault('Duplicate the next click')
    await page.locator('#faults-toggle').click()
    await whole('drawer')
    await page.keyboard.press('Escape')
    // The panel is behind a button on the phone, and always visible on the desktop.
    await page.setViewportSize(DEVICES[1][1])
    await page.locator('#systems-toggle').click()
    await whole('systems')
    await page.setViewportSize(DEVICES[1][1])
    await page.locator('#systems-toggle').click()
    await page.setViewportSize(DEVICES[0][1])
    await visitor.open('Signoff')
    await whole('direct')

    // If the worker was last seen long ago, the card appears before the plan.
    await visitor.open('# engineering')
    await visitor.work('Push a commit')
    // The worker starts again in three seconds, which is less than the pictures take.
    const plans = await holdPlans(sandbox.databases.storeUrl)
    sandbox.service.kill('worker')
    await inStore("update worker set at = now() - interval '1 hour'")
    await visitor.newCard(() => visitor.type('/deploy integration'))
    await visitor.until('planning')
    await shoot('planning')
    await visitor.until('planning')
    await plans.letGo()
    await visitor.until('succeeded')

    // The same steps in Slack's own plan block.
    const releases = join(open.directory, 'releases.yml')
    await writeFile(releases, `slack:\n  progress: plan\n${await readFile(releases, 'utf8')}`)
    sandbox.service.kill('bot')
    await page.locator('[data-is=bot][data-state=killed]').waitFor()
    await page.locator('[data-is=bot][data-state=running]').waitFor()
    await visitor.work('Push a migration that adds a column')
    await sandbox.faults.inject('kill-worker-at-push', 'integration', 0)
    await visitor.newCard(() => visitor.type('/deploy integration'))
    await page.locator('[data-is=worker][data-state=killed]').waitFor()
    await visitor.until('running')
    await shoot('running-plan')
    await visitor.until('succeeded')
    expect(visitor.errors).toEqual([])
  } finally {
    await browser.close()
    await open.close()
  }
})
