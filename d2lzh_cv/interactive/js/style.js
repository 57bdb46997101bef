// The look of all figures. It applies inside a figure's shadow root only.

export const STYLE = `
:host {
  --paper: #ffffff; --wash: #f4f5f7; --line: #d5d9e0; --ink: #20242c; --soft: #5c6470;
  --blue: #2456d6; --red: #cf2f25; --green: #1f7f3b; --magenta: #a02fa0; --amber: #a86400; --mark: #ffe9b0;
  --focus: #2456d6; --ink-over-picture: #16191f; display: block; margin: 1em 0; color-scheme: light;
}
:host([data-theme="dark"]) {
  --paper: #1b1e24; --wash: #262a32; --line: #3f4651; --ink: #e6e9ee; --soft: #a4adba;
  --blue: #86a8ff; --red: #ff857a; --green: #6fcf8b; --magenta: #e08be0; --amber: #f0b35a; --mark: #5a4718;
  --focus: #9db8ff; color-scheme: dark;
}
* { box-sizing: border-box; }
.card {
  background: var(--paper); color: var(--ink); border: 1px solid var(--line); border-radius: 8px; padding: 12px 16px 16px;
  font: 14px/1.5 system-ui, -apple-system, "Segoe UI", "PingFang SC", "Noto Sans CJK SC", "Microsoft YaHei", sans-serif;
  font-variant-numeric: tabular-nums; max-width: 880px; text-align: start;
}
header { display: flex; align-items: baseline; gap: 12px; }
header strong { flex: 1; font-size: 15px; }
.hint { margin: 2px 0 12px; color: var(--soft); }
.body { display: flex; flex-wrap: wrap; gap: 16px 24px; align-items: flex-start; }
.stage { flex: 1 1 300px; max-width: 460px; min-width: 0; }
.panel { flex: 1 1 300px; min-width: 0; display: flex; flex-direction: column; gap: 10px; }
.wide { flex: 1 1 100%; min-width: 0; }
.scroll { overflow-x: auto; }
svg { display: block; width: 100%; height: auto; overflow: visible; }
svg text { font-family: inherit; font-variant-numeric: tabular-nums; fill: var(--ink); }
svg.clip { overflow: hidden; border-radius: 4px; }
svg.photo, g.photo { --paper: #ffffff; --ink: var(--ink-over-picture); --blue: #2456d6; --red: #d92b20; --green: #12803a; --magenta: #a02fa0; --amber: #c87800; }
button {
  font: inherit; color: var(--ink); background: var(--wash); border: 1px solid var(--line); border-radius: 6px;
  padding: 3px 10px; min-height: 30px; cursor: pointer;
}
button:disabled { color: var(--soft); opacity: .55; cursor: default; }
.language { border: 0; background: none; color: var(--blue); padding: 2px 6px; }
.slider { display: grid; grid-template-columns: 6.8em 1fr minmax(3em, auto); gap: 10px; align-items: center; }
.slider output { text-align: end; white-space: nowrap; }
input[type="range"] { width: 100%; min-width: 60px; margin: 0; height: 26px; accent-color: var(--blue); }
input[type="number"] {
  font: inherit; font-variant-numeric: tabular-nums; width: 100%; min-width: 0; padding: 2px 4px; text-align: end;
  color: var(--ink); background: var(--wash); border: 1px solid var(--line); border-radius: 4px; -moz-appearance: textfield;
}
input[type="number"]::-webkit-inner-spin-button { display: none; }
fieldset { border: 0; margin: 0; padding: 0; display: flex; flex-wrap: wrap; gap: 6px 10px; align-items: center; min-width: 0; }
legend { float: left; padding: 0; margin-inline-end: 4px; }
.choices { display: inline-flex; flex-wrap: wrap; border: 1px solid var(--line); border-radius: 6px; overflow: hidden; }
.choices label { position: relative; cursor: pointer; }
.choices label + label { border-inline-start: 1px solid var(--line); }
.choices input { position: absolute; inset: 0; opacity: 0; margin: 0; cursor: pointer; }
.choices span { display: block; padding: 3px 11px; background: var(--wash); }
.choices input:checked + span { background: var(--blue); color: var(--paper); }
.choices input:focus-visible + span { outline: 2px solid var(--focus); outline-offset: -3px; outline-color: currentColor; }
.steps { display: flex; gap: 8px; align-items: center; }
.steps .slider { flex: 1; grid-template-columns: 1fr auto; }
table { border-collapse: collapse; width: 100%; color: inherit; font: inherit; font-variant-numeric: inherit; }
th, td { padding: 2px 4px; text-align: end; border-bottom: 1px solid var(--line); white-space: nowrap; font-weight: 400; }
th { color: var(--soft); font-size: 12px; }
th:first-child, td:first-child { text-align: start; padding-inline-start: 0; }
.boxes th, .boxes td { padding: 3px; border: 0; }
.boxes td { min-width: 46px; }
.big { font-size: 22px; line-height: 1.2; }
.row { display: flex; flex-wrap: wrap; gap: 4px 18px; align-items: baseline; }
.row > span { white-space: nowrap; }
.label { color: var(--soft); }
.note { margin: 0; padding: 7px 10px; background: var(--wash); border-radius: 6px; min-height: 36px; }
.chip { display: inline-block; width: 10px; height: 10px; border-radius: 2px; margin-inline-end: 6px; background: currentColor; }
.ink .chip { background: var(--ink-over-picture); outline: 1px solid var(--line); }
.blue { color: var(--blue); } .red { color: var(--red); } .green { color: var(--green); }
.magenta { color: var(--magenta); } .amber { color: var(--amber); } .ink { color: var(--ink); } .soft { color: var(--soft); }
td.now { background: var(--mark); font-weight: 600; } td.gone, th.gone { color: var(--soft); opacity: .55; text-decoration: line-through; }
tr.off td { color: var(--soft); }
.box { fill: currentColor; fill-opacity: .1; stroke: currentColor; stroke-width: 2; cursor: move; touch-action: none; }
.corner { fill: var(--paper); stroke: currentColor; stroke-width: 2; touch-action: none; pointer-events: none; }
.grip { fill: transparent; touch-action: none; }
.outline { fill: none; stroke: currentColor; stroke-width: 2; }
.thin { stroke-width: 1; } .dashed { stroke-dasharray: 4 3; }
.tag rect { fill: currentColor; } .tag text { fill: var(--paper); font-size: 12px; }
.cell { stroke: var(--line); stroke-width: 1; fill: var(--paper); }
.number { font-size: 13px; text-anchor: middle; dominant-baseline: central; }
.small { font-size: 11px; } .tiny { font-size: 9px; }
.grid { stroke: var(--line); stroke-width: 1; fill: none; }
.over { stroke: #ffffff; stroke-opacity: .55; stroke-width: 1; fill: none; }
:focus-visible { outline: 2px solid var(--focus); outline-offset: 2px; }
svg :focus { outline: none; } svg .box:focus-visible { stroke-width: 4; }
svg .grip:focus-visible + .corner { fill: currentColor; stroke-width: 5; }
@media (max-width: 480px) {
  .card { padding: 10px 12px 12px; } .body { gap: 14px; } .panel { flex-basis: 100%; }
  table { font-size: 12px; } th, td { padding: 2px; } th { font-size: 10px; } td.words { white-space: normal; }
}
@media (pointer: coarse) { button { min-height: 36px; } input[type="range"] { height: 34px; } input[type="number"] { font-size: 16px; } }
`;
