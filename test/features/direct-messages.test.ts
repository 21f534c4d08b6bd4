/** What people are told in private, as they read it: reminders, what needs attention, and their switches. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { keyOf, lines } from '../support/channel.ts'
import { NOTHING_TO_TALK_OVER } from '../support/seen-release.ts'
import { startTeam, type Team } from '../support/team.ts'

describe('direct messages', () => {
  let team: Team
  let nia: string
  beforeAll(async () => {
    team = await startTeam({
      ...NOTHING_TO_TALK_OVER,
      pace: { tickEveryMs: 300 },
      production: (entry) => {
        NOTHING_TO_TALK_OVER.production?.(entry)
        Object.assign(entry.sign_off as object, { qa_by: ['@qa'] })
      },
    })
    nia = team.slack.addUser({ name: 'nia', realName: 'Nia', email: 'nia@example.test' }).id
    team.slack.addGroup({ handle: 'qa', users: [team.people.lin, nia] })
  })
  afterAll(() => team?.close())

  /** How often each has a direct message of this key, and how often the thread mentions anybody in the message of this key. */
  const counted = (key: string) => {
    const { dana, lin, tom } = team.people
    const direct = Object.entries({ dana, lin, nia, tom }).map(([name, id]) => {
      const own = team.slack.directMessages(id).filter((message) => keyOf(message).startsWith(key))
      return [name, own.length]
    })
    const number = Number.parseInt(key, 10)
    const mentions = lines(team.slack, number)
      .filter((message) => keyOf(message).startsWith(key))
      .map(({ blocks }) => JSON.stringify(blocks).match(/<(?:@|!subteam)[^>]+>/g)?.length ?? 0)
    return { ...Object.fromEntries(direct), mentions }
  }
  const switched = (person: string, kind: string, on: boolean) =>
    team.query(
      on
        ? `delete from direct_message_off where person_id = '${person}' and kind = '${kind}'`
        : `insert into direct_message_off (person_id, kind) values ('${person}', '${kind}')`,
    )

  it('remind each who can sign after four hours, once; who asked and who left are not reminded', async () => {
    const { dana, lin, tom } = team.people
    team.slack.deactivate(nia)
    await team.command(dana, '/deploy production')
    await team.until.awaitingSignOff(1)
    await team.query(`update release set card_posted_at = card_posted_at - interval '4 hours' where number = 1`)
    await team.hears(lin, '#1', 'has waited 4 hours for QA', 'Press *QA passed*', 'Home tab of signoff')
    await team.hears(tom, '#1', 'has waited 4 hours for approval', 'Press *Approve*')
    expect(await team.until.line(1, 'reminder')).toContain('has waited 4 hours without a sign-off')
    expect(counted('1:reminder')).toEqual({ dana: 0, lin: 1, nia: 0, tom: 1, mentions: [0] })
  })

  it('tell the requester and who may retry that it needs attention, and not who did their part', async () => {
    const { dana, lin, tom } = team.people
    team.heroku.failNextBuild()
    await team.click(lin, 'qa')
    await team.until.signed(1, 'qa', lin)
    await team.click(tom, 'approval')
    await team.until.needsAttention(1)
    for (const person of [dana, tom]) await team.hears(person, '#1', 'needs attention', 'Retry or Close')
    await team.until.told(1)
    expect(counted('1:attention')).toEqual({ dana: 1, lin: 0, nia: 0, tom: 1, mentions: [0] })
  })

  it('come once more for the next stop, but not to who has switched them off: the channel mentions them', async () => {
    const { dana, tom } = team.people
    await switched(tom, 'needs attention', false)
    team.heroku.failNextBuild()
    await team.click(dana, 'retry')
    await team.until.needsAttention(1, 2)
    await team.until.told(1)
    await team.hears(dana, '#1', 'needs attention')
    expect(counted('1:attention')).toMatchObject({ dana: 2, lin: 0, tom: 1, mentions: [0, 1] })
    await team.click(dana, 'retry')
    await team.until.succeeded(1)
    expect(counted('1:')).toMatchObject({ dana: 2, lin: 1, tom: 2 })
  })

  it('stand in the record with whom they told, and whom the channel mentioned', async () => {
    const rows = await team.query<{ data: { kind: string; people: { name: string }[]; mentioned: string[] } }>(
      `select body::json->'data' as data from event where type = 'people_told' order by id`,
    )
    expect(rows.map(({ data }) => [data.kind, data.people.map(({ name }) => name), data.mentioned])).toEqual([
      ['reminders', ['lin', 'tom'], []],
      ['needs attention', ['dana', 'tom'], []],
      ['needs attention', ['dana'], [team.people.tom]],
    ])
  })
})
