/** What any app in Socket Mode does at least: acknowledge each envelope when it arrives. bare-ws.ts <Slack's API> */
import { WebSocket } from 'ws'

const [api = ''] = process.argv.slice(2)
const opened = await fetch(new URL('apps.connections.open', api), { method: 'POST' })
const { url } = (await opened.json()) as { url: string }
const socket = new WebSocket(url)
socket.on('message', (data) => {
  const { envelope_id: id, type } = JSON.parse(String(data)) as { envelope_id?: string; type?: string }
  if (type === 'hello') console.log('connected')
  if (id !== undefined) socket.send(JSON.stringify({ envelope_id: id }))
})
