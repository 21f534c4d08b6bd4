/** `workers`: which worker hosts release which environments. */
import { z } from 'zod'
import { environments, text } from './shapes.ts'

export const workerGroupSchema = z
  .strictObject({
    environments: environments.meta({
      description: 'The environments of this group, as app/environment',
      examples: [['api/production']],
    }),
  })
  .meta({
    description: 'The environments that only the workers with this name as --group release',
    examples: [{ environments: ['api/production'] }],
  })

export const workerGroupsSchema = z
  .record(
    text(/^[a-z][a-z0-9-]{0,62}$/, 'must be lower-case letters, digits and -, beginning with a letter'),
    workerGroupSchema,
  )
  .default({})
  .meta({
    description:
      'Groups of worker hosts. An environment belongs to at most one; the rest belong to workers without --group',
    examples: [{ 'production-net': { environments: ['api/production'] } }],
  })
