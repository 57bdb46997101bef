// Section 9.10: a transposed convolution step by step, in the three ways of the section.
import { WIDTH, el, mount, shown, svg, value } from "./core.js";
import { cut, insertZeros, matrix, outputSize, rotated, spread } from "./transposed.js";

const arange = (n, from) => Array.from({ length: n }, (_, i) => Array.from({ length: n }, (_unused, j) => from + n * i + j));

// A matrix drawn at (x, y); look(i, j) returns what marks a cell: {fill, faint, strong}.
function cells(M, x, y, side, name, look = () => ({}), tall = 0) {
  return M.map((row, i) => row.map((one, j) => {
    const { fill = "var(--paper)", faint = false, strong = false } = look(i, j), high = tall || side;
    return [svg("rect", { class: "cell", x: x + j * side, y: y + i * high, width: side, height: high, style: `fill: ${fill}` }),
            svg("text", { class: `number ${side < 18 ? "tiny" : side < 24 ? "small" : ""}`, x: x + (j + 0.5) * side, y: y + (i + 0.5) * high, "data-name": name, "data-value": one,
                          style: `${faint ? "fill: var(--soft); opacity: .6;" : ""}${strong ? "font-weight: 700;" : ""}${Math.min(side, high) < 13 ? "display: none" : ""}` }, shown(one, 0))];
  }));
}

