// Section 9.10: the kernel of bilinear interpolation, and when it enlarges evenly.
import { WIDTH, el, mount, shown, svg, value } from "./core.js";
import { bilinearKernel, cut, outputSize, spread } from "./transposed.js";

const PICTURE = [[0.1, 0.25, 0.6, 0.9], [0.2, 0.95, 0.55, 0.3], [0.7, 0.5, 0.05, 0.45], [0.95, 0.4, 0.2, 0.75]], ONES = PICTURE.map((row) => row.map(() => 1));

mount("bilinear", ["双线性插值的卷积核", "The kernel of bilinear interpolation"],
  ["改变步幅、核的大小和填充。何时恰好放大s倍，何时出现条纹？", "Change stride, kernel size and padding. When is the picture enlarged exactly s times, and when do stripes appear?"], (fig) => {
    fig.start({ stride: 2, k: 4, padding: 1, input: "picture" });
    const state = fig.state, most = () => Math.min(4, Math.floor((outputSize(4, state.k, state.stride, 0) - 1) / 2));
    let K, Y, sums;
    fig.limits.push(() => {
      state.padding = Math.min(state.padding, most());
      K = bilinearKernel(state.k);
      Y = cut(spread(state.input === "ones" ? ONES : PICTURE, K, state.stride), state.padding);
      sums = cut(spread(ONES, K, state.stride), Math.min(state.k, Math.floor((4 * state.stride - 1) / 2))).flat();
    });
    const drawing = svg("svg", { role: "img", "aria-label": fig.t(["输入、卷积核和输出", "input, kernel and output"]) }), tone = (one, white = 1) => `color-mix(in srgb, #fff ${((one / white) * 100).toFixed(1)}%, #000)`;
    const grid = (M, x, y, side, name, paint) => [M.map((row, i) => row.map((one, j) => svg("rect", { x: x + j * side, y: y + i * side, width: side + 0.3, height: side + 0.3, style: `fill: ${paint(one)}`, "data-name": name, "data-value": one }, svg("title", {}, shown(one, 4))))), svg("rect", { x, y, width: M.length * side, height: M.length * side, class: "grid" })];
    fig.body.append(el("div", { class: "stage" }, drawing));
    fig.updates.push(() => {
      const text = (x, y, pair) => svg("text", { x, y, class: "small", style: "fill: var(--soft)" }, fig.t(pair)), side = Math.min(36, 250 / Y.length), cell = Math.min(30, 112 / state.k);
      const numbers = cell >= 26 ? K.map((row, i) => row.map((one, j) => svg("text", { class: "number", style: "font-size: 9px", x: (j + 0.5) * cell, y: 190 + (i + 0.5) * cell }, shown(one, one * 100 % 1 ? 3 : 2).replace(/\.?0+$/, "")))) : [];
      drawing.setAttribute("viewBox", `0 0 ${WIDTH} ${Math.max(22 + side * Y.length, 190 + cell * state.k) + 4}`);
      drawing.replaceChildren(...[text(0, 14, ["输入 4 × 4", "input 4 × 4"]), grid(state.input === "ones" ? ONES : PICTURE, 0, 22, 28, "X", (one) => tone(one)), text(0, 180, [`卷积核 ${state.k} × ${state.k}`, `kernel ${state.k} × ${state.k}`]),
        grid(K, 0, 190, cell, "K", (one) => `color-mix(in srgb, var(--green) ${Math.round(one * 75)}%, var(--paper))`), numbers, text(146, 14, [`输出 ${Y.length} × ${Y.length}`, `output ${Y.length} × ${Y.length}`]), grid(Y, 146, 22, side, "Y", (one) => tone(one, Math.max(1, ...Y.flat())))].flat(Infinity));
    });
    const verdict = fig.live(el("p", { class: "note", "aria-live": "polite" }), () => {
      const { stride, k, padding } = state, exact = k === 2 * padding + stride, low = Math.min(...sums), high = Math.max(...sums), even = high - low < 1e-9 && Math.abs(high - 1) < 1e-9;
      const shape = exact ? [`k = 2p + s：边长恰好放大到${stride}倍。`, `k = 2p + s: the side becomes exactly ${stride} times as large. `] : [`k ≠ 2p + s：边长是${Y.length}，不是${4 * stride}。`, `k ≠ 2p + s: the side is ${Y.length}, not ${4 * stride}. `];
      const light = even ? ["内部每个输出的权重之和都是1，明暗不变。", "Inside, the weights of each output add up to 1, so brightness is kept."]
        : [`内部各输出的权重之和从${shown(low)}到${shown(high)}不等：出现条纹或明暗变化。`, `Inside, the weights of an output add up to ${shown(low)} to ${shown(high)}: stripes, or another brightness.`];
      return fig.t([shape[0] + light[0], shape[1] + light[1]]);
    });
    const size = fig.live(el("p", { style: "margin: 0" }), () => [fig.t(["输出的边长 ", "output side "]), `${state.stride} × 3 + ${state.k} − ${2 * state.padding} = `, value("size", Y.length, 0)]);
    fig.panel(fig.slider("stride", ["步幅s", "stride s"], { min: 1, max: 4 }), fig.slider("k", ["卷积核k", "kernel k"], { min: 1, max: 8 }), fig.slider("padding", ["填充p", "padding p"], { max: most }),
      fig.choice("input", ["输入", "Input"], [["picture", ["图像", "picture"]], ["ones", ["全是1", "all ones"]]]), size, verdict);
  });
