/** The Slack app's manifest for HTTP, made from `manifest.yml`, which is for Socket Mode. */
import { isMap, isSeq, parseDocument } from 'yaml'
import { SLACK_REQUEST_PATH } from './ids.ts'

/**
 * Gives the manifest for HTTP mode, as YAML with its comments: Socket Mode off, and every command, the buttons and events at
 * `url` + `/slack/events`. `url` is where the bot is reached from outside, with or without that path. Throws with a
 * sentence for a person when `url` is not a plain https address, or the text is not the manifest of our app.
 */
export function httpManifest(manifestYaml: string, url: string): string {
  const requestUrl = requestUrlOf(url)
  // What the file says of itself at its beginning is true of Socket Mode only.
  const manifest = parseDocument(manifestYaml.replace(/^(#.*\n)+/, ''))
  const commands = manifest.getIn(['features', 'slash_commands'])
  const interactivity = manifest.getIn(['settings', 'interactivity'])
  if (manifest.errors.length > 0 || !isSeq(commands) || !isMap(interactivity)) {
    throw new Error('The manifest has no slash_commands and interactivity to set addresses for.')
  }
  for (const command of commands.items) {
    if (isMap(command)) command.set('url', requestUrl)
  }
  interactivity.set('request_url', requestUrl)
  manifest.setIn(['settings', 'event_subscriptions', 'request_url'], requestUrl)
  manifest.setIn(['settings', 'socket_mode_enabled'], false)
  manifest.commentBefore = ' Slack app manifest for HTTP, made by `signoff manifest --url`.'
  return manifest.toString({ lineWidth: 0 })
}

function requestUrlOf(text: string): string {
  if (!URL.canParse(text)) throw new Error('The URL is not one: write it as https://signoff.example.com.')
  const url = new URL(text)
  if (url.protocol !== 'https:') throw new Error('Slack sends requests to https addresses only.')
  if (url.username !== '' || url.password !== '') throw new Error('The URL must not contain a user or a password.')
  if (url.search !== '' || url.hash !== '') throw new Error('The URL must end with its path: no ? and no #.')
  const path = url.pathname.replace(/\/+$/, '')
  return `${url.origin}${path.endsWith(SLACK_REQUEST_PATH) ? path : `${path}${SLACK_REQUEST_PATH}`}`
}
