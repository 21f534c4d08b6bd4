/** Takes text as it comes, in pieces of any length. */
export interface TextReader {
  add(text: string): void
  /** There is no more. */
  end(): void
}

/**
 * Cuts text into lines at `breaks` and gives each without its break, with "\r\n" as one. Of a line that is longer than
 * `longest` characters it gives the beginning. What `onLine` throws, `add` and `end` throw.
 */
export function createLineReader(
  onLine: (line: string) => void,
  { longest, breaks }: { longest: number; breaks: string | RegExp },
): TextReader {
  let parts: string[] = []
  let length = 0
  // Only what has just come is searched: to search a line of many pieces again with each would take quadratic time.
  const keep = (text: string) => {
    if (length < longest) parts.push(text.slice(0, longest - length))
    length += text.length
  }
  const give = () => {
    const line = parts.join('')
    parts = []
    length = 0
    onLine(line.endsWith('\r') ? line.slice(0, -1) : line)
  }
  return {
    add(text) {
      const [first = '', ...others] = text.split(breaks)
      keep(first)
      for (const other of others) {
        give()
        keep(other)
      }
    },
    end() {
      if (length > 0) give()
    },
  }
}
