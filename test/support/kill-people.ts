/** What people do in a round: they ask for a release, sign it, and do again what reached no bot. */
import { askForHotfix } from './hotfix.ts'
import type { KillTeam } from './kill-team.ts'
import { type Flow, INTEGRATION_OR_PRODUCTION } from './truth.ts'

/** So long people wait before they press again. */
const PATIENCE_MS = 4_000

/** The environments that a round does not change stay as they are: new heads of integration wait while Dana has locked it. */
export async function holdAutomaticDeploys(kills: KillTeam): Promise<void> {
  const { team } = kills
  await team.waitFor('the first look at the branch', async () => (await kills.look('select 1 from head')).length > 0)
  await insist(
    kills,
    'integration to be locked',
    () => team.command(team.people.dana, '/deploy lock integration because rounds are played'),
    () => isLocked(kills),
  )
}

async function isLocked(kills: KillTeam): Promise<boolean> {
  return (await kills.look('select 1 from environment_lock where ended_at is null')).length > 0
}

/** As people do: who gets no answer asks again. */
export async function askAndSign(kills: KillTeam, number: number, flow: Flow, commit: string): Promise<void> {
  const { team } = kills
  const { lin, tom } = team.people
  if (flow === 'automatic') await headIsDue(kills, commit)
  const asked = async () => ASK[flow](team, commit)
  const isThere = async () => (await kills.look(`select 1 from release where number = ${number}`)).length > 0
  await insist(kills, 'the release to be asked for', asked, isThere)
  if (INTEGRATION_OR_PRODUCTION[flow] === 'integration') return
  const said = (kind: string) => async () =>
    (await kills.look(`select 1 from sign_off where release = ${number} and kind = '${kind}'`)).length > 0
  await team.waitFor('the card to ask', async () => {
    const state = await stateOf(kills, number)
    return state !== undefined && state !== 'planning'
  })
  if ((await stateOf(kills, number)) !== 'awaiting sign-off') return
  if (flow !== 'rollback') await insist(kills, 'QA to be given', () => team.click(lin, 'qa'), said('qa'))
  await insist(kills, 'approval to be given', () => team.click(tom, 'approval'), said('approval'))
  if (flow === 'scheduled') await itsTimeComes(kills, number)
}

/** What people type, and fill in, for a release of each flow. Who ends the lock lets the head go that waits for it. */
const ASK: Readonly<Record<Flow, (team: KillTeam['team'], commit: string) => Promise<void>>> = {
  integration: (team) => team.command(team.people.dana, '/deploy integration'),
  production: (team) => team.command(team.people.dana, '/deploy production'),
  'hot-fix': (team, commit) => askForHotfix(team, team.people.dana, `/hotfix ${commit.slice(0, 10)} production`),
  async rollback(team) {
    await team.command(team.people.dana, '/deploy rollback production because logins fail')
    await team.submit(team.people.dana, { lock: false })
  },
  scheduled: (team) => team.command(team.people.dana, '/deploy production at 12:00 tomorrow'),
  automatic: (team) => team.command(team.people.dana, '/deploy unlock integration'),
}

async function headIsDue(kills: KillTeam, commit: string): Promise<void> {
  const isDue = async () =>
    (await kills.look(`select 1 from head where state = 'due' and commit = '${commit}'`)).length > 0
  await kills.team.waitFor('the new head to be noted', isDue)
}

/** As if nobody had waited for it. */
async function itsTimeComes(kills: KillTeam, number: number): Promise<void> {
  await kills.team.waitFor('the release to be scheduled', async () => (await stateOf(kills, number)) === 'scheduled')
  await insist(
    kills,
    'its time to come',
    () =>
      kills.look(
        `update release set start_at = now(), expires_at = now() + interval '1 hour' where number = ${number} and state = 'scheduled'`,
      ),
    async () => (await kills.look(`select 1 from release where number = ${number} and start_at <= now()`)).length > 0,
  )
}

/** Does it again where it has not become so after a moment, as people do. */
export async function insist(
  { team }: KillTeam,
  what: string,
  act: () => Promise<unknown>,
  isDone: () => Promise<boolean>,
): Promise<void> {
  let acted = Number.NEGATIVE_INFINITY
  await team.waitFor(what, async () => {
    if (await isDone()) return true
    if (performance.now() - acted < PATIENCE_MS) return false
    await act()
    acted = performance.now()
    return false
  })
}

export async function stateOf(kills: KillTeam, number: number): Promise<string | undefined> {
  const [row] = await kills.look<{ state: string }>(`select state from release where number = ${number}`)
  return row?.state
}
