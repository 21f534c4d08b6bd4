/** App Home: what waits for the person, what runs where, their releases, figures in words, and what they are sent. */
import type { HomeView, KnownBlock } from '@slack/types'
import { HOME } from '../../ids.ts'
import { context, header, section } from '../parts/blocks.ts'
import { date } from '../parts/text.ts'
import { environmentBlocks, PLACES_SHOWN } from './environments.ts'
import { figureBlocks } from './figures.ts'
import type { HomeFacts } from './home-facts.ts'
import { messageSwitches } from './messages.ts'
import { ownReleases } from './own-releases.ts'
import { waitingBlocks } from './waiting.ts'

/** Slack's limits of a view (docs.slack.dev/surfaces/app-home, views.publish). */
const MOST_BLOCKS = 100
/** Below 250 kB, with room for what the call adds. */
const MOST_BYTES = 240_000

/** Draws it within Slack's limits: with many environments fewer are shown in full, and what is left out is said. */
export function home(facts: HomeFacts): HomeView {
  for (const shown of PLACES_SHOWN) {
    const view = homeView(homeBlocks(facts, shown))
    if (fits(view)) return view
  }
  return homeView([section('There is too much to show here. `/deploy status` lists the environments.')])
}

function fits(view: HomeView): boolean {
  return view.blocks.length <= MOST_BLOCKS && Buffer.byteLength(JSON.stringify(view)) <= MOST_BYTES
}

function homeBlocks(facts: HomeFacts, shown: (typeof PLACES_SHOWN)[number]): KnownBlock[] {
  const { figures, choices, now } = facts
  return [
    header('Waiting for you'),
    ...waitingBlocks(facts),
    { type: 'divider' },
    header('Environments'),
    ...environmentBlocks(facts, shown),
    { type: 'divider' },
    header('Your releases'),
    ...ownReleases(facts),
    { type: 'divider' },
    header('The last 30 days'),
    ...figureBlocks(figures),
    { type: 'divider' },
    header('What Signoff may send you'),
    ...messageSwitches(choices),
    context(asOf(now)),
  ]
}

/** The last line: when it was drawn. What it says is no change of its own. */
function asOf(now: Date): string {
  return `As of: ${date(now)}. It follows what changes for 15 minutes after you open it.`
}

/** For guests, and for people of other organizations. */
export function guestHome(): HomeView {
  return homeView([section('Signoff shows releases to full members of this workspace only.')])
}

function homeView(blocks: KnownBlock[]): HomeView {
  return { type: 'home', callback_id: HOME.view, blocks }
}

/** What a person would see change: all of it but the last line. */
export function shownIn({ blocks }: HomeView): string {
  return JSON.stringify(
    blocks.filter((block) => !(block.type === 'context' && JSON.stringify(block).includes('As of: '))),
  )
}