mount("transposed_conv", ["转置卷积，一步一步", "A transposed convolution, step by step"],
  ["用▶一步步计算；改变步幅和填充，看输出的形状怎样变化。", "Compute step by step with ▶; change stride and padding and see how the output changes its shape."], (fig) => {
    fig.start({ way: "spread", n: 2, k: 2, stride: 2, padding: 0, step: 2 });
    const state = fig.state, marks = { input: "color-mix(in srgb, var(--blue) 30%, var(--paper))", kernel: "color-mix(in srgb, var(--green) 24%, var(--paper))", now: "var(--mark)", gone: "var(--wash)" };
    const most = () => Math.min(3, Math.floor((outputSize(state.n, state.k, state.stride, 0) - 1) / 2), state.k - 1);
    let X, K, Y, whole;
    fig.limits.push(() => {
      state.padding = Math.max(0, Math.min(state.padding, most()));
      [X, K] = [arange(state.n, 0), arange(state.k, state.k === 2 ? 0 : 1)];
      whole = spread(X, K, state.stride);
      Y = cut(whole, state.padding);
    });
    const steps = () => (state.way === "zeros" ? Y.length ** 2 : state.n ** 2);
    const drawing = svg("svg", { role: "img", "aria-label": fig.t(["输入、卷积核和输出", "input, kernel and output"]) });
    fig.body.append(el("div", { class: "stage" }, drawing));
    const draw = { spread: drawSpread, zeros: drawZeros, matrix: drawMatrix };
    fig.updates.push(() => {
      const { parts, height } = draw[state.way]();
      drawing.setAttribute("viewBox", `0 0 ${WIDTH} ${height}`);
      drawing.replaceChildren(...parts.flat(Infinity));
    });
    const text = (x, y, pair) => svg("text", { x, y, class: "small", style: "fill: var(--soft)" }, fig.t(pair));
    const place = (number, side) => [Math.floor(number / side), number % side];

    function drawSpread() {
      const large = Math.max(state.n, state.k), side = Math.min(46, (WIDTH - 30) / (whole.length + large)), [r, c] = place(state.step - 1, state.n), p = state.padding, right = large * side + 30;
      const partial = spread(X, K, state.stride, state.step), edge = (i) => i < p || i >= whole.length - p;
      const inWindow = (i, j) => state.step > 0 && i >= r * state.stride && i < r * state.stride + state.k && j >= c * state.stride && j < c * state.stride + state.k;
      const below = 34 + state.n * side + 30;
      return { height: Math.max(below + state.k * side, 24 + whole.length * side) + 6, parts: [text(0, 14, ["输入", "input"]), cells(X, 0, 22, side, "X", (i, j) => ({ fill: i * state.n + j === state.step - 1 ? marks.input : undefined })),
        text(0, below - 8, ["卷积核", "kernel"]), cells(K, 0, below, side, "K", () => ({ fill: state.step ? marks.kernel : undefined })),
        text(right, 14, p ? ["输出（灰色的边被填充去掉）", "output (padding takes off the grey rim)"] : ["输出", "output"]),
        cells(partial, right, 22, side, "partial", (i, j) => ({ fill: inWindow(i, j) ? marks.kernel : edge(i) || edge(j) ? marks.gone : undefined, faint: edge(i) || edge(j), strong: inWindow(i, j) }))] };
    }

    function drawZeros() {
      const border = state.k - state.padding - 1, Z = insertZeros(X, state.stride, border), side = Math.min(34, 190 / Z.length, 190 / Y.length), [r, c] = place(state.step - 1, Y.length), right = 210;
      const inWindow = (i, j) => state.step > 0 && i >= r && i < r + state.k && j >= c && j < c + state.k;
      const isInput = (i, j) => [i, j].every((one) => one >= border && (one - border) % state.stride === 0 && (one - border) / state.stride < state.n);
      const below = 30 + Math.max(Z.length, Y.length) * side + 22;
      return { height: below + state.k * side + 6, parts: [text(0, 14, ["插入0、补0后的输入", "input with zeros inserted and added"]),
        cells(Z, 0, 22, side, "Z", (i, j) => ({ fill: isInput(i, j) ? marks.input : inWindow(i, j) ? marks.now : undefined, faint: !isInput(i, j), strong: inWindow(i, j) && isInput(i, j) })),
        svg("rect", { x: c * side, y: 22 + r * side, width: state.k * side, height: state.k * side, class: "outline amber", style: state.step ? "" : "display: none" }),
        text(0, below - 8, ["旋转180°的卷积核", "kernel, rotated by 180°"]), cells(rotated(K), 0, below, side, "K", () => ({ fill: marks.kernel })),
        text(right, 14, ["输出", "output"]), cells(Y, right, 22, side, "partial", (i, j) => ({ fill: i === r && j === c && state.step ? marks.now : undefined, faint: i * Y.length + j >= state.step, strong: i === r && j === c }))] };
    }

    function drawMatrix() {
      const W = matrix(X, K, state.stride, state.padding), side = Math.min(26, (WIDTH - 40) / W[0].length), down = 24 + W.length * side + 30, small = Math.min(26, 150 / Y.length);
      const partial = Y.flat().map((_, j) => W.slice(0, state.step).reduce((sum, row, i) => sum + row[j] * X.flat()[i], 0));
      const grid = Y.map((_, i) => partial.slice(i * Y.length, (i + 1) * Y.length)), now = state.step - 1;
      return { height: down + Math.max(small * Y.length, small * state.n) + 6, parts: [text(0, 14, ["x", "x"]), text(40, 14, [`矩阵W，${W.length} × ${W[0].length}：每行对应一个输入`, `the matrix W, ${W.length} × ${W[0].length}: a row per input`]),
        cells(X.flat().map((one) => [one]), 0, 22, Math.max(16, side), "X", (i) => ({ fill: i === now ? marks.input : undefined }), side),
        cells(W, 40, 22, side, "W", (i, j) => ({ fill: W[i][j] ? (i === now ? marks.now : marks.kernel) : i === now ? "color-mix(in srgb, var(--mark) 45%, var(--paper))" : undefined, faint: !W[i][j], strong: i === now })),
        text(40, down - 8, ["Wᵀx，排成输出的形状", "Wᵀx in the shape of the output"]), cells(grid, 40, down, small, "partial", (i, j) => ({ fill: now >= 0 && W[now][i * Y.length + j] ? marks.now : undefined }))] };
    }

    const said = fig.live(el("p", { class: "note", "aria-live": "polite" }), () => {
      if (!state.step) return fig.t(["还没有计算。", "Nothing is computed yet."]);
      if (state.way === "zeros") {
        const [r, c] = place(state.step - 1, Y.length);
        return fig.t([`窗口盖住的数与卷积核相乘再相加，得到输出(${r}, ${c})：${Y[r][c]}。`, `The numbers in the window times the kernel add up to output (${r}, ${c}): ${Y[r][c]}.`]);
      }
      const x = X.flat()[state.step - 1];
      return state.way === "spread" ? fig.t([`输入${x}乘以整个卷积核，加到输出的一个窗口上。`, `Input ${x} multiplies the whole kernel and adds it to a window of the output.`])
        : fig.t([`加上${x}乘以W的第${state.step - 1}行，也就是Wᵀ的第${state.step - 1}列。`, `Add ${x} times row ${state.step - 1} of W, which is column ${state.step - 1} of its transpose.`]);
    });
    const size = fig.live(el("p", { style: "margin: 0" }), () => [fig.t(["输出的边长 s(n − 1) + k − 2p = ", "output side s(n − 1) + k − 2p = "]), `${state.stride} × ${state.n - 1} + ${state.k} − ${2 * state.padding} = `, value("size", Y.length, 0)]);
    // the whole output, however far the steps are
    const result = fig.live(el("span", { hidden: true }), () => Y.flat().map((one) => value("Y", one, 0)));
    fig.panel(fig.choice("way", null, [["spread", ["逐个铺开", "spread"]], ["zeros", ["插入0再卷积", "insert zeros"]], ["matrix", ["矩阵Wᵀ", "matrix Wᵀ"]]]), fig.steps("step", steps), said,
      fig.slider("n", ["输入n", "input n"], { min: 2, max: 3 }), fig.slider("k", ["卷积核k", "kernel k"], { min: 1, max: 4 }), fig.slider("stride", ["步幅s", "stride s"], { min: 1, max: 3 }), fig.slider("padding", ["填充p", "padding p"], { max: most }), size, result);
  });
