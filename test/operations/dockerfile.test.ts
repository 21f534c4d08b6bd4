import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { startHealthServer } from '../../src/operations/health.ts'

const root = new URL('../../', import.meta.url)
const text = (name: string) => readFileSync(new URL(name, root), 'utf8')

interface Instruction {
  readonly word: string
  readonly rest: string
}

/** The instructions of each stage, comments left out and continued lines joined. */
function stagesOf(dockerfile: string): readonly (readonly Instruction[])[] {
  const lines = dockerfile
    .split('\n')
    .filter((line) => !line.trimStart().startsWith('#'))
    .join('\n')
    .replaceAll('\\\n', ' ')
    .split('\n')
    .filter((line) => line.trim() !== '')
  const stages: Instruction[][] = []
  for (const line of lines) {
    const [word = '', ...rest] = line.trim().split(/\s+/)
    if (word === 'FROM') stages.push([])
    stages.at(-1)?.push({ word, rest: rest.join(' ') })
  }
  return stages
}

const stages = stagesOf(text('Dockerfile'))
const last = stages.at(-1) ?? []
const only = (word: string) => {
  const found = last.filter((instruction) => instruction.word === word)
  expect(found).toHaveLength(1)
  return found[0]?.rest ?? ''
}

describe('the Dockerfile', () => {
  it('builds on Node 24 and Debian bookworm, of the same kind in each stage', () => {
    const bases = stages.map(([from]) => from?.rest.split(' ')[0])
    expect(bases.length).toBeGreaterThan(1)
    expect(new Set(bases)).toEqual(new Set(['node:24-bookworm-slim']))
  })

  it('is for the Node.js that tools take from .node-version, and npm scripts from package.json', () => {
    const version = text('.node-version').trim()
    expect(version).toMatch(/^24\./)
    expect((JSON.parse(text('package.json')) as { devDependencies: { node: string } }).devDependencies.node).toBe(
      version,
    )
  })

  it('copies only what is there and is sent', () => {
    const sent = text('.dockerignore')
      .split('\n')
      .filter((line) => line.startsWith('!'))
      .map((line) => line.slice(1))
    const sources = stages.flat().flatMap(({ word, rest }) => {
      const words = rest.split(' ')
      return word !== 'COPY' || words[0]?.startsWith('--from') ? [] : words.slice(0, -1)
    })
    expect(sources).toContain('src')
    for (const source of sources) {
      expect(existsSync(new URL(source, root)), source).toBe(true)
      expect(sent).toContain(source)
    }
  })

  it('installs from the lock file without development’s packages, and copies them on', () => {
    expect(stages[0]).toContainEqual({ word: 'RUN', rest: expect.stringMatching(/^npm ci --omit=dev\b/) })
    expect(last).toContainEqual({ word: 'COPY', rest: '--from=modules /app/node_modules ./node_modules' })
  })

  it('brings what the worker calls', () => {
    const installed = last.find(({ rest }) => rest.includes('apt-get install'))?.rest ?? ''
    for (const name of ['git', 'alembic', 'bubblewrap', 'python3-psycopg2', 'ca-certificates'])
      expect(installed).toContain(` ${name} `)
  })

  it('makes the embedded store ready by a program that runs', async () => {
    const [, program = 'throw new Error()'] =
      last
        .map(({ word, rest }) => (word === 'RUN' ? /^node --input-type=module --eval "(.*)"$/.exec(rest) : null))
        .find(Boolean) ?? []
    await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', program], { cwd: root, env: {} })
  })

  it('starts the command line, as a user that is not root, with its data in a volume of that user', () => {
    expect(JSON.parse(only('ENTRYPOINT'))).toEqual(['node', '/app/bin/signoff.js'])
    expect(JSON.parse(only('CMD'))).toEqual(['start'])
    expect(existsSync(new URL('bin/signoff.js', root))).toBe(true)
    expect(only('WORKDIR')).toBe('/app')
    const user = only('USER')
    expect(['', 'root', '0']).not.toContain(user)
    const made = last.findIndex(({ rest }) => rest.startsWith('useradd ') && rest.includes(` ${user} `))
    expect(made).toBeGreaterThan(-1)
    expect(last[made]?.rest).toContain(`--owner=${user} --group=${user} --mode=0700 /data`)
    expect(last.findIndex(({ word }) => word === 'USER')).toBeGreaterThan(made)
    expect(JSON.parse(only('VOLUME'))).toEqual(['/data'])
    expect(only('ENV')).toMatch(/\bDATA_DIR=\/data\b/)
  })

  it('holds no secret', () => {
    for (const { word, rest } of stages.flat()) {
      if (word === 'ENV' || word === 'ARG') expect(rest).not.toMatch(/TOKEN|SECRET|KEY|PASSWORD|STORE_URL/)
    }
  })

  it('is healthy exactly while /healthz answers well', async () => {
    const [, list = '[]'] = /CMD (\[.*\])$/.exec(only('HEALTHCHECK')) ?? []
    const [program, ...args] = JSON.parse(list) as string[]
    expect(program).toBe('node')
    const check = async (port: number, env: Record<string, string> = { PORT: String(port) }) => {
      try {
        await promisify(execFile)(process.execPath, args, { env })
        return 0
      } catch (error) {
        return error instanceof Error && 'code' in error ? error.code : undefined
      }
    }
    const server = await startHealthServer({ port: 0, ready: async () => ({ store: 'The store does not answer.' }) })
    expect(await check(server.port)).toBe(0)
    // O13: with a port of their own, health and metrics are not at PORT.
    expect(await check(server.port, { PORT: '1', HEALTH_PORT: String(server.port) })).toBe(0)
    await server.close()
    expect(await check(server.port)).toBe(1)

    const sick = createServer((_, response) => response.writeHead(500).end())
    await new Promise<void>((resolve) => sick.listen(0, resolve))
    const address = sick.address()
    expect(await check(typeof address === 'object' && address !== null ? address.port : 0)).toBe(1)
    await new Promise((resolve) => sick.close(resolve))
  })
})

