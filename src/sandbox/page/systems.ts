/// <reference lib="dom" />
import { byId, el, refresh } from './dom.ts'
import { showSystems } from './panels.ts'
import { act, load, looking, type Screen, toast } from './store.ts'

type Systems = Screen['world']

const before = new Map<string, string>()

/** Draws apps, databases, branches, pull requests and processes; highlights what has changed. */
export function drawSystems({ world }: Screen): void {
  const place = byId('systems')
  const drawn = refresh(place, [world, looking.isGone], () => [
    el(
      'div',
      { class: 'systems-head' },
      el('h2', {}, 'Systems'),
      el(
        'button',
        {
          type: 'button',
          class: 'quiet',
          'aria-label': 'Close',
          'data-focus': 'close systems',
          click: () => showSystems(false),
        },
        '✕',
      ),
    ),
    ...world.environments.toReversed().map(drawEnvironment),
    drawClock(world),
    el('section', {}, el('h3', {}, 'Branches'), list(world.branches.map(drawBranch))),
    el('section', {}, el('h3', {}, 'Pull requests'), list(world.pullRequests.map(drawPullRequest))),
    el('section', {}, el('h3', {}, 'Webhooks received'), drawWebhooks(world)),
    el('section', {}, el('h3', {}, 'Signoff processes'), list(drawService(world))),
    el('p', { class: 'note' }, `Migrations run with ${world.migrations}.`),
  ])
  if (!drawn) return
  const isFirst = before.size === 0
  for (const one of place.querySelectorAll<HTMLElement>('[data-is]')) {
    const key = one.dataset.is ?? ''
    const was = before.get(key)
    const now = one.textContent ?? ''
    if (!isFirst && was !== now) one.classList.add('fresh')
    before.set(key, now)
  }
}

const short = (sha: string | undefined) => sha?.slice(0, 7) ?? 'nothing'
const list = (rows: HTMLElement[]) => el('ul', {}, ...rows)
const hash = (sha: string | undefined) => el('code', { title: sha }, short(sha))

function drawEnvironment(one: Systems['environments'][number]): HTMLElement {
  const { name, app, runs, holds, database, search, releases, behind } = one
  const lag = behind === undefined || behind === 0 ? 'up to date' : `${behind} behind master`
  return el(
    'section',
    { class: 'environment', 'data-environment': name },
    el('h3', {}, name, ' ', el('span', { class: behind === 0 ? 'badge good' : 'badge' }, lag)),
    el('p', { class: 'app-name' }, app),
    el(
      'dl',
      {},
      el('dt', {}, 'Running'),
      el('dd', { 'data-is': `${name} runs` }, hash(runs?.sha), ` ${runs?.title ?? ''}`),
      holds?.sha !== runs?.sha && el('dt', {}, 'Pushed'),
      holds?.sha !== runs?.sha && el('dd', { 'data-is': `${name} holds` }, hash(holds?.sha), ` ${holds?.title ?? ''}`),
      ...drawDatabase(name, 'users', database),
      ...(search.head === undefined ? [] : drawDatabase(name, 'search', search)),
    ),
    el(
      'ol',
      { class: 'releases', 'aria-label': `Releases of ${app}` },
      ...releases
        .slice(0, 4)
        .map((release) =>
          el(
            'li',
            { 'data-is': `${name} v${release.version}`, class: release.current ? 'current' : release.status },
            el('strong', {}, `v${release.version}`),
            ` ${release.description}`,
            el(
              'span',
              { class: 'status' },
              release.current ? ' live' : release.status === 'succeeded' ? '' : ` ${release.status}`,
            ),
          ),
        ),
    ),
  )
}

function drawDatabase(
  environment: string,
  name: string,
  { revisions, head }: Systems['environments'][number]['database'],
): HTMLElement[] {
  const isAtHead = revisions.join() === head
  const badge = isAtHead ? 'all migrations applied' : 'migrations pending'
  return [
    el('dt', {}, `Database ${name}`),
    el(
      'dd',
      { 'data-is': `${environment} database ${name}` },
      el('code', {}, revisions.join(', ') || 'no revision'),
      ' ',
      el('span', { class: isAtHead ? 'badge good' : 'badge' }, badge),
    ),
  ]
}

function drawBranch({ name, sha, title, author }: Systems['branches'][number]): HTMLElement {
  return el(
    'li',
    { 'data-is': `branch ${name}` },
    el('strong', {}, name),
    ' ',
    hash(sha),
    ` ${title}`,
    el('span', { class: 'by' }, ` ${author}`),
  )
}

