/** What happens when the virtual clock has come to a moment. */
export interface Alarms {
  /** Gives how to call it off. */
  at(time: number, ring: () => void): () => void
  ring(now: number): void
  next(): number | undefined
}

export function createAlarms(): Alarms {
  const alarms = new Set<{ readonly time: number; readonly ring: () => void }>()
  return {
    at: (time, ring) => {
      const alarm = { time, ring }
      alarms.add(alarm)
      return () => void alarms.delete(alarm)
    },
    ring: (now) => {
      for (const alarm of [...alarms].filter(({ time }) => time <= now).sort((a, b) => a.time - b.time)) {
        alarms.delete(alarm)
        alarm.ring()
      }
    },
    next: () => (alarms.size === 0 ? undefined : Math.min(...[...alarms].map(({ time }) => time))),
  }
}
