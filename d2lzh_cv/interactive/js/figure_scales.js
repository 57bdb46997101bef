// Section 9.5: three scales of anchors, and which of them fits an object.
import { WIDTH, el, mount, rectangle, svg, table, value } from "./core.js";
import { anchorsOfMap } from "./anchors.js";
import { iou } from "./boxes.js";

mount("scales", ["多个尺度的锚框", "Anchors on several scales"],
  ["拖动黑框，把它当作目标：看哪个尺度上的锚框与它最相似。", "The black box is an object. Drag it, and see which scale has the most similar anchor."], (fig) => {
    const [width, height] = fig.data.picture?.size ?? [728, 561], colors = ["blue", "green", "red"], sides = [4, 2, 1], ratios = [1, 2, 0.5];
    fig.start({ shown: "0", s0: 0.15, s1: 0.4, s2: 0.8, object: fig.data.object ?? [0.55, 0.2, 0.9, 0.88] });
    const state = fig.state, names = sides.map((side) => `${side} × ${side}`);
    let anchors = [], overlaps = [];
    fig.limits.push(() => {
      anchors = sides.map((side, i) => anchorsOfMap(side, side, [state[`s${i}`]], ratios));
      overlaps = anchors.map((some) => some.map((anchor) => iou(anchor, state.object)));
    });
    const best = (i) => overlaps[i].indexOf(Math.max(...overlaps[i]));
    const stage = fig.stage(width, height, ["图像、目标和锚框", "picture with object and anchors"]), scale = [WIDTH, stage.height];
    stage.node.append(fig.live(svg("g"), () => {
      const i = Number(state.shown), side = sides[i], lines = [];
      for (let line = 1; line < side; line += 1) {
        lines.push(svg("path", { class: "over", d: `M0 ${(line / side) * scale[1]}H${WIDTH}M${(line / side) * WIDTH} 0V${scale[1]}` }));
      }
      return [lines, anchors[i].map((box, number) => rectangle(box, scale, {
        class: `outline thin ${colors[i]}`, ...(number === best(i) && overlaps[i][number] > 0 ? { style: "stroke-width: 4" } : {}) }))];
    }));
    fig.box(stage.node, state.object, { scale, color: "ink", label: fig.t(["目标", "object"]), limit: [0, 0, 1, 1], step: 0.01 });
    const list = fig.live(el("div"), () => table([fig.t(["特征图", "map"]), fig.t(["锚框", "anchors"]), fig.t(["最大交并比", "largest IoU"]), "> 0.5"], sides.map((_, i) => el("tr", {},
      el("td", { class: colors[i] }, el("span", { class: "chip" }), names[i]), el("td", {}, value("count", anchors[i].length, 0)),
      el("td", { class: Math.max(...overlaps[i]) === Math.max(...overlaps.flat()) ? "now" : "" }, value("best", overlaps[i][best(i)], 4)),
      el("td", {}, value("positive", overlaps[i].filter((one) => one > 0.5).length, 0))))));
    const box = el("table", { class: "boxes" }, el("thead", {}, el("tr", {}, ["", "xmin", "ymin", "xmax", "ymax"].map((one) => el("th", {}, one)))),
      el("tbody", {}, fig.corners(state.object, "object", fig.t(["目标", "object"]), "ink", { limit: [0, 0, 1, 1], step: 0.01 })));
    fig.panel(fig.choice("shown", ["画出", "Draw"], names.map((name, i) => [String(i), [name, name]])),
      ...names.map((name, i) => fig.slider(`s${i}`, [`${name}的大小`, `size, ${name}`], { min: 0.05, max: 1, step: 0.01, text: (one) => one.toFixed(2) })), list, box);
  });
