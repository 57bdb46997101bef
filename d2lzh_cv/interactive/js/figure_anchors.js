// Section 9.4: the anchors around one unit of a feature map.
import { WIDTH, el, mount, rectangle, svg, table, value } from "./core.js";
import { anchorsOfUnit, pairs } from "./anchors.js";

mount("anchors", ["以一个单元为中心的锚框", "Anchors around one unit"],
  ["改变特征图的形状、大小和宽高比，再点选一个单元。", "Change the shape of the map, the sizes and the ratios; click a unit to choose it."], (fig) => {
    const [width, height] = fig.data.picture?.size ?? [728, 561], colors = ["blue", "green", "red", "magenta", "ink"];
    fig.start({ rows: 9, columns: 12, row: 4, column: 3, s1: 0.75, s2: 0.5, s3: 0.25, r1: 1, r2: 2, r3: 0.5 });
    const state = fig.state, sizes = () => [state.s1, state.s2, state.s3], ratios = () => [state.r1, state.r2, state.r3];
    const found = () => anchorsOfUnit(state.rows, state.columns, sizes(), ratios(), state.row, state.column);
    const stage = fig.stage(width, height, ["图像和锚框", "picture with anchors"]), scale = [WIDTH, stage.height];
    stage.node.addEventListener("click", (event) => {
      const place = stage.node.getBoundingClientRect();
      state.column = Math.floor(((event.clientX - place.left) / place.width) * state.columns);
      state.row = Math.floor(((event.clientY - place.top) / place.height) * state.rows);
      fig.update();
    });
    stage.node.append(fig.live(svg("g"), () => {
      const lines = [];
      for (let i = 1; i < state.rows; i += 1) lines.push(svg("path", { class: "over", d: `M0 ${(i / state.rows) * scale[1]}H${WIDTH}` }));
      for (let i = 1; i < state.columns; i += 1) lines.push(svg("path", { class: "over", d: `M${(i / state.columns) * WIDTH} 0V${scale[1]}` }));
      const unit = [state.column / state.columns, state.row / state.rows, (state.column + 1) / state.columns, (state.row + 1) / state.rows];
      return [lines, rectangle(unit, scale, { class: "amber", fill: "currentColor", "fill-opacity": 0.5 }),
              found().map((box, i) => rectangle(box, scale, { class: `outline ${colors[i]}` }))];
    }));

    const two = (one) => one.toFixed(2), last = (key) => () => state[key] - 1;
    const settings = [fig.slider("rows", ["高（行数）", "rows"], { min: 1, max: 16 }), fig.slider("columns", ["宽（列数）", "columns"], { min: 1, max: 16 }),
      fig.slider("row", ["单元的行", "unit: row"], { max: last("rows") }), fig.slider("column", ["单元的列", "unit: column"], { max: last("columns") }),
      ...[1, 2, 3].map((i) => fig.slider(`s${i}`, [`大小 s${i}`, `size s${i}`], { min: 0.05, max: 1, step: 0.01, text: two })),
      ...[1, 2, 3].map((i) => fig.slider(`r${i}`, [`宽高比 r${i}`, `ratio r${i}`], { min: 0.2, max: 5, step: 0.05, text: two }))];
    const count = fig.live(el("p", { class: "note" }), () => {
      const sum = `${state.rows} × ${state.columns} × (3 + 3 − 1) = `;
      return [fig.t(["锚框共 ", "Anchors: "]), sum, value("count", 5 * state.rows * state.columns, 0)];
    });
    const list = fig.live(el("div"), () => table(["", "s", "r", "xmin", "ymin", "xmax", "ymax", fig.t(["宽/高", "w/h"])], found().map((box, i) => {
      const [size, ratio] = pairs(sizes(), ratios())[i], shape = ((box[2] - box[0]) * width) / ((box[3] - box[1]) * height);
      return [el("td", { class: colors[i] }, el("span", { class: "chip" }), String(i)), two(size), two(ratio), ...box.map((one) => value("anchors", one, 3)), value("shape", shape, 2)];
    })));
    const note = el("p", { class: "label", style: "margin:0" }, fig.t(["宽/高以图像的像素计：只有特征图与图像形状相同时，它才等于r。", "w/h is measured in pixels of the picture. It equals r only if the map has the shape of the picture."]));
    fig.panel(...settings, count);
    fig.body.append(el("div", { class: "wide" }, list, note));
  });
