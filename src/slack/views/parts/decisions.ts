/** Rows of buttons that several states have: what a person can decide there. */
import type { Action } from '../../../release/actions.ts'
import type { Owed } from '../../../release/policy.ts'
import { isEmergency, type Release } from '../../../release/release.ts'

/** A button for each kind of sign-off that is still required, in their order on a card. */
export function owedSignOffs(owed: readonly Owed[]): readonly Action[] {
  const order: readonly Owed['kind'][] = ['talked over', 'qa', 'approval']
  return order.flatMap((kind): readonly Action[] => {
    const one = owed.find((each) => each.kind === kind && each.count > 0)
    return one === undefined ? [] : [one.changes === undefined ? kind : 'test changes']
  })
}

/** The sign-offs that an emergency skipped can be given afterwards. */
export function owedAfterwards(release: Release, owed: readonly Owed[]): readonly Action[] {
  return isEmergency(release) ? owedSignOffs(owed) : []
}

/** The ways to a new release, unless there is one already. */
export function newRelease(release: Release): readonly Action[] {
  return release.replacedBy === undefined ? ['plan again', ...forEmergency(release)] : []
}

/** A release that checks stopped can be planned for an emergency: only environments with sign-off require checks. */
export function forEmergency({ problem, replacedBy }: Release): readonly Action[] {
  return problem?.because.gate === 'checks_failed' && replacedBy === undefined ? ['plan for an emergency'] : []
}
