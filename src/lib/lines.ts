/** Receives a stream's text in chunks of any length. */
export interface TextReader {
  add(text: string): void
  /** The stream has ended. */
  end(): void
}

/**
 * Splits text at `breaks` and calls `onLine` with each line, without its break or a "\r" before it, truncated to `longest`
 * characters. `add` and `end` throw what `onLine` throws.
 */
export function createLineReader(
  onLine: (line: string) => void,
  { longest, breaks }: { longest: number; breaks: string | RegExp },
): TextReader {
  let parts: string[] = []
  let length = 0
  // Only the new chunk is searched for breaks: searching the whole line again for every chunk would take quadratic time.
  const append = (text: string) => {
    if (length < longest) parts.push(text.slice(0, longest - length))
    length += text.length
  }
  const emitLine = () => {
    const line = parts.join('')
    parts = []
    length = 0
    onLine(line.endsWith('\r') ? line.slice(0, -1) : line)
  }
  return {
    add(text) {
      const [first = '', ...others] = text.split(breaks)
      append(first)
      for (const other of others) {
        emitLine()
        append(other)
      }
    },
    end() {
      if (length > 0) emitLine()
    },
  }
}
