import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { createLineReader } from '../../src/lib/lines.ts'
import { type GroupCall, type GroupEnded, runInGroup } from '../../src/lib/process-group.ts'

const PATH = process.env.PATH ?? '/usr/bin:/bin'

/** Runs a shell program; returns how it ended, its lines and its duration. */
async function run(
  script: string,
  options: Partial<GroupCall> & { onLine?: (line: string) => void } = {},
): Promise<GroupEnded & { stdout: string[]; stderr: string[]; ms: number }> {
  const { onLine = () => {}, ...call } = options
  const [stdout, stderr]: [string[], string[]] = [[], []]
  const into = (lines: string[]) =>
    createLineReader(
      (line) => {
        lines.push(line)
        onLine(line)
      },
      { longest: 1000, breaks: '\n' },
    )
  const started = performance.now()
  const ended = await runInGroup({
    command: ['/bin/sh', '-c', script],
    directory: '/',
    environment: { PATH },
    stdout: into(stdout),
    stderr: into(stderr),
    timeoutMs: 30_000,
    graceMs: 10_000,
    orphanMs: 10_000,
    ...call,
  })
  return { ...ended, stdout, stderr, ms: performance.now() - started }
}

/** Starts a shell script in a session of its own whose parent has ended, and prints its pid. It keeps standard output. */
const DETACH = `python3 -c 'import os, sys
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        print("pid", os.getpid(), flush=True)
        os.execl("/bin/sh", "sh", "-c", sys.argv[1])
    os._exit(0)
os.wait()'`

/** Zombies don't count as running. */
async function isRunning(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  return /^[^ZX]$/.test(stat.slice(stat.lastIndexOf(')') + 2)[0] ?? 'X')
}

const pidsIn = (lines: readonly string[]) => lines.flatMap((line) => /^pid (\d+)$/.exec(line)?.[1] ?? []).map(Number)

async function expectNothingRuns(lines: readonly string[], count: number): Promise<void> {
  const pids = pidsIn(lines)
  expect(pids).toHaveLength(count)
  const left: number[] = []
  for (const pid of pids) if (await isRunning(pid)) left.push(pid)
  for (const pid of left) process.kill(pid, 'SIGKILL')
  expect(left).toEqual([])
}

