/** A sandbox with its page in a real browser, driven like a person would. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Browser, Locator, Page } from 'playwright-core'
import { expect } from 'vitest'
import { startEmbeddedPostgres } from '../../src/adapters/embedded-postgres/embedded-postgres.ts'
import { hasEnded, type ReleaseState } from '../../src/release/terms.ts'
import { startPage } from '../../src/sandbox/page-server.ts'
import { type Sandbox, type SandboxOptions, startSandbox } from '../../src/sandbox/sandbox.ts'
import type { RoleName } from '../../src/sandbox/service.ts'
import { ask } from '../support/postgres.ts'
import { waitUntil } from '../support/waiting.ts'
import { launchBrowser } from './browser.ts'

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
/** The page draws changes at once; the limit is long for a busy machine. */
const DRAWN_WITHIN_MS = 120_000

type Row = { state: ReleaseState; words: number }

export type OpenSandbox = { sandbox: Sandbox; url: string; directory: string; close(): Promise<void> }

/** Starts a sandbox. Without `directory` it gets its own, which `close` deletes. */
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

export type Person = 'Dana' | 'Lin' | 'Tom' | 'Nia' | 'Gus'

export type Visitor = {
  page: Page
  become(person: Person): Promise<void>
  open(channel: string): Promise<void>
  /** Types into the composer and presses Enter. */
  type(text: string): Promise<void>
  /** The newest card. */
  card(): Locator
  /** Runs `act` and waits for the new card in the open channel. */
  newCard(act: () => Promise<unknown>): Promise<void>
  /** Presses a button of the newest card that has it; with `confirm`, also that button of its confirmation. */
  press(label: string, confirm?: string): Promise<void>
  /** Waits until the newest release is in one of these states and the page shows it. */
  until(...states: readonly ReleaseState[]): Promise<void>
  /** Waits until this sign-off counts and the card no longer asks for it. */
  signed(kind: 'qa' | 'approval' | 'talked over'): Promise<void>
  /** Injects a fault in the drawer; `at` for faults of one environment. */
  injectFault(title: string, at?: 'production' | 'integration'): Promise<void>
  /** Ends an active fault in the drawer. */
  endFault(title: string): Promise<void>
  work(title: string): Promise<void>
  /** Errors of the page itself. */
  errors: string[]
}

/** The label of the card's button for each action. */
const LABEL = {
  qa: 'QA passed',
  approval: 'Approve',
  'talked over': 'Talked over',
  rejection: 'Reject',
  retry: 'Retry',
  cancel: 'Cancel',
} as const

export async function visit(
  browser: Browser,
  { url, sandbox }: OpenSandbox,
  size = { width: 1280, height: 800 },
): Promise<Visitor> {
  const context = await browser.newContext({
    viewport: size,
    timezoneId: 'UTC',
    locale: 'en-US',
    // What is new fades for seconds: nothing tests it, and each frame is drawn.
    reducedMotion: 'reduce',
  })
  const page = await context.newPage()
  page.setDefaultTimeout(DRAWN_WITHIN_MS)
  const errors: string[] = []
  page.on('pageerror', (error) => errors.push(error.message))
  page.on('console', (message) => {
    // The browser also logs a refused request, which the page shows in a toast.
    if (message.type() === 'error' && !message.text().includes('status of 400')) errors.push(message.text())
  })
  await page.goto(url)
  // Only attached: on a phone the panel is behind a button.
  await page.locator('#systems section').first().waitFor({ state: 'attached' })
  const cards = () => page.locator('#messages .message:not(.private)', { has: page.locator('h3') })

  const inStore = <Row extends object>(sql: string) => ask<Row>(sandbox.databases.storeUrl, sql)
  async function moves(): Promise<unknown> {
    const counts = '(select count(*) from event) as events, (select sum(tries) from outbox) as tries'
    return [await inStore(`select ${counts}`).catch(() => []), sandbox.slack.log.length, sandbox.heroku.log.length]
  }
  /** Waits until the newest release matches. */
  async function newest(what: string, columns: string, matches: (row: Row) => boolean): Promise<Row> {
    const sql = `select ${columns} from release order by number desc limit 1`
    return waitUntil(
      async () => {
        const [row] = await inStore<Row>(sql)
        return row !== undefined && matches(row) && row
      },
      { what: () => `${what}\n${sandbox.slack.transcript()}`, moves },
    )
  }
  const button = (name: keyof typeof LABEL) => cards().last().getByRole('button', { name: LABEL[name], exact: true })

  async function fromDrawer(button: string, title: string, at?: string): Promise<void> {
    if (await page.locator('#faults').isHidden()) await page.locator('#faults-toggle').click()
    if (at !== undefined) await page.getByLabel('Faults marked • affect').selectOption(at)
    // The toast can still be the previous one, so this also waits for the response.
    const response = page.waitForResponse(/\/api\/(trouble|work)$/)
    await page.locator('#faults').getByRole('button', { name: button, exact: true }).click()
    expect((await response).status()).toBe(200)
    await page.locator('#toast.shown', { hasText: title }).waitFor()
    await page.keyboard.press('Escape')
  }

  return {
    page,
    errors,
    async become(person) {
      await page.locator('.person', { hasText: person }).click()
      // Then the messages for only this person are drawn.
      await page.locator('#messages:not([aria-busy=true])').waitFor()
    },
    async open(channel) {
      await page.locator('#channels').getByRole('button', { name: channel }).click()
      // The name is drawn together with the channel's messages, so a count after this is right.
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
      // By the visible label: the one for screen readers can be longer.
      await cards().getByText(label, { exact: true }).and(page.locator('button')).last().click()
      if (confirm !== undefined) await page.locator('#confirm').getByRole('button', { name: confirm }).click()
    },
    async until(...states) {
      const { state } = await newest(states.join(' or '), 'state', (row) => states.includes(row.state))
      if (state === 'awaiting sign-off') await button('rejection').waitFor()
      if (state === 'needs attention') await button('retry').waitFor()
      if (hasEnded(state)) await button('cancel').waitFor({ state: 'detached' })
    },
    async signed(kind) {
      const given = `(select count(*)::int from sign_off where release = number and kind = '${kind}') as words`
      await newest(`signed: ${kind}`, `state, ${given}`, ({ words }) => words > 0)
      await button(kind).waitFor({ state: 'detached' })
    },
    injectFault: (title, at) => fromDrawer(title, title, at),
    async endFault(title) {
      if (await page.locator('#faults').isHidden()) await page.locator('#faults-toggle').click()
      const end = page.getByRole('button', { name: `End now: ${title}`, exact: true })
      // On a slow machine the 20 s can be over before the click.
      if (await end.isVisible()) await end.click({ timeout: 2_000 }).catch(() => undefined)
      await end.waitFor({ state: 'detached' })
      await page.keyboard.press('Escape')
    },
    work: (title) => fromDrawer(title, title),
  }
}

export { launchBrowser }
