/**
 * Checks the page for people who see badly, or use a keyboard or a screen reader. Reads the real browser's accessibility tree
 * and computed colours.
 */
import type { Page } from 'playwright-core'

type AxValue = { value?: unknown }
type AxNode = { nodeId: string; ignored: boolean; role?: AxValue; name?: AxValue; backendDOMNodeId?: number }

/** Roles that need a name. */
const NAMED = [
  ...['button', 'link', 'textbox', 'combobox', 'checkbox', 'radio', 'listbox', 'option', 'switch', 'menuitem'],
  ...['dialog', 'alertdialog', 'navigation', 'complementary', 'region', 'log', 'image', 'heading', 'Iframe'],
]

/** The accessibility problems of the page as shown now, one line each. */
export async function accessibilityProblems(page: Page): Promise<string[]> {
  return [...(await nameless(page)), ...((await page.evaluate(`(${inThePage})()`)) as string[])]
}

async function nameless(page: Page): Promise<string[]> {
  const session = await page.context().newCDPSession(page)
  try {
    const { nodes } = (await session.send('Accessibility.getFullAXTree')) as unknown as { nodes: AxNode[] }
    return nodes
      .filter(({ ignored, role }) => !ignored && NAMED.includes(String(role?.value)))
      .filter(({ name }) => String(name?.value ?? '').trim() === '')
      .map(({ role, backendDOMNodeId }) => `a ${String(role?.value)} has no name (node ${backendDOMNodeId})`)
  } finally {
    await session.detach()
  }
}

/** The names and roles that a screen reader gets. */
export async function spokenTree(page: Page): Promise<{ role: string; name: string }[]> {
  const session = await page.context().newCDPSession(page)
  try {
    const { nodes } = (await session.send('Accessibility.getFullAXTree')) as unknown as { nodes: AxNode[] }
    return nodes
      .filter(({ ignored }) => !ignored)
      .map(({ role, name }) => ({ role: String(role?.value ?? ''), name: String(name?.value ?? '') }))
  } finally {
    await session.detach()
  }
}

/**
 * Goes through the page with Tab, up to `most` stops. Returns the number of stops, and those without a visible focus or out of
 * view.
 */
export async function walkByTab(page: Page, most = 80): Promise<{ stops: number; unmarked: string[] }> {
  const unmarked: string[] = []
  const seen = new Set<string>()
  let stops = 0
  for (; stops < most; stops++) {
    await page.keyboard.press('Tab')
    const at = (await page.evaluate(`(${focusedNow})()`)) as { id: number; words: string; isMarked: boolean } | null
    if (at === null || seen.has(String(at.id))) break
    seen.add(String(at.id))
    if (!at.isMarked) unmarked.push(at.words)
  }
  return { stops, unmarked }
}

/** Runs in the page. */
const focusedNow = `() => {
  const one = document.activeElement
  if (one === null || one === document.body) return null
  one.__stop ??= (window.__stops = (window.__stops ?? 0) + 1)
  const marked = (element) => {
    const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(element)
    return (outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2) || boxShadow !== 'none'
  }
  const box = (one.matches('input[type=radio]') ? one.closest('label') : one).getBoundingClientRect()
  const isInView = box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth
  const holders = [one, one.closest('label'), one.closest('form')].filter((holder) => holder !== null)
  const words = one.tagName.toLowerCase() + ' ' + (one.getAttribute('aria-label') ?? one.textContent ?? '').trim().slice(0, 40)
  return { id: one.__stop, words, isMarked: isInView && holders.some(marked) }
}`

