/** The look of an exported document, on a screen and on A4 paper. */
export const DOCUMENT_STYLE = `
:root { color-scheme: light; --ink: #1b1f24; --soft: #57606a; --line: #d8dee4; --good: #1a7f37; --attention: #9a6700;
  --bad: #cf222e; --plain: #57606a; }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2rem 1.5rem 3rem; max-width: 58rem; color: var(--ink); background: #fff;
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
h1 { margin: 0; font-size: 1.7rem; line-height: 1.2; overflow-wrap: anywhere; }
header p { margin: .2rem 0 1.2rem; color: var(--soft); }
h2 { margin: 1.8rem 0 .5rem; font-size: 1.1rem; border-bottom: 1px solid var(--line); padding-bottom: .2rem; }
h3 { margin: 1.2rem 0 .3rem; font-size: 1rem; overflow-wrap: anywhere; }
p { margin: .3rem 0; overflow-wrap: anywhere; }
a { color: #0550ae; }
.statements { list-style: none; margin: 0; padding: 0; display: grid; gap: .5rem; }
.statements li { display: grid; grid-template-columns: 1em 9.5rem 1fr; gap: .7rem; padding: .55rem .8rem; border: 1px solid var(--line); border-radius: 6px;
  border-left: 5px solid var(--tone); }
.statements p, .statements b { margin: 0; }
time { white-space: nowrap; }
.mark { color: var(--tone); font-weight: 700; width: 1em; text-align: center; }
.good { --tone: var(--good); } .attention { --tone: var(--attention); } .bad { --tone: var(--bad); }
.plain { --tone: var(--plain); }
dl { display: grid; grid-template-columns: 10.5rem 1fr; gap: .25rem 1rem; margin: .3rem 0; }
dt { color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; min-width: 0; }
ul { margin: .3rem 0; padding-left: 1.3rem; }
li { overflow-wrap: anywhere; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .92em; font-variant-numeric: tabular-nums; }
th { text-align: left; color: var(--soft); font-weight: 600; white-space: nowrap; }
th, td { padding: .25rem .8rem .25rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
td { overflow-wrap: break-word; }
td:first-child { white-space: nowrap; }
code, pre { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: .86em; }
code { overflow-wrap: anywhere; }
pre { margin: .4rem 0; padding: .6rem .8rem; background: #f6f8fa; border-radius: 6px; white-space: pre-wrap;
  overflow-wrap: anywhere; }
nav { margin-top: 1.8rem; color: var(--soft); font-size: .92em; }
footer { margin-top: 2.5rem; padding-top: .6rem; border-top: 1px solid var(--line); color: var(--soft); font-size: .9em; }
@media (max-width: 40rem) {
  body { padding: 1rem .8rem 2rem; }
  .statements li { grid-template-columns: 1em 1fr; } .statements p { grid-column: 2; }
  dl { grid-template-columns: 1fr; gap: 0; } dd { margin-bottom: .5rem; }
}
@page { size: A4; margin: 14mm 15mm 16mm; @bottom-right { content: counter(page) " of " counter(pages);
  font: 8pt system-ui, sans-serif; color: #57606a; } }
@media print {
  body { max-width: none; padding: 0; font-size: 8.6pt; line-height: 1.35; }
  h1 { font-size: 17pt; } h2 { margin: 9pt 0 3pt; font-size: 10.5pt; padding-bottom: 1pt; }
  h3 { margin: 6pt 0 1pt; font-size: 9pt; } p { margin: 2pt 0; } ul { margin: 2pt 0; }
  dl { grid-template-columns: 78pt 1fr; gap: 1pt 8pt; margin: 2pt 0; } th, td { padding: 1.2pt 7pt 1.2pt 0; }
  h2, h3 { break-after: avoid; } tr, .statements li, dt, dd { break-inside: avoid; } thead { display: table-header-group; }
  header p { margin-bottom: 8pt; }
  .statements { gap: 4pt; } .statements li { padding: 3pt 7pt; grid-template-columns: 8pt 88pt 1fr; gap: 5pt; }
  nav { display: none; } .details { break-before: page; } .details > section:first-child h2 { margin-top: 0; }
  .wide { overflow: visible; } pre { padding: 5pt 7pt; font-size: 7pt; } a { color: inherit; }
  footer { margin-top: 14pt; break-inside: avoid; }
}
`.trim()
