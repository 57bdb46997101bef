// Section 9.11: the generated picture over the steps of its training, with its three losses.
import { WIDTH, el, mount, shown, svg, value } from "./core.js";

const LOSSES = [["content", "blue", ["内容", "content"]], ["style", "red", ["样式", "style"]], ["tv", "green", ["总变差", "total variation"]]];

mount("style", ["合成图像的训练过程", "The generated picture in training"],
  ["移动步数，看图像和三个损失怎样变化。", "Move through the steps and see how the picture and its three losses change."], (fig) => {
    const frames = fig.data.frames ?? [];
    if (!frames.length) {
      fig.body.append(el("p", { class: "note" }, fig.t(["没有记录下图像：训练已经完成，或者是从中途恢复的。", "No pictures were kept: the training was finished before, or resumed."])));
      return;
    }
    fig.start({ frame: 0 });
    const now = () => frames[fig.state.frame], picture = el("img", { alt: "", style: "display: block; width: 100%; border-radius: 4px" });
    fig.updates.push(() => {
      picture.src = now().picture.uri;
      picture.alt = fig.t([`第${now().step}步的合成图像`, `the generated picture at step ${now().step}`]);
    });
    fig.body.append(el("div", { class: "stage" }, picture));
    const losses = fig.live(el("div", { class: "row" }), () => [el("span", { class: "big" }, fig.t(["第 ", "step "]), value("step", now().step, 0), fig.t([" 步", ""])),
      LOSSES.map(([name, color, label]) => el("span", { class: color }, el("span", { class: "chip" }), `${fig.t(label)} `, value(name, now()[name])))]);
    const height = 170, left = 40, width = WIDTH - left - 10, all = frames.flatMap((one) => LOSSES.map(([name]) => one[name])).filter((one) => one > 0);
    const [low, high] = [Math.floor(Math.log10(Math.min(...all) * 0.999)), Math.ceil(Math.log10(Math.max(...all) * 1.001))], last = frames[frames.length - 1].step || 1;
    const x = (step) => left + (step / last) * width, y = (loss) => 8 + ((high - Math.max(Math.log10(loss), low)) / (high - low)) * (height - 34);
    const ticks = Array.from({ length: high - low + 1 }, (_, i) => low + i);
    const chart = svg("svg", { viewBox: `0 0 ${WIDTH} ${height}`, role: "img", "aria-label": fig.t(["三个损失随步数的变化，对数坐标", "the three losses over the steps, on a logarithmic axis"]) },
      ticks.map((tick) => [svg("path", { class: "grid", d: `M${left} ${y(10 ** tick)}H${WIDTH - 10}` }), svg("text", { class: "small", x: left - 6, y: y(10 ** tick) + 4, "text-anchor": "end" }, tick < 0 ? (10 ** tick).toFixed(-tick) : String(10 ** tick))]),
      [0, last].map((step) => svg("text", { class: "small", x: x(step), y: height - 6, "text-anchor": step ? "end" : "start" }, String(step))),
      LOSSES.map(([name, color]) => svg("path", { class: `outline ${color}`, d: frames.filter((one) => one[name] > 0).map((one, i) => `${i ? "L" : "M"}${x(one.step)} ${y(one[name])}`).join("") })),
      fig.live(svg("g"), () => [svg("path", { class: "grid", style: "stroke: var(--soft)", d: `M${x(now().step)} 8V${height - 26}` }),
        LOSSES.filter(([name]) => now()[name] > 0).map(([name, color]) => svg("circle", { class: color, fill: "currentColor", r: 4, cx: x(now().step), cy: y(now()[name]) }))]));
    fig.panel(fig.steps("frame", () => frames.length - 1, (frame) => `${frames[frame].step}`), losses, chart);
  });
