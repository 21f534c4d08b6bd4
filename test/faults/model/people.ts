/** Promise 3, told apart from the product's policy: whose word may stand on a release, and what it takes to begin. */
import type { Release } from '../../../src/release/release.ts'
import { countedAt } from '../../support/simulation/invariants.ts'
import { APPROVERS, QA } from '../../support/simulation/setting.ts'

/** A bot may have looked a person up, and stand still for so long before it writes their word down. */
const IN_HAND_MS = 5 * 60_000

/** One sentence for each word that may not stand there, and for each release that has begun without those that it needs. */
export function brokenByPeople(releases: readonly Release[], leftAt: ReadonlyMap<string, number>): readonly string[] {
  return releases
    .filter(({ environment }) => environment === 'production')
    .flatMap((release) => [...strangeWords(release, leftAt), ...begunTooSoon(release)])
}

function strangeWords({ number, requester, signOffs, fingerprint }: Release, leftAt: ReadonlyMap<string, number>) {
  return signOffs.flatMap(({ kind, person: { id }, at, fingerprint: signed }) => {
    const broken: string[] = []
    const may = kind === 'qa' ? QA : kind === 'rejection' ? [...APPROVERS, ...QA] : APPROVERS
    if (!may.includes(id)) broken.push(`${id} may not say ${kind}`)
    if (kind === 'approval' && id === requester.id) broken.push('its requester has approved it')
    if (signed !== fingerprint) broken.push(`${id} has signed another plan`)
    const left = leftAt.get(id)
    if (left !== undefined && at.getTime() > left + IN_HAND_MS) broken.push(`${id} had left before`)
    return broken.map((what) => `P3: #${number}: ${what}`)
  })
}

function begunTooSoon(release: Release): readonly string[] {
  const { number, kind, startedAt } = release
  if (startedAt === undefined) return []
  const before = countedAt(release, startedAt).filter(({ at }) => at <= startedAt)
  const has = (kind: string) => before.some((each) => each.kind === kind)
  // A rollback asks for its approval alone.
  const isTested = kind === 'rollback' || has('qa')
  const isAllowed = has('emergency') || (isTested && has('approval'))
  return isAllowed ? [] : [`P3: #${number} has begun with ${before.map(({ kind }) => kind).join() || 'no word'}`]
}
