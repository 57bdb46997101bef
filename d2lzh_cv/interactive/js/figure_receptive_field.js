// Section 9.7: what one unit of TinySSD's five maps sees of the picture, and its anchors.
import { WIDTH, el, mount, rectangle, svg, table, value } from "./core.js";
import { anchorsOfUnit } from "./anchors.js";
import { SSD_RATIOS, TINY_SSD, fieldOf } from "./receptive.js";

mount("receptive_field", ["一个单元看到什么", "What one unit sees"],
  ["选一个尺度和一个单元：黄框是它的感受野，其余是它的锚框。", "Choose a scale and a unit. The amber box is its receptive field, the others are its anchors."], (fig) => {
    const edge = 256, rim = 40, colors = ["blue", "green", "magenta", "red"];
    fig.start({ scale: "0", row: 13, column: 10, predictor: "map" });
    const state = fig.state, now = () => TINY_SSD[Number(state.scale)], last = () => now().side - 1;
    // around the only unit of the last map there is nothing but padding
    const layers = () => (state.predictor === "map" || now().side === 1 ? now().layers : [...now().layers, [3, 1, 1]]);
    const field = () => {
      const { size, stride, start } = fieldOf(layers());
      const [x0, y0] = [state.column, state.row].map((place) => start + place * stride);
      return { size, stride, box: [x0, y0, x0 + size, y0 + size] };
    };
    const found = () => anchorsOfUnit(now().side, now().side, now().sizes, SSD_RATIOS, state.row, state.column).map((box) => box.map((one) => one * edge));
    const stage = fig.stage(edge + 2 * rim, edge + 2 * rim, ["图像、感受野和锚框", "picture with receptive field and anchors"], null), shift = rim * stage.scale[0];
    const inner = edge * stage.scale[0], picture = fig.data.picture, group = svg("g", { class: "photo", transform: `translate(${shift} ${shift})` });
    group.append(picture ? svg("image", { href: picture.uri, width: inner, height: inner, preserveAspectRatio: "none" })
      : svg("rect", { width: inner, height: inner, fill: "var(--paper)", stroke: "var(--line)" }));
    stage.node.append(group);
    stage.node.addEventListener("click", (event) => {
      const place = stage.node.getBoundingClientRect(), at = (client, from) => Math.floor((((client - from) / place.width) * (edge + 2 * rim) - rim) / (edge / now().side));
      [state.column, state.row] = [at(event.clientX, place.left), at(event.clientY, place.top)];
      fig.update();
    });
    group.append(fig.live(svg("g"), () => {
      const { side } = now(), cell = inner / side, lines = [];
      for (let i = 1; i < side; i += 1) lines.push(svg("path", { class: "over", style: `stroke-opacity: ${side > 16 ? 0.3 : 0.6}`, d: `M0 ${i * cell}H${inner}M${i * cell} 0V${inner}` }));
      const unit = [state.column, state.row, state.column + 1, state.row + 1];
      return [lines, rectangle(field().box, stage.scale, { class: "amber outline", style: "fill: currentColor; fill-opacity: .25; stroke-width: 3" }),
              found().map((box, i) => rectangle(box, stage.scale, { class: `outline ${colors[i]}` })), rectangle(unit, [cell, cell], { class: "outline amber" }),
              svg("circle", { class: "amber", fill: "currentColor", cx: (state.column + 0.5) * cell, cy: (state.row + 0.5) * cell, r: 4 })];
    }));
    const sums = fig.live(el("div"), () => {
      const { size, stride, box } = field();
      return [el("div", { class: "row" }, el("span", { class: "big amber" }, value("size", size, 0), " × ", String(size)), el("span", { class: "label" }, fig.t(["像素的感受野", "pixels of receptive field"]))),
              el("div", { class: "row" }, now().side > 1 ? el("span", {}, fig.t(["相邻单元的感受野相距 ", "fields of neighbouring units are "]), value("stride", stride, 0), fig.t(["", " apart"])) : null,
                 el("span", {}, fig.t(["它从像素(", "it spans pixels ("]), value("start", box[0], 0), ", ", value("start", box[1], 0), fig.t([")到(", ") to ("]), value("end", box[2] - 1, 0), ", ", value("end", box[3] - 1, 0), ")"))];
    });
    const list = fig.live(el("div"), () => table([fig.t(["锚框", "anchor"]), fig.t(["宽", "width"]), fig.t(["高", "height"]), fig.t(["感受野里的部分", "share inside the field"])], found().map((box, i) => {
      const view = field().box, w = box[2] - box[0], h = box[3] - box[1];
      const inside = Math.max(0, Math.min(box[2], view[2]) - Math.max(box[0], view[0])) * Math.max(0, Math.min(box[3], view[3]) - Math.max(box[1], view[1]));
      return [el("td", { class: colors[i] }, el("span", { class: "chip" }), String(i)), value("width", w, 1), value("height", h, 1), value("inside", inside / (w * h), 3)];
    })));
    fig.panel(fig.choice("scale", ["特征图", "Map"], TINY_SSD.map(({ side }, i) => [String(i), [`${side}×${side}`, `${side}×${side}`]])),
      fig.choice("predictor", ["单元属于", "A unit of"], [["map", ["特征图", "the map"]], ["prediction", ["预测层的输出", "the predictor"]]]),
      fig.slider("row", ["行", "row"], { max: last }), fig.slider("column", ["列", "column"], { max: last }), sums, list);
  });