/** Runs in the page: colours, headings, landmarks, references, sizes. */
const inThePage = `() => {
  const wrong = []
  const modal = document.querySelector('dialog[open]')
  const isShown = (element) => element.checkVisibility({ opacityProperty: true, visibilityProperty: true })
  const isForReadersOnly = (element) => element.closest('.visually-hidden, .skip') !== null
  const describe = (element) => element.tagName.toLowerCase() + '.' + element.className + ' “' +
    (element.getAttribute('aria-label') ?? element.textContent ?? '').trim().slice(0, 40) + '”'

  // Colours, by WCAG's formula, over all layers below.
  const colours = new Map()
  const rgba = (text) => {
    // Few colours, and many elements: the browser is asked once for each.
    const known = colours.get(text)
    if (known !== undefined) return known
    const canvas = (window.__canvas ??= new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true }))
    canvas.clearRect(0, 0, 1, 1)
    canvas.fillStyle = text
    canvas.fillRect(0, 0, 1, 1)
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data
    const found = [r, g, b, a / 255]
    colours.set(text, found)
    return found
  }
  const over = ([r, g, b, a], [R, G, B]) => [r * a + R * (1 - a), g * a + G * (1 - a), b * a + B * (1 - a), 1]
  const beneath = (element) => {
    const layers = []
    for (let one = element; one !== null; one = one.parentElement) layers.push(rgba(getComputedStyle(one).backgroundColor))
    return layers.reverse().reduce((below, layer) => over(layer, below), [255, 255, 255, 1])
  }
  const luminance = (colour) => {
    const [r, g, b] = colour.slice(0, 3).map((part) => {
      const share = part / 255
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
    })
    return 0.2126 * r + 0.7152 * g + 0.0722 * b
  }
  const ratio = (a, b) => {
    const [light, dark] = [luminance(a), luminance(b)].sort((x, y) => y - x)
    return (light + 0.05) / (dark + 0.05)
  }
  const opacityOf = (element) => {
    let opacity = 1
    for (let one = element; one !== null; one = one.parentElement) opacity *= Number(getComputedStyle(one).opacity)
    return opacity
  }
  const judge = (element, colour, words) => {
    const { fontSize, fontWeight } = getComputedStyle(element)
    const size = parseFloat(fontSize)
    const needed = size >= 24 || (size >= 18.66 && Number(fontWeight) >= 700) ? 3 : 4.5
    const ground = beneath(element)
    const [r, g, b, a] = rgba(colour)
    const found = ratio(over([r, g, b, a * opacityOf(element)], ground), ground)
    if (found < needed) wrong.push('contrast ' + found.toFixed(2) + ' of ' + words)
  }
  for (const animation of document.getAnimations()) animation.finish()
  const walker = document.createTreeWalker(modal ?? document.body, NodeFilter.SHOW_TEXT)
  for (let text = walker.nextNode(); text !== null; text = walker.nextNode()) {
    const element = text.parentElement
    if (text.data.trim() === '' || !isShown(element) || isForReadersOnly(element)) continue
    if (element.closest('script, style, noscript, option, [aria-busy=true], :disabled, #toast') !== null) continue
    if (/^\\p{Extended_Pictographic}|^\\p{So}/u.test(text.data.trim())) continue
    judge(element, getComputedStyle(element).color, describe(element))
  }
  for (const field of document.querySelectorAll('input[placeholder], textarea[placeholder]')) {
    if (isShown(field)) judge(field, getComputedStyle(field, '::placeholder').color, 'placeholder “' + field.placeholder + '”')
  }
  for (const field of document.querySelectorAll('input[type=text], textarea, select')) {
    if (!isShown(field)) continue
    const edge = field.closest('.composer') ?? field
    const found = ratio(over(rgba(getComputedStyle(edge).borderTopColor), beneath(edge)), beneath(edge.parentElement))
    if (found < 3) wrong.push('contrast ' + found.toFixed(2) + ' of the edge of ' + describe(field))
  }

  // Headings: exactly one h1, and no skipped level.
  let level = 0
  for (const heading of document.querySelectorAll('h1, h2, h3, h4, h5, h6')) {
    if (!isShown(heading) || heading.closest('dialog') !== null) continue
    const now = Number(heading.tagName[1])
    if (now > level + 1) wrong.push('heading ' + now + ' after ' + level + ': ' + describe(heading))
    level = now
  }
  if (document.querySelectorAll('h1').length !== 1) wrong.push('there is not one first heading')
  for (const landmark of ['header', 'nav', 'main', 'aside']) {
    if (document.querySelector(landmark) === null) wrong.push('there is no ' + landmark)
  }

  // References lead to elements that exist, with unique ids.
  const ids = [...document.querySelectorAll('[id]')].map(({ id }) => id)
  for (const id of new Set(ids)) if (ids.filter((one) => one === id).length > 1) wrong.push('id twice: ' + id)
  for (const name of ['aria-labelledby', 'aria-describedby', 'aria-controls', 'aria-activedescendant', 'for']) {
    for (const element of document.querySelectorAll('[' + name + ']')) {
      if (element.closest('dialog:not([open])') !== null || element.matches('dialog:not([open])')) continue
      for (const id of element.getAttribute(name).split(' ')) {
        if (!ids.includes(id)) wrong.push(name + ' leads nowhere: ' + id)
      }
    }
  }
  for (const field of document.querySelectorAll('input:not([type=hidden]), textarea, select')) {
    if (field.labels.length === 0 && !field.hasAttribute('aria-label')) wrong.push('no label: ' + describe(field))
  }

  // Sizes: nothing is wider than the window, and every control is large enough for a finger.
  if (document.documentElement.scrollWidth > innerWidth) wrong.push('the page is wider than the window')
  for (const element of document.querySelectorAll('main, .messages, .modal-body, .thread, .systems, .faults, .modal[open], .side, .guide, .top')) {
    if (isShown(element) && element.scrollWidth > element.clientWidth + 1) wrong.push('overflows: ' + describe(element))
  }
  for (const control of (modal ?? document).querySelectorAll('button, select, input[type=text], textarea, summary')) {
    if (!isShown(control) || isForReadersOnly(control)) continue
    const { width, height } = control.getBoundingClientRect()
    if (width < 24 || height < 24) wrong.push('small (' + Math.round(width) + ' by ' + Math.round(height) + '): ' + describe(control))
  }
  if (modal !== null && !modal.contains(document.activeElement)) wrong.push('the focus is outside the dialog')
  return wrong
}`
