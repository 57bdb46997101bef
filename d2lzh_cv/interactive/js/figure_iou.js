// Section 9.3: two boxes to drag; their corners, centre form, IoU and offsets.
import { el, mount, rectangle, svg, table, value } from "./core.js";
import { area, center, intersection, iou, offsets } from "./boxes.js";

mount("iou", ["两个边界框", "Two bounding boxes"],
  ["拖动框或它的角，或者输入坐标（像素）。", "Drag a box or a corner, or type coordinates (in pixels)."], (fig) => {
    const [width, height] = fig.data.picture?.size ?? [728, 561], limit = [0, 0, width, height];
    fig.start({ boxes: fig.data.boxes ?? [[60, 45, 378, 516], [400, 112, 655, 493]], from: "blue" });
    const { boxes } = fig.state, colors = ["blue", "red"], names = [["蓝框", "blue"], ["红框", "red"]].map((name) => fig.t(name));
    const stage = fig.stage(width, height, ["图像和两个框", "picture with two boxes"]);
    stage.node.append(fig.live(svg("g"), () => {
      const [a, b] = boxes, shared = [Math.max(a[0], b[0]), Math.max(a[1], b[1]), Math.min(a[2], b[2]), Math.min(a[3], b[3])];
      return intersection(a, b) > 0 ? rectangle(shared, stage.scale, { fill: "var(--magenta)", "fill-opacity": 0.45 }) : null;
    }));
    boxes.forEach((box, i) => fig.box(stage.node, box, { scale: stage.scale, color: colors[i], label: names[i], limit }));

    const input = el("table", { class: "boxes" }, el("thead", {}, el("tr", {}, ["", "xmin", "ymin", "xmax", "ymax"].map((one) => el("th", {}, one)))),
                     el("tbody", {}, boxes.map((box, i) => fig.corners(box, colors[i], names[i], colors[i], { limit }))));
    const centers = fig.live(el("div"), () => table([fig.t(["中心、宽和高", "centre form"]), "x", "y", "w", "h"], boxes.map((box, i) => [
      el("td", { class: colors[i] }, el("span", { class: "chip" }), names[i]), ...center(box).map((one) => value(`center-${colors[i]}`, one, 1))])));
    const overlap = fig.live(el("div", { class: "row" }), () => {
      const [a, b] = boxes, shared = intersection(a, b), union = area(a) + area(b) - shared;
      return [el("span", { class: "big" }, fig.t(["交并比 ", "IoU "]), value("iou", iou(a, b), 4)),
              el("span", { class: "magenta" }, fig.t(["相交 ", "intersection "]), value("intersection", shared, 0)),
              el("span", {}, fig.t(["相并 ", "union "]), value("union", union, 0))];
    });
    const ways = fig.choice("from", ["偏移量", "Offsets"], [["blue", ["蓝 → 红", "blue → red"]], ["red", ["红 → 蓝", "red → blue"]]]);
    const moves = fig.live(el("div"), () => {
      const [a, b] = fig.state.from === "blue" ? boxes : [...boxes].reverse();
      return table(["Δx/w/0.1", "Δy/h/0.1", "ln(w′/w)/0.2", "ln(h′/h)/0.2"], [offsets(a, b).map((one) => value("offsets", one, 3))]);
    });
    fig.panel(input, centers, overlap, ways, moves);
  });
