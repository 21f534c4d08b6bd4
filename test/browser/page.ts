/** A sandbox with its page in a real browser, driven as a person does. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Browser, Locator, Page } from 'playwright-core'
import { expect } from 'vitest'
import { startEmbeddedPostgres } from '../../src/adapters/embedded-postgres/embedded-postgres.ts'
import { startPage } from '../../src/sandbox/page-server.ts'
import { type Sandbox, type SandboxOptions, startSandbox } from '../../src/sandbox/sandbox.ts'
import type { RoleName } from '../../src/sandbox/service.ts'
import { launchBrowser } from './browser.ts'

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
/** Long, for a machine that does much else at the same time; nothing waits longer than it must. */
const PATIENCE_MS = 40_000

export type OpenSandbox = { sandbox: Sandbox; url: string; directory: string; close(): Promise<void> }

/** A sandbox in a directory of its own, which goes with it unless one was given. */
export async function openSandbox(
  options: { directory?: string; migrations?: SandboxOptions['migrations'] } = {},
): Promise<OpenSandbox> {
  const directory = options.directory ?? (await mkdtemp(join(tmpdir(), 'signoff-sandbox-')))
  const sandbox = await startSandbox({
    directory,
    port: 0,
    startPostgres: (dataDir) => startEmbeddedPostgres({ dataDir, maxConnections: 80 }),
    command: (role: RoleName) => ({ program: process.execPath, args: [MAIN, 'sandbox', '--role', role] }),
    ...(options.migrations && { migrations: options.migrations }),
  })
  const page = await startPage(sandbox, 0)
  return {
    sandbox,
    url: page.url,
    directory,
    async close() {
      await page.close()
      await sandbox.close()
      if (options.directory === undefined) await rm(directory, { recursive: true, force: true })
    },
  }
}

export type Person = 'Dana' | 'Lin' | 'Tom' | 'Gus'

export type Visitor = {
  page: Page
  become(person: Person): Promise<void>
  open(channel: string): Promise<void>
  /** Types into the composer and presses Enter. */
  type(text: string): Promise<void>
  /** The newest card. */
  card(): Locator
  /** Does what brings a card to the open channel, and waits until it is there. */
  newCard(act: () => Promise<unknown>): Promise<void>
  /** Presses a button of the newest card that has it; with `confirm`, also that button of the question. */
  press(label: string, confirm?: string): Promise<void>
  /** Waits until the newest card shows this. */
  until(words: string | RegExp): Promise<void>
  /** Presses a trouble of the drawer; `at` for those that strike one environment. */
  trouble(title: string, at?: 'production' | 'integration'): Promise<void>
  /** Ends one that lasts, in the drawer. */
  endTrouble(title: string): Promise<void>
  work(title: string): Promise<void>
  /** Everything that went wrong in the page itself. */
  errors: string[]
}

export async function visit(browser: Browser, url: string, size = { width: 1280, height: 800 }): Promise<Visitor> {
  const context = await browser.newContext({ viewport: size, timezoneId: 'UTC', locale: 'en-US' })
  const page = await context.newPage()
  page.setDefaultTimeout(PATIENCE_MS)
  const errors: string[] = []
  page.on('pageerror', (error) => errors.push(error.message))
  page.on('console', (message) => {
    // A refused request is said by a toast; the browser says it too.
    if (message.type() === 'error' && !message.text().includes('status of 400')) errors.push(message.text())
  })
  await page.goto(url)
  // Attached only: on a phone it is behind a button.
  await page.locator('#outside section').first().waitFor({ state: 'attached' })
  const cards = () => page.locator('#messages .message:not(.private)', { has: page.locator('h3') })

  async function fromDrawer(button: string, title: string, at?: string): Promise<void> {
    if (await page.locator('#trouble').isHidden()) await page.locator('#trouble-toggle').click()
    if (at !== undefined) await page.getByLabel('Those marked • strike').selectOption(at)
    // The toast may still be the one of the last time; the answer says that it is made.
    const made = page.waitForResponse(/\/api\/(trouble|work)$/)
    await page.getByRole('button', { name: button, exact: true }).click()
    expect((await made).status()).toBe(200)
    await page.locator('#toast.shown', { hasText: title }).waitFor()
    await page.keyboard.press('Escape')
  }

  return {
    page,
    errors,
    async become(person) {
      await page.locator('.person', { hasText: person }).click()
      // What this person alone sees is drawn then.
      await page.locator('#messages:not([aria-busy=true])').waitFor()
    },
    async open(channel) {
      await page.locator('#channels').getByRole('button', { name: channel }).click()
      // Drawn together with its messages: whoever counts them next counts those of this channel.
      await page.locator('#channel-name', { hasText: channel.replace(/^\S+ /, '') }).waitFor()
    },
    async type(text) {
      await page.getByRole('combobox').fill(text)
      await page.keyboard.press('Escape')
      await page.getByRole('combobox').press('Enter')
    },
    card: () => cards().last(),
    async newCard(act) {
      const before = await cards().count()
      await act()
      await cards().nth(before).waitFor()
    },
    async press(label, confirm) {
      // By what people read: a screen reader may be told more.
      await cards().getByText(label, { exact: true }).and(page.locator('button')).last().click()
      if (confirm !== undefined) await page.locator('#confirm').getByRole('button', { name: confirm }).click()
    },
    async until(words) {
      await cards().last().filter({ hasText: words }).waitFor()
    },
    trouble: (title, at) => fromDrawer(title, title, at),
    async endTrouble(title) {
      if (await page.locator('#trouble').isHidden()) await page.locator('#trouble-toggle').click()
      const end = page.getByRole('button', { name: `End it: ${title}`, exact: true })
      // On a slow machine its 20 s may be over before the click.
      if (await end.isVisible()) await end.click({ timeout: 2_000 }).catch(() => undefined)
      await end.waitFor({ state: 'detached' })
      await page.keyboard.press('Escape')
    },
    work: (title) => fromDrawer(title, title),
  }
}

export { launchBrowser }
