// The map on the page: click decodes, drag interpolates, the pointer shows small pictures; all by keyboard, too.

const MOST_NAMED = 30, STEPS = 8, SNAP_PIXELS = 9, MOVED_PIXELS = 6;

function colourOf(probe, name) {
  probe.style.color = name;
  return getComputedStyle(probe).color;
}

class MapView {
  constructor(map, networks, place) {
    Object.assign(this, { map, networks, run: map.run });
    this.layout = "t-SNE";
    this.colouring = this.run.points.classes.some((label) => label >= 0) && this.run.classes.length ? "class" : "kind";
    this.kinds = { held: true, prior: true };
    this.cursor = [0, 0];
    this.start = this.end = this.now = null;
    this.decodeLatest = latestOnly((at) => this.decodeAt(at));
    this.build(place);
    new ResizeObserver(() => this.draw()).observe(this.canvas);
    this.choose(map.place(this.layout, 0));
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
  }

  build(place) {
    const held = this.run.points.prior.includes(0);
    this.canvas = element("canvas", { className: "map", tabIndex: 0 });
    this.canvas.setAttribute("role", "application");
    this.canvas.setAttribute("aria-label", "Map of codes. Arrow keys move, Enter decodes, S starts an interpolation, which Enter ends.");
    this.tip = element("div", { className: "tip", hidden: true });
    this.tipPicture = element("canvas", { className: "pixels" });
    this.tipText = element("span");
    this.tip.append(this.tipPicture, this.tipText);
    const again = () => this.draw();
    const controls = element("div", { className: "controls" });
    controls.append(choice("Layout", [["t-SNE", "t-SNE"], ["principal axes", "Principal axes"]], this.layout, (value) => { this.layout = value; this.start = this.end = null; again(); }));
    if (this.run.classes.length) controls.append(choice("Colour", [["class", "Class"], ["kind", "Image or prior"]], this.colouring, (value) => { this.colouring = value; again(); }));
    if (held) {
      for (const [kind, text] of [["held", "Held-out images"], ["prior", "Prior"]]) {
        controls.append(button(text, true, (pressed) => {
          this.kinds[kind] = !this.kinds[kind];
          pressed.setAttribute("aria-pressed", this.kinds[kind]);
          again();
        }));
      }
    }
    this.legend = element("div", { className: "legend" });
    this.decoded = imageCanvas(this.run, "decoded code");
    this.decoded.classList.add("decoded");
    this.original = element("canvas", { className: "pixels original", hidden: true });
    this.said = element("p", { textContent: this.networks ? "Click the map to decode a code; drag to interpolate." : "Click a point to see its picture." });
    this.said.setAttribute("aria-live", "polite");
    this.walk = element("div", { className: "strip" });
    const side = element("div", { className: "side" }, element("div", { className: "pair" }, this.decoded, this.original), this.said, this.walk);
    this.decoded.hidden = !this.networks;
    place.append(controls, element("div", { className: "split" }, element("div", { className: "field" }, this.canvas, this.tip, this.legend), side));
    this.listen();
  }

  shown = (index) => (this.map.fromPrior(index) ? this.kinds.prior : this.kinds.held);

  // From places in [-1, 1] to pixels of the canvas, and back.
  get side() { return this.canvas.clientWidth; }
  toPixels([x, y]) { return [(x + 1) / 2 * (this.side - 16) + 8, (1 - y) / 2 * (this.side - 16) + 8]; }
  toPlace([px, py]) { return [(px - 8) / (this.side - 16) * 2 - 1, 1 - (py - 8) / (this.side - 16) * 2]; }
  get snap() { return SNAP_PIXELS * 2 / (this.side - 16); }

