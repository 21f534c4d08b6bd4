import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { App, HTTPReceiver, type Logger, LogLevel, SocketModeReceiver } from '@slack/bolt'
import type { ModalView } from '@slack/types'
import { WebClient } from '@slack/web-api'
import { afterEach } from 'vitest'
import {
  type SlackWorkspace,
  type SlackWorkspaceOptions,
  startSlackWorkspace,
} from '../../src/sandbox/slack/workspace.ts'

const cleanups: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

/** These tests cause errors on purpose, so the clients don't log them. */
export const quiet: Logger = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  setLevel() {},
  getLevel: () => LogLevel.ERROR,
  setName() {},
}

export async function workspaceWithPeople(options: SlackWorkspaceOptions = {}) {
  const slack = await startSlackWorkspace(options)
  cleanups.push(() => slack.close())
  const ada = slack.addUser({ name: 'ada', email: 'ada@example.com' })
  const ben = slack.addUser({ name: 'ben' })
  const product = slack.addChannel({ name: 'product' })
  const client = new WebClient(slack.botToken, {
    slackApiUrl: slack.apiUrl,
    retryConfig: { retries: 0 },
    rejectRateLimitedCalls: true,
    logger: quiet,
  })
  return { slack, ada, ben, product, client }
}

export async function startApp(slack: SlackWorkspace, mode: 'socket' | 'http') {
  const port = 0
  const receiver =
    mode === 'socket'
      ? new SocketModeReceiver({
          appToken: slack.appToken,
          logger: quiet,
          clientPingTimeout: 200,
          installerOptions: { clientOptions: { slackApiUrl: slack.apiUrl } },
        })
      : new HTTPReceiver({ signingSecret: slack.signingSecret, port, logger: quiet })
  const app = new App({
    token: slack.botToken,
    receiver,
    clientOptions: { slackApiUrl: slack.apiUrl },
    logger: quiet,
    deferInitialization: true,
  })
  await app.init()
  const start = async () => {
    const server = await app.start(port)
    if (mode === 'http') {
      const address = (server as Server).address() as AddressInfo
      slack.useHttp(`http://127.0.0.1:${address.port}/slack/events`)
    } else await slack.waitFor(() => slack.sockets > 0, { what: 'a socket' })
  }
  cleanups.push(() => app.stop())
  return { app, start }
}

export const errorOf = async (call: Promise<unknown>) =>
  call.then(
    () => 'no error',
    (error: { data?: { error?: string }; code?: string }) => error.data?.error ?? error.code,
  )

export const section = (text: string) => ({ type: 'section', text: { type: 'mrkdwn', text } }) as const
export const button = (label: string, more = {}) =>
  ({
    type: 'button',
    text: { type: 'plain_text', text: label },
    action_id: `press-${label}`,
    value: 'v1',
    ...more,
  }) as const
export const modal: ModalView = {
  type: 'modal',
  callback_id: 'reason',
  title: { type: 'plain_text', text: 'Reject' },
  submit: { type: 'plain_text', text: 'Reject' },
  private_metadata: 'kept',
  blocks: [
    {
      type: 'input',
      block_id: 'why',
      label: { type: 'plain_text', text: 'Reason' },
      element: { type: 'plain_text_input', action_id: 'text', max_length: 20 },
    },
    {
      type: 'input',
      block_id: 'sure',
      optional: true,
      label: { type: 'plain_text', text: 'Certainty' },
      element: {
        type: 'checkboxes',
        action_id: 'box',
        options: [{ text: { type: 'plain_text', text: 'I am sure' }, value: 'sure' }],
      },
    },
  ],
}
