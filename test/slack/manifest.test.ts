import { readFileSync } from 'node:fs'
import { Ajv } from 'ajv'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { ACTION_VIEWS } from '../../src/slack/actions.ts'
import { COMMANDS, VIEW } from '../../src/slack/ids.ts'
import { httpManifest } from '../../src/slack/manifest.ts'

const manifestYaml = readFileSync(new URL('../../manifest.yml', import.meta.url), 'utf8')
const schema = JSON.parse(
  readFileSync(new URL('../support/slack-manifest-schema/manifest.schema.2.0.0.json', import.meta.url), 'utf8'),
)
const validate = new Ajv({ strict: false, allErrors: true, formats: { uri: true } }).compile(schema)

function problems(yaml: string) {
  validate(parse(yaml))
  return validate.errors ?? []
}

describe('manifest.yml', () => {
  const manifest = parse(manifestYaml)

  it('is a manifest that Slack takes', () => {
    expect(problems(manifestYaml)).toEqual([])
  })

  it('is checked by a schema that would notice a mistake', () => {
    expect(problems(manifestYaml.replace('command: /deploy', 'command: deploy'))).not.toEqual([])
    expect(problems(`${manifestYaml}\nextra: 1\n`)).not.toEqual([])
  })

  it('declares the commands that the code listens to, with mentions escaped', () => {
    const commands: { command: string; should_escape: boolean; usage_hint: string }[] = manifest.features.slash_commands
    expect(commands.map((each) => each.command).sort()).toEqual(Object.values(COMMANDS).sort())
    for (const each of commands) {
      expect(each.should_escape).toBe(true)
      expect(each.usage_hint).not.toBe('')
    }
  })

  it('asks for the bot scopes that are used, and no user scopes', () => {
    expect(manifest.oauth_config.scopes).toEqual({
      bot: [
        'chat:write',
        'commands',
        'users:read',
        'users:read.email',
        'usergroups:read',
        'channels:read',
        'channels:history',
        'groups:read',
        'groups:history',
        'im:write',
        'im:history',
      ],
    })
  })

  it('is for Socket Mode, with buttons', () => {
    expect(manifest.settings).toEqual({
      event_subscriptions: { bot_events: ['app_home_opened'] },
      interactivity: { is_enabled: true },
      org_deploy_enabled: false,
      socket_mode_enabled: true,
      token_rotation_enabled: false,
    })
  })
})

describe('the manifest for HTTP', () => {
  it('is a manifest that Slack takes, the same but for how Slack reaches us', () => {
    const yaml = httpManifest(manifestYaml, 'https://signoff.example.com')
    expect(problems(yaml)).toEqual([])
    expect(yaml).toMatch(/^# Slack app manifest for HTTP/)
    expect(yaml).not.toContain('Socket Mode')
    const expected = parse(manifestYaml)
    for (const command of expected.features.slash_commands) command.url = 'https://signoff.example.com/slack/events'
    expected.settings.interactivity.request_url = 'https://signoff.example.com/slack/events'
    expected.settings.event_subscriptions.request_url = 'https://signoff.example.com/slack/events'
    expected.settings.socket_mode_enabled = false
    expect(parse(yaml)).toEqual(expected)
  })

  it.each([
    ['https://signoff.example.com/', 'https://signoff.example.com/slack/events'],
    ['https://signoff.example.com/slack/events', 'https://signoff.example.com/slack/events'],
    ['https://example.com:8443/bots/signoff/', 'https://example.com:8443/bots/signoff/slack/events'],
  ])('takes %s', (url, requestUrl) => {
    expect(parse(httpManifest(manifestYaml, url)).settings.interactivity.request_url).toBe(requestUrl)
  })

  it.each([
    ['http://signoff.example.com', 'https addresses only'],
    ['signoff.example.com', 'is not one'],
    ['', 'is not one'],
    ['https://user:secret@signoff.example.com', 'user or a password'],
    ['https://signoff.example.com/?a=1', 'no ? and no #'],
  ])('refuses %j', (url, sentence) => {
    expect(() => httpManifest(manifestYaml, url)).toThrow(sentence)
    expect(() => httpManifest(manifestYaml, url)).not.toThrow('secret')
  })

  it('refuses a text that is not our manifest', () => {
    expect(() => httpManifest('a: 1', 'https://signoff.example.com')).toThrow('no slash_commands')
  })
})

describe('names that Slack hands back', () => {
  it('are each used once, and are within their limits', () => {
    for (const ids of [Object.values(ACTION_VIEWS).map(({ id }) => id), Object.values(VIEW)]) {
      expect(new Set(ids).size).toBe(ids.length)
      for (const id of ids) expect(id).toMatch(/^[a-z_]{1,255}$/)
    }
  })

  it('are what posted buttons and open modals have: they never change', () => {
    const ids = Object.entries(ACTION_VIEWS).map(([action, { id }]) => [id, action])
    expect(Object.fromEntries(ids)).toEqual({
      qa_passed: 'qa',
      approve: 'approval',
      talked_over: 'talked over',
      test_changes: 'test changes',
      reject: 'rejection',
      emergency: 'emergency',
      cancel: 'cancel',
      retry: 'retry',
      close: 'close',
      plan_again: 'plan again',
      plan_for_emergency: 'plan for an emergency',
      details: 'details',
      go: 'go',
      mark_bad: 'mark bad',
      mark_good: 'mark good',
      roll_back: 'roll back',
      start_now: 'start now',
      change_time: 'change time',
    })
    expect(Object.values(VIEW).sort()).toEqual([
      'change_time_modal',
      'close_modal',
      'deploy_modal',
      'details_modal',
      'emergency_modal',
      'hotfix_modal',
      'lock_modal',
      'mark_bad_modal',
      'not_possible_modal',
      'place_modal',
      'qa_modal',
      'reject_modal',
      'rollback_modal',
      'take_over_modal',
      'talked_over_modal',
    ])
  })

  it('have a label for every button, short enough for one', () => {
    const labels = Object.values(ACTION_VIEWS).map(({ label }) => label)
    expect(new Set(labels).size).toBe(labels.length)
    for (const label of labels) expect(label.length).toBeLessThanOrEqual(75)
  })
})
