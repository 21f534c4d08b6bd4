import { documentHtml } from './document-html.ts'
import { documentMarkdown } from './document-markdown.ts'
import type { Evidence } from './evidence.ts'
import { evidenceDocument } from './evidence-document.ts'

/** The evidence for reading as text. It has all facts of the JSON bundle that a person reads. */
export function evidenceMarkdown(evidence: Evidence, exportedAt: Date): string {
  return documentMarkdown(evidenceDocument(evidence, exportedAt))
}

/** The same as one HTML page, for reading and printing. `scrub` goes over every text again. */
export function evidenceHtml(evidence: Evidence, exportedAt: Date, scrub: (text: string) => string): string {
  return documentHtml(evidenceDocument(evidence, exportedAt), scrub)
}
