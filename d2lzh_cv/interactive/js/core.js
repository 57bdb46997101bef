// What all figures share: the frame, the two languages, the theme, controls, numbers and drawing.
// A text is a pair [Chinese, English].
import { STYLE } from "./style.js";

export const WIDTH = 400; // of a drawing, in its own units

export function el(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

export function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") node.addEventListener(name, value);
    else if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return node;
}

// A number for reading: a real minus sign, "—" where nothing is defined.
export function shown(value, digits = 2) {
  if (Number.isNaN(value)) return "—";
  const sign = value < 0 && Number(value.toFixed(digits)) !== 0 ? "−" : "";
  return sign + (Number.isFinite(value) ? Math.abs(value).toFixed(digits) : "∞");
}

// A number on the page; data-value has all its digits.
export function value(name, number, digits = 2) {
  return el("span", { "data-name": name, "data-value": number }, shown(number, digits));
}

export function rectangle([x0, y0, x1, y1], scale, attributes = {}) {
  return svg("rect", { x: x0 * scale[0], y: y0 * scale[1], width: Math.max(0, x1 - x0) * scale[0],
                       height: Math.max(0, y1 - y0) * scale[1], ...attributes });
}

// A text on a coloured ground, above the point (x, y).
export function tag(x, y, text, color) {
  const width = 8 + [...text].reduce((sum, sign) => sum + (sign.charCodeAt(0) > 255 ? 12.5 : 6.8), 0);
  const left = Math.min(Math.max(0, x), WIDTH - width), top = Math.max(0, y - 18);
  return svg("g", { class: `tag ${color}`, "pointer-events": "none" },
             svg("rect", { x: left, y: top, width, height: 17, rx: 2 }), svg("text", { x: left + 4, y: top + 12.5 }, text));
}

export function table(head, rows, attributes = {}) {
  return el("div", { class: "scroll" }, el("table", attributes,
    el("thead", {}, el("tr", {}, head.map((one) => el("th", { scope: "col" }, one)))),
    el("tbody", {}, rows.map((row) => (row instanceof Node ? row : el("tr", {}, row.map(
      (one) => (one instanceof HTMLTableCellElement ? one : el("td", {}, one)))))))));
}

