import { expect, it } from 'vitest'
import { eventually } from '../support/waiting.ts'
import type { Stage } from './stage.ts'

/** Registers tests of the page around the channel: what it says when the sandbox is away, what lies over what, where keys lead. */
export function testPage(stageNow: () => Stage): void {
  it('says that the sandbox has stopped while it does not answer, and goes on when it is there again', async () => {
    const { page, visitor } = stageNow()
    const guide = page.locator('#guide')
    const bot = page.locator('#systems [data-is=bot]')
    const before = visitor.errors.length
    await page.context().setOffline(true)
    await visitor.type('Is anybody there?')
    await guide.getByText('The sandbox has stopped.').waitFor()
    expect(await bot.textContent()).toBe('Bot: stopped')
    await page.context().setOffline(false)
    await guide.getByText('The sandbox has stopped.').waitFor({ state: 'detached' })
    await bot.getByText('running').waitFor()
    // The browser logs what it could not reach, which is the point here.
    visitor.errors.splice(before)
  })

  it('leads to the message box at once, from part to part with F6, and from message to message with the arrows', async () => {
    const { page, url } = stageNow()
    const { keyboard } = page
    await page.goto(url)
    await page.locator('#composer-input:focus').waitFor()
    const where = () =>
      page.evaluate<string>(
        "document.activeElement.closest('#guide, #people, #messages, #composer, #thread, #systems, #faults')?.id ?? ''",
      )
    await page.locator('#messages .message').first().waitFor()
    const seen: string[] = []
    for (let press = 0; press < 5; press++) {
      await keyboard.press('F6')
      seen.push(await where())
    }
    expect(seen).toEqual(['systems', 'guide', 'people', 'messages', 'composer'])
    await keyboard.press('Shift+F6')
    expect(await where()).toBe('messages')
    const key = () => page.evaluate<string>('document.activeElement.dataset.key')
    const last = await key()
    await keyboard.press('ArrowUp')
    expect(await key()).not.toBe(last)
    await keyboard.press('ArrowDown')
    expect(await key()).toBe(last)
  })

  it('lets an emergency be settled by another approver, and shows on a phone what the guide points at', async () => {
    const { page, visitor, ask, production, sandbox } = stageNow()
    await visitor.work('Push a commit')
    await ask()
    await visitor.become('Tom')
    await visitor.press('Must go out now…')
    const modal = page.locator('#modal')
    await modal.locator('textarea').fill('Search answers nothing at all since noon.')
    await modal.locator('button[type=submit]').click()
    await visitor.until('succeeded')
    await visitor.become('Nia')
    await visitor.press('Approve', 'Approve')
    await visitor.signed('approval')
    await visitor.become('Lin')
    await visitor.press('QA passed', 'QA passed')
    await visitor.signed('qa')
    expect(production()).toBe(await sandbox.repository.head('production'))

    await visitor.work('Push a commit')
    await ask()
    await visitor.become('Lin')
    await page.setViewportSize({ width: 390, height: 844 })
    const systems = page.locator('#systems')
    await page.locator('#systems-toggle').click()
    await systems.getByRole('button', { name: 'Close', exact: true }).waitFor()
    await page.keyboard.press('Escape')
    await systems.waitFor({ state: 'hidden' })
    await page.locator('#systems-toggle').click()
    await page.locator('#guide').getByRole('button', { name: 'Show me' }).click()
    await systems.waitFor({ state: 'hidden' })
    await page.locator('.slack-button:focus', { hasText: 'QA passed' }).waitFor()
    await page.setViewportSize({ width: 1280, height: 800 })

    // What moves under the pointer takes no click for a moment: QA is given once, and nothing else is pressed.
    await page.locator('.slack-button:focus', { hasText: 'QA passed' }).click()
    await page.locator('.message.held .slack-button').first().waitFor()
    await visitor.signed('qa')
    await eventually(async () => expect(await page.locator('.message.held').count()).toBe(0))
    await visitor.become('Dana')
    await visitor.press('Cancel', 'Cancel it')
    await visitor.until('cancelled')
  })
}
