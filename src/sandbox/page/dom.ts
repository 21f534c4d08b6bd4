/// <reference lib="dom" />
/// <reference lib="dom.iterable" />

type Child = Node | string | undefined | false
type Attributes = Record<string, string | number | boolean | undefined | ((event: Event) => void)>

/** Creates an element. Attributes that are false or undefined are left out; functions become event listeners. */
export function el<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') made.addEventListener(name, value)
    else if (value === true) made.setAttribute(name, '')
    else if (value !== undefined && value !== false) made.setAttribute(name, String(value))
  }
  made.append(...children.filter((child) => child !== undefined && child !== false))
  return made
}

/** The element with this id. Throws if the page doesn't have it. */
export function byId<T extends HTMLElement = HTMLElement>(id: string): T {
  const found = document.getElementById(id)
  if (found === null) throw new Error(`the page has no #${id}`)
  return found as T
}

/**
 * Replaces the children if `shown` has changed since the last call. Keeps the focus on the control with the same `data-focus`,
 * or moves it to `place` if that is gone, so that the keyboard doesn't start at the top again.
 */
export function refresh(place: HTMLElement, shown: unknown, draw: () => Child[]): boolean {
  const now = JSON.stringify(shown)
  if (place.dataset.shown === now) return false
  place.dataset.shown = now
  const focused = place.contains(document.activeElement) ? document.activeElement : null
  const key = focused instanceof HTMLElement ? focused.dataset.focus : undefined
  place.replaceChildren(...draw().filter((child) => child !== undefined && child !== false))
  if (focused === null) return true
  const again = key === undefined ? null : place.querySelector<HTMLElement>(`[data-focus="${CSS.escape(key)}"]`)
  ;(again ?? place).focus({ preventScroll: true })
  return true
}

let lastId = 0
export const newId = (): string => `made-${++lastId}`

export const timeOf = (ts: string): string =>
  new Date(Number(ts) * 1000).toLocaleTimeString([], { hour: 'numeric', minute: '2-digit' })
