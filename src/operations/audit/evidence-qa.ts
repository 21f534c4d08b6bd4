/** Who has tested which change of a release, for its evidence, where QA was asked for each. */
import { testersOf } from './decisions.ts'
import { type Fact, type Section, utc, type Words } from './document.ts'
import type { Evidence } from './evidence.ts'

/** `5 of 7 tested`, where QA was asked for each change. */
export function testedFact({ decisions }: Evidence): readonly Fact[] {
  const { changes } = decisions
  if (changes === undefined) return []
  const tested = changes.filter((change) => testersOf(decisions, change).length > 0)
  return [['Changes', [`${tested.length} of ${changes.length} tested; each is listed in the details, under QA`]]]
}

/** Who has tested each change, as the events record it; only where QA was asked for each. */
export function qaSection({ plan, decisions }: Evidence): Section {
  const { changes = [] } = decisions
  const titles = new Map((plan?.changes ?? []).map((change) => [change.commits[0] ?? '', change]))
  const rows = changes.map((id): readonly Words[] => {
    const planned = titles.get(id)
    const testers = testersOf(decisions, id).map(
      ({ by, at, isOwn }) => `${by.name ?? by.id} (${by.id})${isOwn ? ', its author' : ''}, ${utc(at)}`,
    )
    const named = `${planned?.pullRequest === undefined ? '' : `PR #${planned.pullRequest} `}${planned?.title ?? ''}`
    return [
      [{ code: id.slice(0, 12) }],
      [named],
      [(planned?.authors ?? []).map(({ name }) => name).join(', ')],
      [testers.length === 0 ? 'not tested' : testers.join('; ')],
    ]
  })
  return {
    title: 'QA',
    blocks: [{ is: 'table', heads: ['change', 'title', 'author', 'tested by'], rows, none: 'None.' }],
  }
}
