import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { APPS } from '../../src/sandbox/systems.ts'
import { eventually } from '../support/waiting.ts'
import { accessibilityProblems } from './accessibility.ts'
import { hasChromium } from './browser.ts'
import { testFaults } from './fault-stories.ts'
import { testKeyboard } from './keyboard-story.ts'
import type { OpenSandbox, Visitor } from './page.ts'
import { testPage } from './page-story.ts'
import { type Stage, startStage } from './stage.ts'

// All stories share one sandbox and one browser. They run in this order, and each leaves the team able to release.
describe.skipIf(!hasChromium())('the sandbox in a browser', () => {
  let started: Awaited<ReturnType<typeof startStage>> | undefined
  let open: OpenSandbox
  let visitor: Visitor
  let stage: Stage

  beforeAll(async () => {
    // The --play test uses alembic.
    started = await startStage()
    ;({ open, visitor, stage } = started)
  })
  afterAll(() => started?.close())
  afterEach(async ({ task }) => {
    if (task.result?.state === 'fail') {
      console.log(open.sandbox.slack.transcript())
      // Closes what the failed test left open.
      await visitor.page.keyboard.press('Escape')
    }
    expect(visitor.errors).toEqual([])
  })

  /** Checks the accessibility of what is shown now: desktop and phone, light and dark. */
  async function expectAccessible(): Promise<void> {
    const { page } = visitor
    const size = page.viewportSize() ?? { width: 1280, height: 800 }
    for (const width of [1280, 390]) {
      await page.setViewportSize({ width, height: 844 })
      for (const theme of ['light', 'dark']) {
        await page.evaluate(`document.documentElement.dataset.theme = '${theme}'`)
        expect(await accessibilityProblems(page), `${theme}, ${width} wide`).toEqual([])
      }
    }
    await page.evaluate("document.documentElement.dataset.theme = 'light'")
    await page.setViewportSize(size)
  }

  it('leads to a release to production by the guide alone', async () => {
    const { page } = visitor
    const guide = page.locator('#guide')
    await guide.getByRole('button', { name: 'Type it for me' }).click()
    await page.getByRole('combobox').press('Enter')
    await page.getByText('Only visible to you').waitFor()
    await visitor.until('awaiting sign-off')
    await stage.talkOver()
    await guide.getByRole('button', { name: 'Switch to Lin' }).click()
    await guide.getByRole('button', { name: 'Show me' }).click()
    await page.locator('.slack-button:focus', { hasText: 'QA passed' }).click()
    await guide.getByRole('button', { name: 'Switch to Tom' }).click()
    await guide.getByRole('button', { name: 'Show me' }).click()
    await page.locator('.slack-button:focus', { hasText: 'Approve' }).waitFor()
    await visitor.press('Approve', 'Approve')
    await guide.getByRole('button', { name: 'Open the thread' }).click()
    // The last message of the thread ends with the record's head.
    await page
      .locator('#thread')
      .getByText(/^[0-9a-f]{12}$/)
      .waitFor()
    await guide.getByText('Released to production').waitFor()

    expect(stage.production()).toBe(await open.sandbox.repository.head('production'))
    expect(stage.pushesTo(APPS.production)).toBe(1)
    // Without alembic, as here, the SQL of the migrations is known all the same.
    expect(open.sandbox.slack.transcript('product')).toContain('only additions')
    const strip = page.locator('[data-environment=production]')
    await strip.getByText('up to date').waitFor()
    await strip
      .getByText((stage.production() ?? '').slice(0, 7))
      .first()
      .waitFor()
    await expectAccessible()
    const replyBox = page.getByLabel('Reply in the thread')
    await replyBox.fill('It looks good from here.')
    await replyBox.press('Enter')
    await page.locator('#thread').getByText('It looks good from here.').waitFor()
    await page.getByRole('button', { name: 'Close the thread' }).click()
  })

  it('refuses self-approval and a guest’s sign-off, and releases an emergency that still needs QA', async () => {
    const { page } = visitor
    await visitor.work('Push a commit')
    await stage.ask()
    const before = stage.production()
    await visitor.press('Approve')
    await page.locator('.message.private', { hasText: 'own_release' }).waitFor()
    await visitor.become('Gus')
    await visitor.press('QA passed')
    await page.locator('.message.private', { hasText: 'not_a_member' }).waitFor()
    expect(stage.production()).toBe(before)
    await expectAccessible()

    await visitor.become('Dana')
    await visitor.press('Details')
    await page.getByRole('dialog', { name: '#2' }).waitFor()
    await expectAccessible()
    await page.keyboard.press('Escape')
    await visitor.press('Must go out now…')
    const modal = page.locator('#modal')
    await modal.locator('textarea').fill('short')
    await modal.locator('button[type=submit]').click()
    await modal.getByRole('alert').waitFor()
    await expectAccessible()
    await modal.locator('textarea').fill('Search answers nothing at all since noon.')
    await modal.getByRole('alert').waitFor({ state: 'detached' })
    await modal.locator('button[type=submit]').click()
    await visitor.until('succeeded')
    await visitor.card().getByRole('button', { name: 'QA passed' }).waitFor()
    expect(stage.production()).toBe(await open.sandbox.repository.head('production'))
  })

  it('releases a single commit to production as a hot-fix, and counts a click that is delivered three times once', async () => {
    const { page } = visitor
    const { repository } = open.sandbox
    await visitor.work('Push a commit')
    const [master, before] = [await repository.head('master'), stage.production()]
    await visitor.become('Dana')
    const composer = page.getByRole('combobox')
    await page.locator('#systems').getByText(master.slice(0, 7)).first().waitFor()
    await composer.fill('/hotfix')
    await page.getByRole('option', { name: `/hotfix ${master.slice(0, 8)} production` }).click()
    await composer.press('Enter')
    const modal = page.locator('#modal')
    await modal.getByRole('textbox', { name: 'Reason' }).fill('Searches without a limit bring the API down.')
    await modal.getByRole('checkbox').check()
    await modal.locator('button[type=submit]').click()
    await visitor.until('awaiting sign-off')
    await visitor.become('Lin')
    await visitor.injectFault('Duplicate the next click')
    await visitor.press('QA passed')
    await visitor.signed('qa')
    await visitor.become('Tom')
    await visitor.press('Approve', 'Approve')
    await visitor.until('succeeded')

    const picked = await repository.head('production')
    expect(stage.production()).toBe(picked)
    expect(picked).not.toBe(before)
    expect(await repository.head('master')).toBe(master)
    // The outcome waits for no line.
    await eventually(async () => expect(stage.lastThread().join()).toContain(':done:confirm'))
    expect(stage.lastThread().filter((key) => /:signed:qa:/.test(key))).toHaveLength(1)
  })

  it('shows the Home of the person that it acts as, and what its controls open', async () => {
    const { page } = visitor
    await visitor.become('Dana')
    await page.locator('#channels').getByRole('button', { name: '⌂ Home' }).click()
    const home = page.locator('#home')
    await home.getByRole('heading', { name: 'Your releases' }).waitFor()
    await expectAccessible()
    await home.getByRole('button', { name: 'Deploy…' }).first().click()
    await page.getByRole('dialog', { name: 'Request a release' }).waitFor()
    await page.keyboard.press('Escape')

    const production = home.locator('.with-beside', { hasText: 'api production' })
    await production.locator('summary').click()
    await expectAccessible()
    await production.getByRole('button', { name: 'Lock…' }).click()
    const lock = page.getByRole('dialog', { name: 'Lock', exact: true })
    await lock.getByRole('textbox', { name: 'Reason' }).fill('Looking at a slow query')
    await lock.getByRole('button', { name: 'Lock it' }).click()
    await production.getByText('Looking at a slow query').waitFor()
    await production.locator('summary').click()
    await production.getByRole('button', { name: 'Unlock' }).click()
    await production.getByText('Looking at a slow query').waitFor({ state: 'detached' })

    const reminders = home.locator('.with-beside', { hasText: 'Reminders' }).getByRole('checkbox')
    await reminders.uncheck()
    await eventually(async () => expect(await reminders.isChecked()).toBe(false))
    await page.locator('.person', { hasText: 'Gus' }).click()
    await home.getByText('Signoff shows releases to full members of this workspace only.').waitFor()
    expect(await home.getByRole('button').count()).toBe(0)
    await expectAccessible()
    await visitor.open('# product')
    await home.waitFor({ state: 'hidden' })
    await visitor.become('Dana')
  })

  testPage(() => stage)
  testKeyboard(() => stage)
  testFaults(() => stage)
})
