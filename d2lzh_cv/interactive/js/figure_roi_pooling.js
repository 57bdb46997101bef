// Section 9.8: a region of the picture pooled to a grid, with and without rounding.
import { WIDTH, el, mount, rectangle, shown, svg, table, value } from "./core.js";
import { roiAlign, roiPooling, roundedRegion } from "./regions.js";

const SCALE = 0.1; // a unit of the map is 10 pixels

function exampleMap(side) {
  if (side === 4) return [0, 1, 2, 3].map((row) => [0, 1, 2, 3].map((column) => 4 * row + column));
  const hill = (row, column, y, x, wide) => Math.exp(-((row - y) ** 2 + (column - x) ** 2) / wide);
  return Array.from({ length: side }, (_, row) => Array.from({ length: side }, (_unused, column) =>
    Math.round(60 * hill(row, column, 2, 2.5, 3) + 40 * hill(row, column, 5.5, 5, 5))));
}

mount("roi_pooling", ["兴趣区域池化层", "Region of interest pooling"],
  ["拖动区域：看它怎样取整，每个输出来自哪些单元。点选一个输出。", "Drag the region. See how it is rounded and which units each output comes from; choose an output."], (fig) => {
    fig.start({ side: "4", out: 2, layer: "pooling", chosen: 0, region: [0, 0, 20, 20] });
    const state = fig.state, side = Number(state.side), size = side * 10, map = exampleMap(side), limit = [-10, -10, size + 10, size + 10];
    state.region.forEach((one, i) => { state.region[i] = Math.min(Math.max(one, limit[i % 2]), limit[2 + (i % 2)]); });
    const span = size + 24, stage = fig.stage(span, span, ["特征图和区域", "feature map and region"], null), unit = 10 * stage.scale[0];
    const group = svg("g", { transform: `translate(${12 * stage.scale[0]} ${12 * stage.scale[0]})` }), largest = Math.max(...map.flat());
    let bins = [], rounded = [];
    fig.limits.push(() => {
      const shape = [state.out, state.out], pool = state.layer === "pooling" ? roiPooling : roiAlign;
      rounded = roundedRegion(state.region, SCALE);
      bins = pool(map, state.region, SCALE, shape).flat();
      state.chosen = Math.min(state.chosen, bins.length - 1);
    });
    stage.node.append(group);
    group.append(fig.live(svg("g"), () => {
      const bin = bins[state.chosen], pooling = state.layer === "pooling";
      const covers = (r, c) => pooling && r >= bin.rows[0] && r < bin.rows[1] && c >= bin.columns[0] && c < bin.columns[1];
      const cells = map.map((row, r) => row.map((one, c) => {
        const isMaximum = pooling && bin.place?.[0] === r && bin.place[1] === c;
        return [svg("rect", { class: "cell", x: c * unit, y: r * unit, width: unit, height: unit, style: covers(r, c) ? "fill: var(--mark)" : `fill: color-mix(in srgb, var(--blue) ${Math.round((one / largest) * 28)}%, var(--paper))` }),
                svg("text", { class: "number", x: (c + 0.5) * unit, y: (r + 0.5) * unit, "data-name": "map", "data-value": one, "font-weight": isMaximum ? 700 : 400, style: isMaximum ? "fill: var(--red)" : "" }, String(one))];
      }));
      const grid = rectangle([rounded[0], rounded[1], rounded[2] + 1, rounded[3] + 1], [unit, unit], { class: "outline amber", "stroke-dasharray": "6 4", style: "stroke-width: 3" });
      const points = pooling ? grid : bins.map((one, i) => one.points.map(([x, y]) => svg("circle", { cx: (x + 0.5) * unit, cy: (y + 0.5) * unit, r: i === state.chosen ? 4 : 2.2, fill: i === state.chosen ? "var(--red)" : "var(--amber)" })));
      return [cells, points];
    }));
    fig.box(group, state.region, { scale: stage.scale, color: "blue", label: fig.t(["区域", "region"]), limit });

    const coordinates = fig.live(el("div"), () => table(["", "xmin", "ymin", "xmax", "ymax"], [
      [fig.t(["× 0.1", "× 0.1"]), ...state.region.map((one) => shown(one * SCALE, 1))],
      el("tr", { class: "amber" }, [fig.t(["取整", "rounded"]), ...rounded.map((one) => value("rounded", one, 0))].map((one) => el("td", {}, one)))]));
    const output = fig.live(el("div"), () => el("div", { class: "scroll" }, el("div", { style: `display: grid; grid-template-columns: repeat(${state.out}, 1fr); gap: 4px; max-width: ${Math.max(160, state.out * 52)}px` },
      bins.map((bin, i) => el("button", { type: "button", style: `padding: 3px 2px; ${i === state.chosen ? "background: var(--mark); font-weight: 600" : ""}`, "aria-pressed": String(i === state.chosen),
        click: () => { state.chosen = i; fig.update(); } }, value("output", bin.value, state.layer === "pooling" ? 0 : state.out > 5 ? 1 : 2))))));
    const said = fig.live(el("p", { class: "note", "aria-live": "polite" }), () => {
      const bin = bins[state.chosen], range = (one, several, [first, end]) => (end - first === 1 ? `${one} ${first}` : `${several} ${first}–${end - 1}`);
      if (state.layer === "align") return fig.t([`不取整：四个采样点（红）的值由双线性插值得到，平均是${shown(bin.value)}。`, `No rounding: bilinear interpolation gives the values at four points (red); their mean is ${shown(bin.value)}.`]);
      if (!bin.place) return fig.t(["这个子窗口在特征图之外，输出0。", "This part lies off the map and gives 0."]);
      return fig.t([`${range("行", "行", bin.rows)}，${range("列", "列", bin.columns)}：最大值是${bin.value}。`, `${range("Row", "Rows", bin.rows)}, ${range("column", "columns", bin.columns)}: the maximum is ${bin.value}.`]);
    });
    const typed = el("table", { class: "boxes" }, el("tbody", {}, fig.corners(state.region, "region", fig.t(["区域", "region"]), "blue", { limit })));
    const maps = fig.choice("side", ["特征图", "Map"], [["4", ["4 × 4", "4 × 4"]], ["8", ["8 × 8", "8 × 8"]]]);
    maps.addEventListener("input", () => {
      state.region = state.side === "4" ? [0, 0, 20, 20] : [8, 12, 47, 58];
      fig.speak(fig.language);
    });
    fig.panel(maps, fig.choice("layer", ["层", "Layer"], [["pooling", ["池化（取整）", "pooling (rounds)"]], ["align", ["对齐（不取整）", "align (does not)"]]]),
      fig.slider("out", ["输出的边长", "output side"], { min: 1, max: 7, text: (one) => `${one} × ${one}` }), typed, coordinates, output, said);
  });
