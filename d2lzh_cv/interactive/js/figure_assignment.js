// Section 9.4: which object labels which anchor, step by step through the matrix of IoUs.
import { WIDTH, el, mount, shown, svg, table, tag, value } from "./core.js";
import { assign, targets } from "./anchors.js";
import { iou } from "./boxes.js";

mount("assignment", ["给锚框分配真实边界框", "Assigning ground-truth boxes to anchors"],
  ["用▶一步步走过矩阵，也可以拖动任何一个框，再看分配怎样变化。", "Go through the matrix with ▶. Drag any box and see how the assignment changes."], (fig) => {
    const [width, height] = fig.data.picture?.size ?? [728, 561], limit = [0, 0, 1, 1], colors = ["blue", "green", "red", "magenta", "amber"];
    fig.start({ step: 0, threshold: 0.5,
      objects: (fig.data.objects ?? [[0, 0.1, 0.08, 0.52, 0.92], [1, 0.55, 0.2, 0.9, 0.88]]).map((row) => row.slice(1)),
      anchors: fig.data.anchors ?? [[0, 0.1, 0.2, 0.3], [0.15, 0.2, 0.4, 0.4], [0.63, 0.05, 0.88, 0.98], [0.66, 0.45, 0.8, 0.8], [0.57, 0.3, 0.92, 0.9]] });
    const { objects, anchors } = fig.state, state = fig.state, names = [["狗", "dog"], ["猫", "cat"]].map((name) => fig.t(name));
    let overlaps, result;
    fig.limits.push(() => {
      overlaps = anchors.map((anchor) => objects.map((object) => iou(anchor, object)));
      result = assign(overlaps, state.threshold);
    });
    const steps = () => result.steps, now = () => steps()[state.step - 1], anchorName = (i) => fig.t([`锚框${i}`, `anchor ${i}`]);
    const stage = fig.stage(width, height, ["图像、锚框和真实边界框", "picture with anchors and ground-truth boxes"]), scale = [WIDTH, stage.height];
    const fronts = svg("g"), options = { scale, limit, step: 0.01 };
    stage.node.append(fronts);
    const drag = (boxes, paints, labels) => boxes.forEach((box, i) => fig.box(fronts, box, { ...options, color: paints(i), label: labels(i) }));
    drag(objects, () => "ink", (i) => names[i]);
    drag(anchors, (i) => colors[i], anchorName);
    stage.node.append(fig.live(svg("g", { "pointer-events": "none" }), () => [
      objects.map((box, i) => tag(box[0] * WIDTH, box[1] * scale[1], names[i], "ink")),
      anchors.map((box, i) => tag(box[0] * WIDTH, box[1] * scale[1], anchorWithClass(i), colors[i]))]));
    const anchorWithClass = (i) => {
      const done = state.step === steps().length, given = state.step ? now().given[i] : -1;
      return given >= 0 ? `${i}: ${names[given]}` : done ? `${i}: ${fig.t(["背景", "background"])}` : String(i);
    };

    const matrix = fig.live(el("div"), () => table(["", ...names], anchors.map((_, i) => el("tr", {},
      el("td", { class: colors[i] }, el("span", { class: "chip" }), anchorName(i)), objects.map((_object, j) => {
        const step = now(), isNow = step && step.anchor === i && step.object === j;
        const gone = step?.kind === "largest" && !isNow && (step.given[i] >= 0 || step.taken[j]);
        return el("td", { class: isNow ? "now" : gone ? "gone" : "" }, value("iou", overlaps[i][j], 3));
      })))));
    const said = () => {
      const step = now();
      if (!step) return fig.t(["行是锚框，列是真实边界框。", "Rows are anchors, columns are ground-truth boxes."]);
      const [number, anchor, name] = [shown(step.iou, 3), anchorName(step.anchor), names[step.object]];
      if (step.kind === "largest") return fig.t([`剩下的最大元素是${number}：把${name}分配给${anchor}，丢弃这一行和这一列。`, `The largest element left is ${number}: ${anchor} gets the ${name}; its row and column are deleted.`]);
      return step.positive ? fig.t([`${anchor}的最大交并比是与${name}的${number}，大于${shown(state.threshold)}：分配${name}。`, `The largest IoU of ${anchor} is ${number} with the ${name}, above ${shown(state.threshold)}: it gets the ${name}.`])
        : fig.t([`${anchor}的最大交并比是${number}，不大于${shown(state.threshold)}：背景。`, `The largest IoU of ${anchor} is ${number}, not above ${shown(state.threshold)}: background.`]);
    };
    const labels = fig.live(el("div"), () => table([fig.t(["锚框", "anchor"]), fig.t(["类别", "class"]), "Δx/w/0.1", "Δy/h/0.1", "ln(w′/w)/0.2", "ln(h′/h)/0.2"],
      targets(anchors, objects, [0, 1], result.given).map((label, i) => el("tr", { class: label.mask ? "" : "off" }, el("td", { class: colors[i] }, el("span", { class: "chip" }), String(i)),
        el("td", { class: "words", "data-name": "class", "data-value": label.class }, `${label.class} ${label.class ? names[label.class - 1] : fig.t(["背景", "background"])}`),
        label.offsets.map((one) => el("td", {}, value("offsets", one, 3)))))));
    fig.panel(fig.steps("step", () => steps().length), fig.live(el("p", { class: "note", "aria-live": "polite" }), said), matrix,
      fig.slider("threshold", ["阈值", "threshold"], { min: 0.05, max: 0.95, step: 0.01, text: (one) => one.toFixed(2) }));
    const typed = (boxes, key, label, paint) => boxes.map((box, i) => fig.corners(box, `${key}${i}`, label(i), paint(i), { limit, step: 0.01 }));
    fig.body.append(el("div", { class: "wide" }, labels), el("details", { class: "wide" }, el("summary", {}, fig.t(["坐标", "Coordinates"])),
      el("table", { class: "boxes" }, el("thead", {}, el("tr", {}, ["", "xmin", "ymin", "xmax", "ymax"].map((one) => el("th", {}, one)))),
        el("tbody", {}, typed(objects, "object", (i) => names[i], () => "ink"), typed(anchors, "anchor", anchorName, (i) => colors[i])))));
  });