  listen() {
    const at = (event) => {
      const box = this.canvas.getBoundingClientRect();
      return this.toPlace([event.clientX - box.left, event.clientY - box.top]);
    };
    let down = null;
    this.canvas.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || !event.isPrimary) return;
      down = { place: at(event), x: event.clientX, y: event.clientY, moved: false };
      this.canvas.setPointerCapture(event.pointerId);
    });
    this.canvas.addEventListener("pointermove", (event) => {
      if (down && Math.hypot(event.clientX - down.x, event.clientY - down.y) > MOVED_PIXELS) down.moved = true;
      if (down?.moved) {
        this.tip.hidden = true;
        this.start = down.place;
        this.end = at(event);
        this.draw();
        this.decodeLatest(this.end);
      } else if (!down) this.hover(at(event), event);
    });
    const up = (event) => {
      if (!down) return;
      const { moved, place } = down;
      down = null;
      if (event.type !== "pointerup") {
        // The browser has taken over the gesture, such as to scroll.
        this.start = this.end = null;
        this.draw();
      } else if (moved) this.interpolate(place, at(event));
      else this.choose(place);
    };
    this.canvas.addEventListener("pointerup", up);
    this.canvas.addEventListener("pointercancel", up);
    this.canvas.addEventListener("lostpointercapture", up);
    this.canvas.addEventListener("pointerleave", () => { this.tip.hidden = true; });
    this.canvas.addEventListener("keydown", (event) => this.key(event));
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const step = event.shiftKey ? 0.1 : 0.02;
    const move = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, step], ArrowDown: [0, -step] }[event.key];
    if (move) {
      this.cursor = this.cursor.map((value, axis) => Math.min(1, Math.max(-1, value + move[axis])));
      if (this.start && this.marking) this.end = this.cursor;
    } else if (event.key === "s" || event.key === "S") {
      this.start = this.end = this.cursor;
      this.marking = true;
    } else if (event.key === "Enter" || event.key === " ") {
      if (this.marking) { this.marking = false; this.interpolate(this.start, this.cursor); }
      else this.choose(this.cursor);
    } else if (event.key === "Escape") {
      this.start = this.end = null;
      this.marking = false;
    } else return;
    event.preventDefault();
    this.draw();
    if (move) this.decodeLatest(this.cursor);
  }

  hover(place, event) {
    const [found] = this.map.nearest(this.layout, place, this.shown, 1);
    this.tip.hidden = !found || found[0] > this.snap * 1.5;
    if (this.tip.hidden) return;
    this.map.drawThumbnail(this.tipPicture, found[1]);
    this.tipText.textContent = this.describe(found[1]);
    const box = this.canvas.getBoundingClientRect(), x = event.clientX - box.left, y = event.clientY - box.top;
    this.tip.style.left = `${Math.min(x + 14, Math.max(0, this.side - 130))}px`;
    this.tip.style.top = `${y + 14}px`;
  }

  describe(index) {
    const name = this.map.className(index);
    const kind = this.map.fromPrior(index) ? "the prior's code" : "code of a held-out image";
    return name ? `${kind}, class ${name}` : kind;
  }

  choose(place) {
    this.marking = false;
    this.turn = (this.turn ?? 0) + 1;
    this.start = this.end = null;
    this.cursor = place;
    this.walk.replaceChildren();
    this.draw();
    return this.decodeLatest(place);
  }

  async decodeAt(place) {
    const found = this.map.codeOf(this.layout, place, this.shown, this.networks ? this.snap : Infinity);
    this.original.hidden = !found || found.point === null;
    if (!found) return;
    if (found.point !== null) this.map.drawThumbnail(this.original, found.point);
    const what = found.point === null ? `between ${found.between} ${found.prior ? "of the prior's codes" : "codes of held-out images"}` : this.describe(found.point);
    const turn = this.turn;
    const decodes = this.networks?.decodes(found.prior) ?? false;
    this.decoded.hidden = !decodes;
    if (decodes) show(this.decoded, await this.networks.decode(found.code, 1, found.prior), 0, this.run);
    // A line that was drawn meanwhile has its own text.
    if (turn !== this.turn) return;
    if (!decodes) this.said.textContent = what;
    else this.said.textContent = found.point !== null && !found.prior ? `${what}: decoded, beside the image` : `${what}: decoded`;
  }

  // Pictures of the straight line between the codes of two places.
  async interpolate(from, to) {
    const [start, end] = [from, to].map((place) => this.map.codeOf(this.layout, place, this.shown, this.snap));
    this.marking = false;
    const turn = this.turn = (this.turn ?? 0) + 1;
    if (!start || !end || ![start, end].every(({ prior }) => this.networks?.decodes(prior))) return;
    this.start = from;
    this.end = to;
    this.draw();
    const indices = this.run.code.indices;
    const codes = Array.from({ length: STEPS }, (_, i) => {
      const share = i / (STEPS - 1);
      // Indices cannot be interpolated: follow the line on the map instead.
      return indices ? this.map.codeOf(this.layout, between(from, to, share), this.shown, 0).code : between(start.code, end.code, share);
    });
    const flat = new (indices ? Int32Array : Float32Array)(STEPS * this.map.dim);
    codes.forEach((code, i) => flat.set(code, i * this.map.dim));
    // Each half uses the batch-norm statistics of its end.
    const kinds = [...new Set([start.prior, end.prior])], decoded = new Map();
    for (const prior of kinds) decoded.set(prior, await this.networks.decode(flat, STEPS, prior));
    if (turn !== this.turn) return;
    this.walk.replaceChildren(...codes.map((_, i) => {
      const canvas = imageCanvas(this.run, `step ${i + 1} of ${STEPS}`);
      show(canvas, decoded.get(i < STEPS / 2 ? start.prior : end.prior), i, this.run);
      return canvas;
    }));
    this.said.textContent = indices ? "Codes are indices of a codebook, and nothing lies between two: these codes are nearest to the line." : "The straight line between two codes, decoded.";
  }

  draw() {
    const ratio = devicePixelRatio || 1, side = this.side;
    if (!side) return;
    this.canvas.width = this.canvas.height = Math.round(side * ratio);
    const context = this.canvas.getContext("2d");
    context.scale(ratio, ratio);
    const { classes } = this.run, labels = this.run.points.classes;
    const byClass = this.colouring === "class";
    const hue = (label) => (label < 10 && classes.length <= 10 ? `var(--c${label})` : `hsl(${(label * 137.5) % 360} 60% 50%)`);
    const names = byClass ? classes.map((_, label) => hue(label)) : ["var(--c0)", "var(--c1)"];
    const palette = names.map((name) => colourOf(this.legend, name)), quiet = colourOf(this.legend, "var(--quiet)");
    this.legend.style.color = "";
    for (let index = 0; index < this.map.count; index++) {
      if (!this.shown(index)) continue;
      const prior = this.map.fromPrior(index), [x, y] = this.toPixels(this.map.place(this.layout, index));
      context.fillStyle = context.strokeStyle = byClass ? palette[labels[index]] ?? quiet : palette[prior ? 1 : 0];
      context.globalAlpha = 0.8;
      context.beginPath();
      // Discs are images, rings are the prior's codes, so that they differ without colours, too.
      context.arc(x, y, prior ? 2.8 : 3, 0, 2 * Math.PI);
      if (prior) { context.lineWidth = 1.3; context.stroke(); } else context.fill();
    }
    context.globalAlpha = 1;
    this.drawMarks(context);
    this.showLegend(byClass ? classes.map((name, label) => [names[label], name]) : [], palette);
  }

  drawMarks(context) {
    const ink = colourOf(this.legend, "var(--ink)");
    this.legend.style.color = "";
    context.strokeStyle = ink;
    context.lineWidth = 1.5;
    if (this.start && this.end) {
      context.beginPath();
      context.moveTo(...this.toPixels(this.start));
      context.lineTo(...this.toPixels(this.end));
      context.stroke();
    }
    const [x, y] = this.toPixels(this.cursor);
    context.beginPath();
    context.moveTo(x - 7, y); context.lineTo(x + 7, y);
    context.moveTo(x, y - 7); context.lineTo(x, y + 7);
    context.stroke();
    if (this.now && this.layout === "principal axes") {
      context.beginPath();
      context.arc(...this.toPixels(this.now), 9, 0, 2 * Math.PI);
      context.stroke();
    }
  }

  showLegend(entries, palette) {
    const key = entries.map(([, name]) => name).join("\n") + palette.join();
    if (key === this.legendKey) return;
    this.legendKey = key;
    const mark = (kind, text, colour) => element("span", {}, Object.assign(element("i", { className: kind }), { style: `color: ${colour}` }), text);
    const plain = entries.length > 0;
    this.legend.replaceChildren(
      ...(this.run.points.prior.includes(0) ? [mark("disc", "held-out images", plain ? "inherit" : palette[0])] : []),
      mark("ring", "the prior's codes", plain ? "inherit" : palette[1]),
      ...entries.slice(0, MOST_NAMED).map(([colour, name]) => mark("square", name, colour)),
      ...(entries.length > MOST_NAMED ? [`and ${entries.length - MOST_NAMED} more classes`] : []),
    );
  }

  // The place of the sampler's code.
  follow(code) {
    this.now = this.map.placeOf(code);
    if (this.layout === "principal axes") this.draw();
  }
}
