/** The line at the top of the sandbox's page, after the first release: it leads to the everyday controls. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { hasChromium } from './browser.ts'
import type { OpenSandbox, Visitor } from './page.ts'
import { type Stage, startStage } from './stage.ts'

// A sandbox of its own: at the end production is rolled back, and locked.
describe.skipIf(!hasChromium())('the guide of the sandbox, once a release has succeeded', () => {
  let started: Awaited<ReturnType<typeof startStage>> | undefined
  let open: OpenSandbox
  let visitor: Visitor
  let stage: Stage

  beforeAll(async () => {
    started = await startStage()
    ;({ open, visitor, stage } = started)
    await stage.askAndTest()
    await visitor.press('Approve', 'Approve')
    await visitor.until('succeeded')
  })
  afterAll(() => started?.close())
  afterEach(({ task }) => {
    if (task.result?.state === 'fail') console.log(open.sandbox.slack.transcript())
    expect(visitor.errors).toEqual([])
  })

  it('leads on to a lock, a start in time and a rollback, each by what is read there alone', async () => {
    const { page } = visitor
    const guide = page.locator('#guide')
    const press = (name: string) => guide.getByRole('button', { name, exact: true }).click()
    const says = (text: string) => guide.locator('p', { hasText: text }).waitFor()
    const typeIt = async () => {
      await press('Type it for me')
      await page.getByRole('combobox').press('Enter')
    }
    await says('Next, a lock')
    await press('Switch to Dana')
    await typeIt()
    await says('Production is locked')
    await typeIt()
    await says('push a commit')
    await press('Push a commit')
    await says('starts tomorrow')
    await visitor.newCard(typeIt)
    await press('Switch to Lin')
    await press('Show me')
    await page.locator('.slack-button:focus', { hasText: 'QA passed' }).waitFor()
    await visitor.press('QA passed')
    await visitor.signed('qa')
    await press('Switch to Tom')
    await press('Show me')
    await page.locator('.slack-button:focus', { hasText: 'Approve' }).waitFor()
    // Before its time the last sign-off starts nothing, so there is nothing to confirm.
    await visitor.press('Approve')
    await press('To the next start')
    await visitor.until('succeeded')
    const newer = stage.production()
    await says('rollback')
    await press('Switch to Dana')
    await typeIt()
    await page.locator('#modal').getByLabel('Reason').fill('The report is empty.')
    await visitor.newCard(() => page.locator('#modal').getByRole('button', { name: 'Plan the rollback' }).click())
    await press('Switch to Tom')
    await press('Show me')
    await page.locator('.slack-button:focus', { hasText: 'Approve' }).waitFor()
    await visitor.press('Approve', 'Approve')
    await says('Production is behind master')
    expect(stage.production()).not.toBe(newer)
  })
})
