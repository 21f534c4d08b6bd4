/** Shared steps of the browser stories: the way to a release that can be approved, and its effects at Heroku. */
import { APPS } from '../../src/sandbox/systems.ts'
import { cards, keysIn } from '../support/channel.ts'
import { launchBrowser, type OpenSandbox, openSandbox, type Visitor, visit } from './page.ts'

export type Stage = ReturnType<typeof stageOf>

/** A sandbox, a browser on its page, and the steps of the stories. With SQL in alembic's place, which starts faster. */
export async function startStage() {
  const [open, browser] = await Promise.all([openSandbox({ migrations: 'sql' }), launchBrowser()])
  const visitor = await visit(browser, open)
  return {
    open,
    visitor,
    stage: stageOf(open, visitor),
    async close(): Promise<void> {
      await browser.close()
      await open.close()
    },
  }
}

export function stageOf(open: OpenSandbox, visitor: Visitor) {
  const { sandbox, url } = open
  const { slack, heroku } = sandbox

  /** Presses Talked over if the plan's migration needs it. */
  async function talkOver(): Promise<void> {
    const button = visitor.card().getByRole('button', { name: 'Talked over' })
    if (!(await button.isVisible())) return
    await visitor.become('Tom')
    await button.click()
    const modal = visitor.page.locator('#modal')
    await modal.locator('textarea').fill('All of us looked at it.')
    await modal.locator('button[type=submit]').click()
    await visitor.signed('talked over')
  }

  /** Requests a release as Dana in #product and waits until the card asks for sign-offs. */
  async function ask(): Promise<void> {
    await visitor.become('Dana')
    await visitor.open('# product')
    await visitor.newCard(() => visitor.type('/deploy production'))
    await visitor.until('awaiting sign-off')
  }

  return {
    sandbox,
    url,
    visitor,
    page: visitor.page,
    talkOver,
    ask,
    /** Requests a release and signs off until only the approval is missing, then switches to Tom, who can approve. */
    async askAndTest(): Promise<void> {
      await ask()
      await talkOver()
      await visitor.become('Lin')
      await visitor.press('QA passed')
      await visitor.signed('qa')
      await visitor.become('Tom')
    },
    production: () => heroku.runs(APPS.production),
    pushesTo: (app: string) =>
      heroku.log.filter((event) => event.kind === 'ref moved' && event.app === app && event.by === 'push').length,
    /** The keys of the messages in the newest card's thread in #product. */
    lastThread(): readonly string[] {
      const card = cards(slack).at(-1)
      return slack.thread('product', card?.ts ?? '').flatMap(keysIn)
    },
  }
}