function drawPullRequest(one: Systems['pullRequests'][number]): HTMLElement {
  const { id, title, state, source, destination, comments } = one
  return el(
    'li',
    { 'data-is': `pull request ${id}` },
    el('strong', {}, `#${id}`),
    ` ${title} `,
    el('span', { class: `badge ${state === 'MERGED' ? 'good' : ''}` }, state.toLowerCase()),
    el('span', { class: 'by' }, ` ${source} → ${destination}`),
    comments.length > 0 &&
      el(
        'details',
        {},
        el('summary', {}, comments.length === 1 ? '1 comment' : `${comments.length} comments`),
        ...comments.map((raw) => el('pre', {}, raw)),
      ),
  )
}

/** Those whose body is shown, so that it stays open when another one comes. */
const openedWebhooks = new Set<string>()

/** What came to the receiver, each verified by it. Its body opens. */
function drawWebhooks({ webhooks }: Systems): HTMLElement {
  if (webhooks.length === 0) return el('p', { class: 'note' }, 'Nothing yet.')
  return list(
    webhooks.map(({ id, type, about, body }) =>
      el(
        'li',
        { 'data-webhook': id },
        el(
          'details',
          {
            open: openedWebhooks.has(id),
            toggle: ({ target }) => {
              if (target instanceof HTMLDetailsElement) openedWebhooks[target.open ? 'add' : 'delete'](id)
            },
          },
          el('summary', { 'data-focus': `webhook ${id}` }, el('strong', {}, type), ` ${about}`),
          el('pre', {}, JSON.stringify(JSON.parse(body), undefined, 2)),
        ),
      ),
    ),
  )
}

function drawService({ service, isConnected }: Systems): HTMLElement[] {
  const words = {
    starting: 'starting',
    running: 'running',
    unconnected: 'running, reconnecting to Slack',
    killed: 'stopped, restarting',
    stopped: 'stopped',
  }
  return (['bot', 'worker'] as const).map((role) => {
    const known = role === 'bot' && service.bot === 'running' && !isConnected ? 'unconnected' : service[role]
    const state = looking.isGone ? 'stopped' : known
    return el(
      'li',
      { 'data-is': role, 'data-state': state },
      el('span', { class: `lamp ${state}`, 'aria-hidden': 'true' }),
      `${role === 'bot' ? 'Bot' : 'Worker'}: ${words[state]}`,
    )
  })
}

/** What time it is for Slack and for Signoff, with buttons that set it forward: for times, reminders and what expires. */
function drawClock({ clock }: Systems): HTMLElement {
  const { aheadMs, nextStart } = clock
  const forward = (words: string, body: Record<string, unknown>) =>
    el(
      'button',
      {
        type: 'button',
        'data-clock': words,
        'data-focus': `clock ${words}`,
        click: async () => {
          const outcome = await act('clock', body)
          if (outcome.error === undefined) toast(`Clock set forward: ${words}`)
          await load()
        },
      },
      words,
    )
  return el(
    'section',
    { class: 'clock' },
    el('h3', {}, 'Clock'),
    el(
      'p',
      { 'data-is': 'clock' },
      aheadMs === 0 ? 'The time of this machine' : `${span(aheadMs)} ahead of this machine`,
    ),
    el(
      'div',
      { class: 'forward', role: 'group', 'aria-label': 'Set the clock forward' },
      forward('+15 min', { minutes: 15 }),
      forward('+1 h', { minutes: 60 }),
      forward('+1 day', { minutes: 24 * 60 }),
      nextStart !== undefined && forward('To the next start', { to: 'next start' }),
    ),
    nextStart !== undefined && el('p', { class: 'note' }, `Next start: ${new Date(nextStart).toLocaleString()}`),
  )
}

/** `2 h 15 min`, `1 day`. */
function span(ms: number): string {
  const minutes = Math.round(ms / 60_000)
  const parts = [
    [Math.floor(minutes / 1440), minutes >= 2880 ? 'days' : 'day'],
    [Math.floor((minutes % 1440) / 60), 'h'],
    [minutes % 60, 'min'],
  ] as const
  const words = parts.filter(([count]) => count > 0).map(([count, unit]) => `${count} ${unit}`)
  return words.length === 0 ? 'Under 1 min' : words.join(' ')
}
