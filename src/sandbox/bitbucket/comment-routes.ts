import type { Answer } from '../rest-faults.ts'
import type { Drawing } from './drawing.ts'
import { notAllowed, PAGES, page, type RestCall, refusal, textAt } from './rest-call.ts'
import { type BitbucketStore, type Comment, now } from './state.ts'

const MAX_COMMENT = 32_768

/** Routes to list, read, create, change and delete comments on a pull request or a commit. */
export function createCommentRoutes(options: {
  store: BitbucketStore
  draw: Drawing
}): (call: RestCall, on: Comment['on'], id: string | undefined) => Promise<Answer> {
  const { store, draw } = options
  const { state } = store

  return async (call, on, id) => {
    const here = state.comments.filter((comment) => isOn(comment, on))
    if (call.method === 'GET' && id === undefined) return page(call, here.map(draw.comment), PAGES)
    const known = here.find((comment) => `${comment.id}` === id)
    if (id !== undefined && known === undefined) return refusal(404, `Comment ${id} not found`)
    if (call.method === 'GET' && known !== undefined) return { status: 200, body: draw.comment(known) }
    if (call.method === 'DELETE' && known !== undefined) {
      known.deleted = true
      store.record({ kind: 'comment changed', comment: known.id, by: call.by.displayName })
      return { status: 204 }
    }
    const { body } = call
    const raw = textAt(body, 'content', 'raw')
    if (raw === undefined || raw.trim() === '') return refusal(400, 'content.raw: required key not provided')
    if (raw.length > MAX_COMMENT) {
      return refusal(
        400,
        `content.raw: Ensure this value has at most ${MAX_COMMENT} characters (it has ${raw.length}).`,
      )
    }
    if (call.method === 'PUT' && known !== undefined) {
      Object.assign(known, { raw, updatedOn: now() })
      store.record({ kind: 'comment changed', comment: known.id, by: call.by.displayName })
      return { status: 200, body: draw.comment(known) }
    }
    if (call.method !== 'POST' || id !== undefined) return notAllowed
    state.lastCommentId += 1
    const times = { createdOn: now(), updatedOn: now() }
    const comment: Comment = { id: state.lastCommentId, on, raw, user: call.by, deleted: false, ...times }
    state.comments.push(comment)
    store.record({ kind: 'comment created', comment: comment.id, on, raw, by: call.by.displayName })
    return { status: 201, body: draw.comment(comment) }
  }
}

/** Whether a comment belongs to that pull request or commit. */
export const isOn = (comment: Comment, on: Comment['on']): boolean =>
  'pullRequest' in on
    ? 'pullRequest' in comment.on && comment.on.pullRequest === on.pullRequest
    : 'commit' in comment.on && comment.on.commit === on.commit
