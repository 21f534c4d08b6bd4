import type { Sandbox } from './sandbox.ts'
export async function startPage(_sandbox: Sandbox, port: number): Promise<{ url: string; close(): Promise<void> }> {
  return { url: `http://localhost:${port}`, async close() {} }
}