describe('a program in its own process group', () => {
  it('gets its directory, its environment and no standard input, and returns its lines and exit code', async () => {
    const ended = await run('pwd; env | sort; cat; echo said >&2; exit 3', { environment: { PATH, ONLY: 'this' } })
    expect(ended).toMatchObject({ started: true, exitCode: 3, stderr: ['said'] })
    expect(ended).not.toHaveProperty('stopped')
    // The shell itself adds PWD and the like.
    expect(ended.stdout.filter((line) => !/^(_|OLDPWD|PWD|SHLVL)=/.test(line))).toEqual([
      '/',
      'ONLY=this',
      `PATH=${PATH}`,
    ])
  })

  it('gets its standard input', async () => {
    const input = `${'x'.repeat(900)}\n`.repeat(300)
    expect(await run('cat | wc -c | tr -d " "', { input })).toMatchObject({ exitCode: 0, stdout: ['270300'] })
    expect(await run('exit 0', { input })).toMatchObject({ started: true, exitCode: 0 })
  })

  it('that does not exist, or whose directory does not, is not started', async () => {
    expect(await run('', { command: ['/nonexistent/program'] })).toMatchObject({ started: false, error: 'ENOENT' })
    expect(await run('true', { directory: '/nonexistent' })).toMatchObject({ started: false, error: 'ENOENT' })
  })

  it('is not started when the signal has already aborted', async () => {
    const ended = await run('echo started', { signal: AbortSignal.abort() })
    expect(ended).toMatchObject({ started: false, stdout: [] })
    expect(ended).not.toHaveProperty('error')
  })

  it('is terminated with its child processes when the signal aborts', async () => {
    const stop = new AbortController()
    const ended = await run('sleep 300 & printf "pid %d\\npid %d\\n" $! $$; wait', {
      signal: stop.signal,
      onLine: () => stop.abort(),
    })
    expect(ended).toMatchObject({ started: true, exitCode: undefined, stopped: 'aborted' })
    expect(ended.ms).toBeLessThan(9_000)
    await expectNothingRuns(ended.stdout, 2)
  })

  it('is terminated at the timeout, and may shut down cleanly', async () => {
    const ended = await run('trap "echo tidied; exit 7" TERM; echo pid $$; while :; do sleep 0.05; done', {
      timeoutMs: 500,
    })
    expect(ended).toMatchObject({ started: true, exitCode: 7, stopped: 'timed out' })
    expect(ended.stdout).toContain('tidied')
    await expectNothingRuns(ended.stdout, 1)
  })

  it('is killed with its child processes when it does not end', async () => {
    const ended = await run("trap '' TERM; (while :; do sleep 0.05; done) & echo pid $!; echo pid $$; wait; wait", {
      timeoutMs: 300,
      graceMs: 300,
    })
    expect(ended).toMatchObject({ started: true, exitCode: undefined, stopped: 'timed out' })
    await expectNothingRuns(ended.stdout, 2)
  })

  it('leaves nothing behind when it ends by itself', async () => {
    const holding = await run('sleep 300 & echo pid $!; exit 0', { orphanMs: 100 })
    expect(holding).toMatchObject({ started: true, exitCode: 0 })
    expect(holding).not.toHaveProperty('stopped')
    await expectNothingRuns(holding.stdout, 1)
    // Nothing waits for a child that has closed its output.
    const silent = await run('sleep 300 >/dev/null 2>&1 </dev/null & echo pid $!; exit 0')
    expect(silent).toMatchObject({ started: true, exitCode: 0 })
    expect(silent.ms).toBeLessThan(9_000)
    await expectNothingRuns(silent.stdout, 1)
    const stubborn = "(trap '' TERM; while :; do sleep 0.05; done) >/dev/null 2>&1 </dev/null & echo pid $!; sleep 0.1"
    const killed = await run(stubborn, { graceMs: 300 })
    expect(killed).toMatchObject({ started: true, exitCode: 0 })
    await expectNothingRuns(killed.stdout, 1)
  })

  it('lets its child processes finish, and reads their output', async () => {
    const ended = await run('(sleep 0.3; echo late) & exit 0')
    expect(ended).toMatchObject({ exitCode: 0, stdout: ['late'] })
  })

  it('that another signal ended was not stopped by us', async () => {
    const ended = await run('kill -9 $$')
    expect(ended).toMatchObject({ started: true, exitCode: undefined })
    expect(ended).not.toHaveProperty('stopped')
  })

  it('is ended when a reader throws, and the error is rethrown', async () => {
    const lines: string[] = []
    const taking = run('echo pid $$; sleep 300', {
      onLine: (line) => {
        lines.push(line)
        throw new Error('not taken')
      },
    })
    await expect(taking).rejects.toThrow('not taken')
    await expectNothingRuns(lines, 1)
  })

  it('does not wait for zombies', async () => {
    // Adds a process to the group whose parent is outside it and never reaps it.
    const program = `
      $| = 1;
      my $group = getpgrp(0);
      my $outside = fork;
      if (!$outside) {
        setpgrp(0, 0);
        open(STDOUT, '>', '/dev/null');
        open(STDERR, '>', '/dev/null');
        if (!fork) { setpgrp(0, $group); exit }
        sleep 300;
      }
      print "pid $outside\\n";
      select(undef, undef, undef, 0.5)`
    const ended = await run('', { command: ['perl', '-e', program], graceMs: 5_000 })
    try {
      expect(ended).toMatchObject({ started: true, exitCode: 0, stderr: [] })
      expect(ended.ms).toBeLessThan(4_000)
    } finally {
      for (const pid of pidsIn(ended.stdout)) process.kill(pid, 'SIGKILL')
    }
  })

  it('M18: ends in bounded time when a process in a session of its own keeps its output', async () => {
    const ended = await run(`${DETACH} 'sleep 300'; echo done; exit 3`, { orphanMs: 100 })
    const [pid = 0] = pidsIn(ended.stdout)
    try {
      expect(ended).toMatchObject({ started: true, exitCode: 3 })
      expect(ended).not.toHaveProperty('stopped')
      expect(ended.stdout).toContain('done')
      expect(ended.ms).toBeLessThan(12_000)
      // Nothing marks it as ours: it is let go, not waited for.
      expect(await isRunning(pid)).toBe(true)
    } finally {
      process.kill(pid, 'SIGKILL')
    }
  })

  it('M18: is stopped in bounded time although such a process keeps its output', async () => {
    const stop = new AbortController()
    const ended = await run(`${DETACH} 'sleep 300'; sleep 300`, {
      signal: stop.signal,
      onLine: () => stop.abort(),
    })
    process.kill(pidsIn(ended.stdout)[0] ?? 0, 'SIGKILL')
    expect(ended).toMatchObject({ started: true, exitCode: undefined, stopped: 'aborted' })
    expect(ended.ms).toBeLessThan(12_000)
  })

  it('M18: takes along, by what its environment has, processes that have left its group', async () => {
    const mark = `HOME=/nowhere/${process.pid}`
    const again = `${DETACH} 'trap "" TERM; while :; do sleep 0.05; done'`
    for (const script of [`${again}; exit 0`, `${again}; exec >/dev/null 2>&1; sleep 300`]) {
      const stop = new AbortController()
      const ended = await run(script, {
        environment: { PATH, HOME: `/nowhere/${process.pid}` },
        leftovers: { environmentHas: mark },
        orphanMs: 0,
        signal: stop.signal,
        onLine: () => script.endsWith('sleep 300') && stop.abort(),
        graceMs: 300,
      })
      expect(ended.started).toBe(true)
      await expectNothingRuns(ended.stdout, 1)
    }
  })

  it('M18: takes nothing along whose environment has only something like it', async () => {
    const other = execFile('/bin/sleep', ['300'], { env: { HOME: '/nowhere/10' } })
    try {
      await run('exit 0', {
        environment: { PATH, HOME: '/nowhere/1' },
        leftovers: { environmentHas: 'HOME=/nowhere/1' },
      })
      expect(await isRunning(other.pid ?? 0)).toBe(true)
    } finally {
      other.kill('SIGKILL')
    }
  })

  it('is killed when the process that runs it exits', async () => {
    const module = new URL('../../src/lib/process-group.ts', import.meta.url).href
    const { stdout } = await promisify(execFile)(process.execPath, [
      '--input-type=module',
      '-e',
      `const { runInGroup } = await import(${JSON.stringify(module)})
       const reader = { add: (text) => { process.stdout.write(text, () => process.exit(0)) }, end() {} }
       runInGroup({
         command: ['/bin/sh', '-c', 'trap "" TERM; echo pid $$; while :; do sleep 0.05; done'], directory: '/',
         environment: { PATH: process.env.PATH }, stdout: reader, stderr: reader,
         timeoutMs: 30000, graceMs: 30000, orphanMs: 30000,
       })
       setTimeout(() => {}, 30000)`,
    ])
    const lines = stdout.split('\n')
    await sleep(100)
    await expectNothingRuns(lines, 1)
  })
})