describe('the seccomp profile for an isolated worker', () => {
  const profile = JSON.parse(text('docs/operations/seccomp.json')) as {
    defaultAction: string
    syscalls: { names: string[]; action: string }[]
  }
  const denied = profile.syscalls.flatMap(({ names, action }) => (action === 'SCMP_ACT_ERRNO' ? names : []))

  it('lets bubblewrap do what it does', () => {
    expect(profile.defaultAction).toBe('SCMP_ACT_ALLOW')
    const used = ['clone', 'unshare', 'mount', 'umount2', 'pivot_root', 'capset', 'prctl', 'chdir', 'fchdir', 'execve']
    expect(denied.filter((name) => used.includes(name))).toEqual([])
  })

  it('denies what reaches beyond namespaces and mounts', () => {
    const dangerous = ['bpf', 'setns', 'ptrace', 'open_by_handle_at', 'init_module', 'kexec_load', 'keyctl', 'reboot']
    expect(denied).toEqual(expect.arrayContaining([...dangerous, 'userfaultfd', 'io_uring_setup', 'move_mount']))
    // The C library falls back to clone only where clone3 is said to be missing.
    expect(profile.syscalls).toContainEqual({ names: ['clone3'], action: 'SCMP_ACT_ERRNO', errnoRet: 38 })
  })

  it('is named with the other options where the image is described', () => {
    for (const option of ['seccomp=docs/operations/seccomp.json', 'systempaths=unconfined', 'apparmor=unconfined'])
      expect(text('docs/security.md')).toContain(`--security-opt ${option}`)
  })
})

describe('the licence', () => {
  it('is MIT, as package.json says', () => {
    expect(text('LICENSE')).toMatch(/^MIT License\n\nCopyright \(c\) \d{4} The Signoff authors\n/)
    expect(JSON.parse(text('package.json'))).toMatchObject({ license: 'MIT' })
  })
})
