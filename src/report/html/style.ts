/** How the page looks, on a screen and on paper: everything is in it, and its digest is in the page's policy. */
import { createHash } from 'node:crypto';

/** The style sheet. */
export const style = `
:root { color-scheme: light dark; --text: #1b1f24; --quiet: #57606a; --page: #fff; --panel: #f6f8fa; --line: #d0d7de;
  --good: #1a7f37; --same: #0969da; --warn: #9a6700; --bad: #cf222e; --none: #6e7781; }
@media (prefers-color-scheme: dark) { :root { --text: #e6edf3; --quiet: #9198a1; --page: #0d1117; --panel: #161b22;
  --line: #3d444d; --good: #3fb950; --same: #4493f8; --warn: #d29922; --bad: #f85149; --none: #9198a1; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 76rem; padding: 2rem 1.25rem 4rem; background: var(--page); color: var(--text);
  font: 16px/1.5 system-ui, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", sans-serif; overflow-wrap: break-word; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .3rem; }
h2 { font-size: 1.3rem; margin: 2.2rem 0 .6rem; padding-bottom: .2rem; border-bottom: 2px solid var(--line); }
h3 { font-size: 1.05rem; margin: 1.2rem 0 .4rem; }
p, ul { margin: .4rem 0; } ul { padding-left: 1.3rem; }
.quiet { color: var(--quiet); } .nowrap { white-space: nowrap; }
.box { border: 1px solid var(--line); border-left: .5rem solid var(--none); background: var(--panel);
  padding: .8rem 1.1rem; margin: 1.2rem 0; border-radius: .3rem; }
.box h2 { border: 0; margin: 0 0 .3rem; padding: 0; }
.box.good { border-left-color: var(--good); } .box.warn { border-left-color: var(--warn); }
.box.bad { border-left-color: var(--bad); }
.columns { display: grid; align-items: start; gap: 0 2rem; grid-template-columns: repeat(auto-fit, minmax(18rem, 1fr)); }
.sum { font-variant-numeric: tabular-nums; font-size: 1.05rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; margin: .5rem 0 1rem; }
caption { text-align: left; font-weight: 600; padding: .3rem 0; }
th, td { text-align: left; vertical-align: top; padding: .3rem .6rem .3rem 0; border-bottom: 1px solid var(--line); }
thead th { border-bottom: 2px solid var(--line); white-space: nowrap; overflow-wrap: normal; }
th.n, td.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
tbody th { font-weight: 500; overflow-wrap: anywhere; min-width: 7rem; } tfoot td, tfoot th { font-weight: 700; border-bottom: 0; }
td.text { min-width: 12rem; overflow-wrap: anywhere; } td.id { min-width: 6rem; overflow-wrap: anywhere; }
code { font: .9em ui-monospace, "Cascadia Mono", "DejaVu Sans Mono", monospace; }
.mark { font-weight: 600; } .mark.good { color: var(--good); } .mark.warn { color: var(--warn); }
.mark.bad { color: var(--bad); } .mark.same { color: var(--same); } .mark.none { color: var(--quiet); }
.bars td, .bars th { border: 0; padding: .12rem .6rem .12rem 0; } .bars th { white-space: nowrap; }
.bars td.bar { width: 60%; vertical-align: middle; }
svg { display: block; width: 100%; height: .95rem; }
figure { margin: 1rem 0; } figcaption { font-weight: 600; font-size: .9rem; padding: .3rem 0; }
svg.columns-chart { height: 8rem; border-bottom: 1px solid var(--none); }
.ends { display: flex; justify-content: space-between; font-size: .85rem; }
rect.track { fill: var(--line); opacity: .5; }
rect.good { fill: var(--good); } rect.same { fill: var(--same); } rect.warn { fill: var(--warn); }
rect.bad { fill: var(--bad); } rect.none { fill: var(--none); }
details { margin: .5rem 0; } summary { cursor: pointer; font-weight: 600; padding: .3rem 0; }
summary:focus-visible, .wide:focus-visible { outline: 3px solid var(--same); outline-offset: 2px; }
.sign { display: grid; grid-template-columns: repeat(3, 1fr); gap: 2rem; margin-top: 3.5rem; }
.sign p { border-top: 1px solid var(--text); padding-top: .3rem; }
@media print {
  :root { color-scheme: light; --text: #000; --quiet: #333; --page: #fff; --panel: #fff; --line: #999; --good: #1a7f37;
    --same: #0550ae; --warn: #7d4e00; --bad: #a40e26; --none: #57606a; }
  @page { margin: 15mm 12mm; }
  body { max-width: none; padding: 0; font-size: 10pt; } h1 { font-size: 18pt; } h2 { font-size: 13pt; break-after: avoid; }
  h3, caption, thead { break-after: avoid; } tr, .box, .sign { break-inside: avoid; } thead { display: table-header-group; }
  .wide { overflow: visible; } table { font-size: 8pt; } details::details-content { content-visibility: visible; display: block; }
  summary { list-style: none; }
}
`;

/** The policy of the page: nothing from anywhere, no script, this style sheet and no other. */
export function contentPolicy(): string {
  const digest = createHash('sha256').update(style).digest('base64');
  return `default-src 'none'; style-src 'sha256-${digest}'; base-uri 'none'; form-action 'none'`;
}
