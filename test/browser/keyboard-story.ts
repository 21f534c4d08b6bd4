import { expect, it } from 'vitest'
import { cards } from '../support/channel.ts'
import { spokenTree, walkByTab } from './accessibility.ts'
import type { Stage } from './stage.ts'

const MOST_STOPS = 90

/** Registers a test of a release, a failed build and its retry with the keyboard alone. */
export function testKeyboard(stageNow: () => Stage): void {
  it('works with the keyboard alone: request, sign-off, approval, a failed build, Retry, and the thread', async () => {
    const { page, visitor, sandbox, production, url } = stageNow()
    const { keyboard } = page

    /** Presses Tab until the focused element has this label. */
    async function reach(words: string, key: 'Tab' | 'Shift+Tab' = 'Tab'): Promise<void> {
      for (let stop = 0; stop < MOST_STOPS; stop++) {
        await keyboard.press(key)
        if ((await focused()) === words) return
      }
      throw new Error(`the keyboard does not reach “${words}”; the focus is on “${await focused()}”`)
    }
    /** Presses Tab until the focus is on this button of the newest card; older cards can have the same button. */
    async function reachOnCard(words: string): Promise<void> {
      do await reach(words)
      while (
        !(await page.evaluate(
          "document.activeElement.closest('.message') === [...document.querySelectorAll('#messages .message:has(h3)')].at(-1)",
        ))
      )
    }
    const focused = () =>
      page.evaluate<string>(`(() => {
      const one = document.activeElement
      return (one.getAttribute('aria-label') ?? one.textContent ?? '').trim()
    })()`)
    /** Chooses a person with the arrow keys, as in any group of radio buttons. */
    async function become(name: 'dana' | 'lin' | 'tom'): Promise<void> {
      await page.evaluate('document.activeElement.blur()')
      for (let stop = 0; stop < MOST_STOPS; stop++) {
        await keyboard.press('Tab')
        if (await page.evaluate("document.activeElement.matches('#people input')")) break
      }
      for (let press = 0; press < 5; press++) {
        if ((await page.evaluate('document.activeElement.value')) === name) break
        await keyboard.press('ArrowDown')
      }
      await page.locator(`#people input[value=${name}]:checked:focus`).waitFor({ state: 'attached' })
    }

    await visitor.work('Push a commit')
    await page.goto(url)
    await page.locator('#people input').first().waitFor({ state: 'attached' })
    await become('dana')
    await keyboard.press('Shift+Tab')
    await reach('Skip to the message box', 'Shift+Tab')
    await keyboard.press('Enter')
    await page.locator('#composer-input:focus').waitFor()
    await keyboard.type('/dep')
    await keyboard.press('ArrowDown')
    expect(await spokenTree(page)).toContainEqual(
      expect.objectContaining({ role: 'option', name: expect.stringContaining('/deploy production') }),
    )
    await keyboard.press('Enter')
    await keyboard.press('Enter')
    await visitor.until('awaiting sign-off')
    await page.locator('#news', { hasText: `#${cards(sandbox.slack).length}` }).waitFor()
    expect((await walkByTab(page)).unmarked).toEqual([])

    await become('lin')
    await reachOnCard('QA passed')
    await keyboard.press('Enter')
    await visitor.signed('qa')
    expect(await page.evaluate("document.activeElement.closest('.message') !== null"), 'the focus stays').toBe(true)

    await become('tom')
    await reach('Break something', 'Shift+Tab')
    await keyboard.press('Enter')
    expect(await focused()).toBe('Fail the next build')
    await keyboard.press('Enter')
    await page.locator('#toast.shown', { hasText: 'Fail the next build' }).waitFor()
    await keyboard.press('Escape')
    await page.locator('#faults-toggle:focus').waitFor()

    const before = production()
    await reachOnCard('Approve')
    await keyboard.press('Enter')
    const question = page.getByRole('dialog')
    await question.waitFor()
    await keyboard.press('Escape')
    await question.waitFor({ state: 'hidden' })
    expect(await focused()).toBe('Approve')
    await keyboard.press('Enter')
    await question.waitFor()
    // Opens the next confirmation before the browser reports the end of the previous one; its answer must count.
    await page.evaluate("document.querySelector('#confirm').close(); document.activeElement.click()")
    await question.waitFor()
    await keyboard.press('Enter')
    await visitor.card().getByRole('button', { name: 'Retry' }).waitFor()
    expect(production()).toBe(before)
    await visitor.until('needs attention')
    await visitor.card().getByText('build_failed').waitFor()
    await reachOnCard('Retry')
    await keyboard.press('Enter')
    await question.waitFor()
    await keyboard.press('Enter')
    await visitor.until('succeeded')
    expect(production()).toBe(await sandbox.repository.head('production'))

    await visitor.card().locator('.replies').waitFor()
    for (let stop = 0; stop < MOST_STOPS; stop++) {
      if (await page.evaluate("document.activeElement.matches('.replies:not(.none)')")) break
      await keyboard.press('Tab')
    }
    await keyboard.press('Enter')
    await page.locator('#thread .messages:focus').waitFor()
    await keyboard.press('Escape')
    await page.locator('#thread').waitFor({ state: 'hidden' })
    expect(await page.evaluate("document.activeElement.matches('.replies')"), 'the focus is back').toBe(true)
  })
}
