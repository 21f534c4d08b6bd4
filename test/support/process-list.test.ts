import { type ChildProcess, spawn } from 'node:child_process'
import { afterEach, expect, it } from 'vitest'
import { type ProcessList, watchProcessList } from './process-list.ts'
import { eventually } from './waiting.ts'

const started: ChildProcess[] = []
let list: ProcessList | undefined
afterEach(async () => {
  await list?.stop()
  for (const child of started.splice(0)) child.kill('SIGKILL')
})

function shell(script: string, name: string): ChildProcess {
  const child = spawn('/bin/sh', ['-c', script, name], { stdio: ['pipe', 'ignore', 'ignore'] })
  started.push(child)
  return child
}

const has = (text: string) => [...(list?.lines ?? [])].some((line) => line.includes(text))

it('shows what a program starts, and what that starts when its parent has ended', async () => {
  list = watchProcessList()
  const orphan = 'while kill -0 $PPID; do sleep 0.02; done; sh -c "sleep 0.3; :" third'
  const parent = shell(`sh -c '${orphan}' second & read -r line`, 'first')
  list.add(parent.pid)
  await eventually(() => expect(has('second')).toBe(true))
  parent.stdin?.end()
  await eventually(() => expect(has('sleep 0.3; : third')).toBe(true))
})

it('does not show what another program has been started with', async () => {
  list = watchProcessList()
  shell('read -r line', 'postgresql://somebody:planted@127.0.0.1/elsewhere')
  const ours = shell('sh -c "sleep 0.3; :" ours', 'first')
  list.add(ours.pid)
  await eventually(() => expect(has('ours')).toBe(true))
  expect(has('planted')).toBe(false)
})
