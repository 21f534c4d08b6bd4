/** Talked over that would start a release, sent by a modal that did not say so: the modal asks, with the note that was typed. */
import { expect, it } from 'vitest'
import { VIEW } from '../../src/slack/ids.ts'
import { modalAnswer } from '../../src/slack/modal-answer.ts'
import { contextOf, metadata } from '../../src/slack/modal-window.ts'
import { readArrival } from '../../src/slack/payloads.ts'
import type { HandlerPorts } from '../../src/slack/ports.ts'
import { submit } from '../../src/slack/submissions.ts'
import { FIELD } from '../../src/slack/views/modals.ts'
import { aMigration, anEnvironment, LIN, MIGRATIONS, TOM } from '../support/builders.ts'
import { OURS } from '../support/simulation/clicks.ts'
import { aTeam, made } from './service-team.ts'

const NOTE = 'Ada and Ben: nobody reads it since May.'

/** A release that waits for Talked over alone, and what its modal of this context is answered. */
async function waiting() {
  const { migrations } = anEnvironment()
  if (migrations === undefined) throw new Error('no migrations')
  const team = await aTeam({ migrations: [aMigration({ talkItOver: ['destroys'] })] })
  const number = await team.awaiting({ migrations: MIGRATIONS })
  made(await team.service.act('qa', { release: number, by: LIN.id }))
  made(await team.service.act('approval', { release: number, by: TOM.id }))
  const token = await team.store.buttonToken(number, 'talked_over')
  const ports = { store: team.store, service: team.service, apps: team.apps } as unknown as HandlerPorts
  async function send(context: string) {
    const payload = {
      type: 'view_submission',
      team: { id: OURS.team },
      api_app_id: OURS.app,
      user: { id: TOM.id, team_id: OURS.team },
      view: {
        id: 'V1',
        callback_id: VIEW.talkedOver,
        private_metadata: context,
        state: { values: { [FIELD.note]: { [FIELD.note]: { value: NOTE } } } },
      },
    }
    const arrival = readArrival(payload, OURS)
    if (arrival?.is !== 'submission') throw new Error('not a submission')
    const reply = await submit(ports, arrival)
    return { reply, answer: await modalAnswer(ports, arrival, reply) }
  }
  return { team, number, token, send }
}

it('S3: a modal that did not say that it starts the release is shown again, saying so, and records nothing before', async () => {
  const { team, number, token, send } = await waiting()
  expect((await team.release(number)).state).toBe('awaiting sign-off')
  const { answer } = await send(metadata({ token }))
  expect(answer?.response_action).toBe('update')
  const shown = JSON.stringify(answer)
  expect(shown).toContain('This starts #1 on production now.')
  expect(shown).toContain(NOTE)
  expect((await team.release(number)).state).toBe('awaiting sign-off')
  const view = (answer as unknown as { view: { private_metadata: string } }).view
  expect(contextOf(view.private_metadata)).toEqual({ token, starts: true })
  expect((await send(view.private_metadata)).answer).toBeUndefined()
  expect((await team.release(number)).state).toBe('approved')
})

it('S3: one that said so starts it at once', async () => {
  const { team, number, token, send } = await waiting()
  expect(await send(metadata({ token, starts: true }))).toEqual({ reply: undefined, answer: undefined })
  expect((await team.release(number)).state).toBe('approved')
})
