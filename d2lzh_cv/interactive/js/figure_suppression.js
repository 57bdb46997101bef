// Section 9.4: what non-maximum suppression keeps of a TinySSD's predictions.
import { WIDTH, el, mount, rectangle, shown, svg, table, tag, value } from "./core.js";
import { suppress } from "./suppression.js";

mount("suppression", ["非极大值抑制", "Non-maximum suppression"],
  ["移动阈值，看留下哪些框；点选一个留下的框，看它抑制了哪些。", "Move the threshold and see which boxes stay. Choose a box that stays to see what it suppresses."], (fig) => {
    fig.start({ threshold: 0.5, lowest: 0.3, chosen: -1 });
    const state = fig.state, two = (one) => one.toFixed(2), rows = fig.data.rows;
    let found = [];
    fig.limits.push(() => {
      found = suppress(rows, state.threshold, state.lowest);
      if (found[state.chosen]?.by !== null) state.chosen = -1;
    });
    const stage = fig.stage(...fig.data.picture?.size ?? [1, 1], ["图像和预测边界框", "picture with predicted boxes"]), scale = [WIDTH, stage.height];
    const choose = (i) => { state.chosen = state.chosen === i ? -1 : i; fig.update(); };
    // Scores at the upper corners of their boxes, or at the lower ones where a better box's score is in the way.
    const tags = (kept) => {
      const places = [];
      return [...kept].reverse().map(([{ row }, i]) => {
        const x = row[2] * WIDTH, free = !places.some(([left, top]) => Math.abs(left - x) < 40 && Math.abs(top - Math.max(18, row[3] * scale[1])) < 18);
        const y = Math.max(18, row[free ? 3 : 5] * scale[1]);
        places.push([x, y]);
        return tag(x, y, two(row[1]), i === state.chosen ? "red" : "ink");
      });
    };
    stage.node.append(fig.live(svg("g"), () => {
      const kept = found.map((one, i) => [one, i]).filter(([one]) => one.by === null).reverse(), gone = found.filter((one) => one.by !== null);
      return [gone.map((one) => rectangle(one.row.slice(2), scale, { class: `outline thin dashed ${one.by === state.chosen ? "red" : ""}`,
                style: one.by === state.chosen ? "" : "color: #fff; opacity: .75" })),
              kept.map(([one, i]) => rectangle(one.row.slice(2), scale, { class: "outline", style: `color: ${i === state.chosen ? "#ffd166" : "#fff"}; fill: transparent; cursor: pointer`, click: () => choose(i) })),
              tags(kept)];
    }));
    const sums = fig.live(el("div", { class: "row" }), () => {
      const kept = found.filter((one) => one.by === null).length;
      return [el("span", { class: "big" }, fig.t(["留下 ", "kept "]), value("kept", kept, 0)), el("span", {}, fig.t(["抑制 ", "suppressed "]), value("suppressed", found.length - kept, 0)),
              el("span", { class: "label" }, fig.t([`共${found.length}个框`, `of ${found.length} boxes`]))];
    });
    const list = fig.live(el("div"), () => {
      const kept = found.map((one, i) => [one, i]).filter(([one]) => one.by === null);
      return table([fig.t(["留下的框", "kept"]), fig.t(["置信度", "score"]), fig.t(["它抑制的", "suppresses"]), fig.t(["最小的交并比", "smallest IoU"])], kept.slice(0, 12).map(([one, i]) => {
        const removed = found.filter((other) => other.by === i);
        return [el("button", { type: "button", "aria-pressed": String(i === state.chosen), click: () => choose(i) }, `${i + 1}`), two(one.row[1]), String(removed.length),
                removed.length ? shown(Math.min(...removed.map((other) => other.overlap)), 3) : "—"];
      }));
    });
    // every box in numbers, for readers without sight and for tests: place in the order, kept by itself or by another
    const all = fig.live(el("span", { hidden: true }), () => found.map((one, i) => [value("score", one.row[1], 4), value("by", one.by === null ? -1 : one.by, 0), value("overlap", one.overlap, 4), ...one.row.slice(2).map((side) => value(`box${i}`, side, 3))]));
    fig.panel(fig.slider("threshold", ["交并比的阈值", "IoU threshold"], { min: 0.05, max: 1, step: 0.01, text: two }),
      fig.slider("lowest", ["最低的置信度", "lowest score"], { min: 0.05, max: 0.95, step: 0.01, text: two }), sums, list, all);
  });
