/** Reads the secrets of `webhooks`, which only the bot has. Collects problems, and never shows a value. */
import { defined } from '../lib/defined.ts'
import type { Webhook } from '../release/webhooks.ts'
import { isRecord, type PlacedProblem } from './explain.ts'
import { webhookSchema } from './schema/webhooks.ts'

/** A webhook with its place in releases.yml, from 0. */
export interface PlacedWebhook extends Webhook {
  readonly index: number
}

/** A webhook with its secrets. */
export interface WebhookSettings extends Webhook {
  /** Its place in releases.yml and its host: the rest of its URL may have a token in it. */
  readonly name: string
  /** `whsec_…`, the new one first. */
  readonly secrets: readonly string[]
}

export interface WebhookSecrets {
  /** Those whose secrets are good. */
  readonly webhooks: readonly WebhookSettings[]
  readonly problems: readonly PlacedProblem[]
  readonly warnings: readonly string[]
  /** For scrubbing. */
  readonly secrets: readonly string[]
}

type Env = Readonly<Record<string, string | undefined>>

/** The webhooks that can be read from the parsed file, even when it has other problems. */
export function webhooksIn(value: unknown): readonly PlacedWebhook[] {
  const listed = isRecord(value) && Array.isArray(value.webhooks) ? value.webhooks : []
  return listed.flatMap((entry: unknown, index) => {
    const read = webhookSchema.safeParse(entry)
    if (!read.success) return []
    const { url, secret_env, events } = read.data
    return [{ index, url, secretEnv: [secret_env].flat(), ...defined({ events }) }]
  })
}

export function webhookName({ url, index }: { readonly url: string; readonly index: number }): string {
  return `webhooks[${index + 1}] (${new URL(url).host})`
}

/** @param isBot false: the secrets are not needed here, and what is set is only scrubbed */
export function readWebhookSecrets(listed: readonly PlacedWebhook[], env: Env, isBot: boolean): WebhookSecrets {
  const problems: PlacedProblem[] = []
  const warnings: string[] = []
  const firstUse = new Map<string, number>()
  const webhooks = listed.flatMap((webhook): readonly WebhookSettings[] => {
    const { index, ...rest } = webhook
    const path = ['webhooks', index, 'secret_env']
    for (const name of webhook.secretEnv) {
      const other = firstUse.get(name)
      if (other !== undefined && other !== index) {
        warnings.push(
          `releases.yml: webhooks[${index + 1}] and webhooks[${other + 1}] have the same secret ${name}, so each receiver could sign for the other. Give each its own`,
        )
      }
      firstUse.set(name, other ?? index)
    }
    const values = webhook.secretEnv.map((name) => ({ name, value: env[name]?.trim() ?? '' }))
    const found = values.flatMap(({ name, value }) => secretProblem(name, value) ?? [])
    problems.push(...found.map((text) => ({ path, text })))
    const [one, other] = values
    if (found.length === 0 && other !== undefined && one?.value === other.value) {
      problems.push({ path, text: `names two variables with the same value: ${one.name} and ${other.name}` })
      return []
    }
    const secrets = values.map(({ value }) => value)
    return found.length === 0 ? [{ ...rest, name: webhookName(webhook), secrets }] : []
  })
  const secrets = listed.flatMap(({ secretEnv }) => secretEnv.flatMap((name) => formsOf(env[name]?.trim() ?? '')))
  return isBot ? { webhooks, problems, warnings, secrets } : { webhooks: [], problems: [], warnings: [], secrets }
}

const PREFIX = 'whsec_'
/** Standard Webhooks 1.0.0, "Signature scheme". */
const LEAST_BYTES = 24
const MOST_BYTES = 64

function secretProblem(name: string, value: string): string | undefined {
  if (value === '') return `names ${name}, which is not set in the bot's environment`
  const text = value.startsWith(PREFIX) ? value.slice(PREFIX.length) : undefined
  const bytes = text !== undefined && /^[A-Za-z0-9+/]+={0,2}$/.test(text) ? Buffer.from(text, 'base64') : undefined
  const isGood =
    bytes !== undefined &&
    bytes.toString('base64') === text &&
    bytes.length >= LEAST_BYTES &&
    bytes.length <= MOST_BYTES
  if (isGood) return undefined
  return `names ${name}, whose value is not ${PREFIX} and ${LEAST_BYTES} to ${MOST_BYTES} bytes in base64. Make one with: echo "${PREFIX}$(openssl rand -base64 32)"`
}

function formsOf(value: string): readonly string[] {
  const bare = value.startsWith(PREFIX) ? value.slice(PREFIX.length) : value
  return [value, bare].filter((form) => form.length >= 4)
}