function preferredLanguage(host) {
  const page = (document.documentElement.lang || "").toLowerCase();
  return host.dataset.lang || (page.startsWith("zh") || navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en");
}

function isDark() {
  const page = document.documentElement.dataset, body = document.body.dataset;
  if (page.theme) return page.theme === "dark";
  if (body.jpThemeLight) return body.jpThemeLight === "false";
  if (body.vscodeThemeKind) return !body.vscodeThemeKind.includes("light");
  return matchMedia("(prefers-color-scheme: dark)").matches;
}

function followTheme(host) {
  const follow = () => { host.dataset.theme = isDark() ? "dark" : "light"; };
  const observer = new MutationObserver(follow);
  for (const node of [document.documentElement, document.body]) observer.observe(node, { attributes: true });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", follow);
  follow();
}

class Figure {
  constructor(host, title, hint, build) {
    Object.assign(this, { host, build, title, hint, state: {} });
    this.data = JSON.parse(host.querySelector("script").textContent);
    this.language = preferredLanguage(host);
    this.heading = el("strong");
    this.other = el("button", { class: "language", type: "button", click: () => this.speak(this.language === "zh" ? "en" : "zh") });
    this.hintLine = el("p", { class: "hint" });
    this.body = el("div", { class: "body" });
    this.card = el("section", { class: "card" }, el("header", {}, this.heading, this.other), this.hintLine, this.body);
    this.card.addEventListener("keydown", (event) => event.stopPropagation()); // keys here are no notebook's shortcuts
    followTheme(host);
    host.attachShadow({ mode: "open" }).append(el("style", {}, STYLE), this.card);
    this.speak(this.language);
  }

  // Draw everything in a language; the state stays.
  speak(language) {
    this.language = language;
    this.card.lang = language === "zh" ? "zh-CN" : "en";
    this.heading.textContent = this.t(this.title);
    this.card.setAttribute("aria-label", this.t(this.title));
    this.hintLine.textContent = this.t(this.hint);
    this.other.textContent = this.t(["English", "中文"]);
    this.other.lang = language === "zh" ? "en" : "zh-CN";
    Object.assign(this, { limits: [], updates: [] });
    this.body.replaceChildren();
    this.build(this);
    this.update();
  }

  t([chinese, english]) { return this.language === "zh" ? chinese : english; }

  start(values) { this.state = { ...values, ...this.state }; }

  // Apply the limits now, and draw once for all changes of the moment.
  update() {
    for (const limit of this.limits) limit();
    if (this.waiting) return;
    this.waiting = true;
    queueMicrotask(() => {
      this.waiting = false;
      for (const update of this.updates) update();
    });
  }

  // An element, or with svg's g a part of a drawing, whose content is made anew on each update.
  live(node, content) {
    this.updates.push(() => {
      const focused = [...node.querySelectorAll("button")].indexOf(node.getRootNode().activeElement);
      node.replaceChildren(...[content()].flat(Infinity).filter((one) => one !== null));
      if (focused >= 0) node.querySelectorAll("button")[focused]?.focus();
    });
    return node;
  }

  panel(...children) { this.body.append(el("div", { class: "panel" }, ...children)); }

  // A drawing of data with the given width and height; units of the data times scale are units of the drawing.
  stage(width, height, label, picture = this.data.picture) {
    const scale = [WIDTH / width, WIDTH / width], tall = height * scale[1];
    const node = svg("svg", { viewBox: `0 0 ${WIDTH} ${tall}`, role: "group", "aria-label": this.t(label), class: picture ? "clip photo" : "clip" });
    if (picture) node.append(svg("image", { href: picture.uri, width: WIDTH, height: tall, preserveAspectRatio: "none" }));
    else node.append(svg("rect", { width: WIDTH, height: tall, fill: "var(--wash)" }));
    this.body.append(el("div", { class: "stage" }, node));
    return { node, scale, height: tall };
  }

  slider(key, label, { min = 0, max, step = 1, text = String } = {}) {
    const input = el("input", { type: "range", "data-key": key, input: () => {
      this.state[key] = Number(input.value);
      this.update();
    } });
    const output = el("output"), bound = (limit) => (typeof limit === "function" ? limit() : limit);
    this.limits.push(() => {
      [input.min, input.max, input.step] = [bound(min), bound(max), step];
      this.state[key] = Math.min(Math.max(this.state[key], bound(min)), bound(max));
    });
    this.updates.push(() => {
      input.value = this.state[key];
      output.textContent = text(this.state[key]);
      input.setAttribute("aria-valuetext", output.textContent);
    });
    return el("label", { class: "slider" }, label ? el("span", {}, this.t(label)) : null, input, output);
  }

  choice(key, label, options) {
    const name = `${key}-${Math.random().toString(36).slice(2)}`;
    const inputs = options.map(([option]) => el("input", { type: "radio", name, "data-key": key, value: option, input: () => {
      this.state[key] = option;
      this.update();
    } }));
    this.updates.push(() => inputs.forEach((input, i) => { input.checked = this.state[key] === options[i][0]; }));
    return el("fieldset", {}, label ? el("legend", {}, this.t(label)) : null,
              el("span", { class: "choices" }, options.map(([, text], i) => el("label", {}, inputs[i], el("span", {}, this.t(text))))));
  }

  // Buttons and a slider that go through the steps 0 to last() of a computation.
  steps(key, last, text = (step) => `${step} / ${last()}`) {
    const go = (by) => { this.state[key] += by; this.update(); };
    const back = el("button", { type: "button", "aria-label": this.t(["上一步", "previous step"]), click: () => go(-1) }, "◀");
    const next = el("button", { type: "button", "aria-label": this.t(["下一步", "next step"]), click: () => go(1) }, "▶");
    const slider = this.slider(key, null, { max: last, text });
    slider.querySelector("input").setAttribute("aria-label", this.t(["步骤", "step"]));
    this.updates.push(() => { back.disabled = this.state[key] <= 0; next.disabled = this.state[key] >= last(); });
    return el("div", { class: "steps" }, back, slider, next);
  }

  // A number that can be typed.
  number(label, key, { get, set, step = 1 }) {
    const input = el("input", { type: "number", step, "data-key": key, "aria-label": label, input: () => {
      if (input.value !== "" && Number.isFinite(Number(input.value))) {
        set(Number(input.value));
        this.update();
      }
    }, change: () => { input.value = get(); } });
    // while a reader types, even a number out of bounds stays as it is
    this.updates.push(() => { if (input.getRootNode().activeElement !== input) input.value = get(); });
    return input;
  }

  // The four corners of a box as numbers; lines of a table.
  corners(box, key, label, color, { limit, step }) {
    return el("tr", {}, el("td", { class: color }, el("span", { class: "chip" }), label), ["xmin", "ymin", "xmax", "ymax"].map((name, i) => el("td", {},
      this.number(`${label} ${name}`, `${key}-${name}`, { step, get: () => box[i], set: (to) => setCorner(box, i, to, limit) }))));
  }

  // A box that pointer and arrow keys move and change.
  box(layer, box, { scale, color, label, limit, step = 1 }) {
    const tidy = (to) => Math.round(Math.round(to / step) * step * 1e6) / 1e6;
    const move = (dx, dy, parts) => {
      const from = [...box];
      if (parts.length === 4) {
        dx = Math.min(Math.max(dx, limit[0] - from[0]), limit[2] - from[2]);
        dy = Math.min(Math.max(dy, limit[1] - from[1]), limit[3] - from[3]);
        from.forEach((old, i) => { box[i] = tidy(old + (i % 2 ? dy : dx)); });
      } else parts.forEach((i) => setCorner(box, i, tidy(from[i] + (i % 2 ? dy : dx)), limit));
      this.update();
    };
    const listen = (node, parts) => {
      let start = null, last = null;
      node.addEventListener("pointerdown", (event) => {
        node.setPointerCapture(event.pointerId);
        [start, last] = [[...box], event];
        event.preventDefault();
        node.focus({ focusVisible: false });
      });
      node.addEventListener("pointermove", (event) => {
        if (!start) return;
        const zoom = node.ownerSVGElement.getScreenCTM().a;
        start.forEach((old, i) => { box[i] = old; });
        move((event.clientX - last.clientX) / zoom / scale[0], (event.clientY - last.clientY) / zoom / scale[1], parts);
      });
      for (const kind of ["pointerup", "pointercancel"]) node.addEventListener(kind, () => { start = null; });
      node.addEventListener("keydown", (event) => {
        const by = (event.shiftKey ? 10 : 1) * step, arrow = { ArrowLeft: [-by, 0], ArrowRight: [by, 0], ArrowUp: [0, -by], ArrowDown: [0, by] }[event.key];
        if (!arrow) return;
        event.preventDefault();
        move(...arrow, parts);
      });
    };
    const names = [["左上角", "top left corner"], ["右上角", "top right corner"], ["左下角", "bottom left corner"], ["右下角", "bottom right corner"]];
    const way = this.t(["，用方向键移动", ", move it with the arrow keys"]);
    const body = svg("rect", { class: "box", tabindex: 0, role: "button", "aria-label": label + way });
    listen(body, [0, 1, 2, 3]);
    const ends = [[0, 1], [2, 1], [0, 3], [2, 3]].map((parts, i) => {
      const cursor = i === 0 || i === 3 ? "nwse-resize" : "nesw-resize";
      const grip = svg("circle", { class: "grip", r: 16, tabindex: 0, role: "button", style: `cursor: ${cursor}`, "aria-label": `${label}: ${this.t(names[i])}${way}` });
      listen(grip, parts);
      return { parts, grip, dot: svg("circle", { class: "corner", r: 4.5 }) };
    });
    layer.append(svg("g", { class: color }, body, ends.map((end) => [end.grip, end.dot])));
    this.updates.push(() => {
      const [x0, y0, x1, y1] = box.map((one, i) => one * scale[i % 2]);
      fill(body, { x: x0, y: y0, width: x1 - x0, height: y1 - y0 }, []);
      for (const { parts, grip, dot } of ends) {
        for (const node of [grip, dot]) fill(node, { cx: box[parts[0]] * scale[0], cy: box[parts[1]] * scale[1] }, []);
        grip.setAttribute("r", Math.max(7, Math.min(16, (x1 - x0) / 3, (y1 - y0) / 3)));
      }
    });
  }
}

// Move one side of a box within the limit, at most onto the opposite side.
function setCorner(box, i, to, limit) {
  const [low, high] = i < 2 ? [limit[i], box[i + 2]] : [box[i - 2], limit[i]];
  box[i] = Math.min(Math.max(to, low), high);
}

// Put the figure wherever the page has a place for it.
export function mount(name, title, hint, build) {
  for (const host of document.querySelectorAll(`[data-d2l-figure="${name}"]`)) {
    if (!host.shadowRoot) new Figure(host, title, hint, build);
  }
}
