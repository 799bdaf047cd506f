// The sampler: the same noise through the prior and the decoder of every run, turned by sliders.

const STRIP = 12, FIRST_SLIDERS = 8;

class Sampler {
  constructor(runs, place) {
    this.runs = runs; // { run, networks, law, view }
    this.able = runs.filter(({ networks }) => networks?.hasPrior);
    this.count = Math.max(...this.able.map(({ law }) => law.count));
    this.scale = 1;
    this.seed = 1;
    this.chosen = new Map(); // The condition of each run, by what it is called.
    this.build(place);
    this.showLatest = latestOnly(() => this.show());
    this.draw();
  }

  build(place) {
    const controls = element("div", { className: "controls" });
    controls.append(button("New noise", null, () => { this.seed += 1; this.draw(); }));
    const scale = element("input", { type: "range", min: 0, max: 1.5, step: 0.05, value: 1 });
    scale.setAttribute("aria-label", "Scale of the noise");
    scale.addEventListener("input", () => { this.scale = Number(scale.value); told.textContent = `scale ${this.scale.toFixed(2)}`; this.redraw(); });
    const told = element("span", { textContent: "scale 1.00", className: "quiet" });
    controls.append(element("label", { className: "scale" }, told, scale));
    place.append(controls, ...this.conditions());
    this.rows = this.able.map((item) => {
      const now = imageCanvas(item.run, `sample of ${item.run.name}`);
      now.classList.add("now");
      const strip = Array.from({ length: STRIP }, (_, index) => {
        const canvas = imageCanvas(item.run, `sample ${index + 1}: take its noise`);
        const take = element("button", { type: "button", className: "take", title: "take this noise" }, canvas);
        take.addEventListener("click", () => this.take(index));
        return canvas;
      });
      const heading = this.runs.length > 1 ? [element("h3", { textContent: item.run.name })] : [];
      const row = element("div", { className: "sampled" }, ...heading, element("div", { className: "split even" }, now, element("div", { className: "strip" }, ...strip.map((canvas) => canvas.parentElement))));
      place.append(row);
      return { ...item, now, strip };
    });
    this.sliders = element("div", { className: "sliders" });
    place.append(element("h3", { textContent: "Noise" }), element("p", { className: "quiet", textContent: "The numbers that change the picture most come first." }), this.sliders);
    this.makeSliders(FIRST_SLIDERS);
  }

  // A choice for each kind of condition that the runs know: runs with the same classes share it.
  conditions() {
    const made = new Map();
    for (const { run } of this.able) {
      const condition = run.condition;
      if (!condition) continue;
      const names = condition.classes.length ? condition.classes : condition.captions;
      const key = names.join("\n");
      if (!made.has(key)) made.set(key, this.condition(key, condition, names));
    }
    return made.values();
  }

  condition(key, condition, names) {
    const pick = (index) => { this.chosen.set(key, index); this.redraw(); };
    const usable = names.map((_, index) => index).filter((index) => !condition.untrained.includes(index));
    this.chosen.set(key, usable[0]);
    if (condition.classes.length && names.length <= 12) {
      return choice("Class", usable.map((index) => [index, names[index]]), usable[0], pick);
    }
    const list = element("select");
    list.setAttribute("aria-label", condition.classes.length ? "Class" : "Description");
    usable.forEach((index) => list.append(element("option", { value: index, textContent: names[index] })));
    list.addEventListener("change", () => pick(Number(list.value)));
    const reading = this.able.filter(({ run, networks }) => run.condition === condition && networks.readsTexts);
    return element("div", { className: "controls" }, list, ...(reading.length ? this.ownText(key, names) : []));
  }

  // A text of the reader's own, for every run that reads texts and offers the same ones.
  ownText(key, names) {
    const field = element("input", { type: "text", placeholder: "or a text of your own", className: "own" });
    field.setAttribute("aria-label", "A text of your own");
    const told = element("span", { className: "quiet" });
    told.setAttribute("aria-live", "polite");
    field.addEventListener("change", async () => {
      if (!field.value.trim()) return;
      const missing = new Set();
      for (const { run, networks } of this.able) {
        if (!networks.readsTexts || run.condition.captions.join("\n") !== key) continue;
        const { vector, unknown } = await networks.vector(field.value);
        unknown.forEach((word) => missing.add(word));
        run.own = vector;
      }
      told.textContent = missing.size ? `not known: ${[...missing].join(", ")}` : "";
      this.chosen.set(key, names.length);
      this.redraw();
    });
    return [field, told];
  }

  conditionOf(run, n) {
    const condition = run.condition;
    if (!condition) return null;
    const names = condition.classes.length ? condition.classes : condition.captions;
    const index = this.chosen.get(names.join("\n"));
    const all = new Float32Array(n * condition.dim);
    for (let i = 0; i < n; i++) {
      if (condition.classes.length) all[i * condition.dim + index] = 1;
      else all.set(index < names.length ? run.vectors.subarray(index * condition.dim, (index + 1) * condition.dim) : run.own, i * condition.dim);
    }
    return all;
  }

  makeSliders(count) {
    const [{ law, run }] = this.able;
    const places = run.noise.order;
    this.inputs = places.slice(0, count).map((place) => {
      const slider = element("input", { type: "range", min: -3, max: 3, step: 0.01 });
      const value = element("output");
      slider.dataset.place = place;
      slider.setAttribute("aria-label", `z ${place + 1}`);
      slider.addEventListener("input", () => { this.noise[place] = Number(slider.value); this.tell(slider, value, law); this.showLatest(); });
      return { slider, value, place, label: element("label", {}, element("span", { textContent: `z ${place + 1}` }), slider, value) };
    });
    this.sliders.replaceChildren(...this.inputs.map(({ label }) => label));
    if (count < places.length) this.sliders.append(button(`All ${places.length}`, null, () => this.makeSliders(places.length)));
    if (this.noise) this.setSliders();
  }

  tell(slider, value, law) {
    const place = Number(slider.dataset.place);
    value.textContent = law.lawOf(place) === "uniform" ? normalShare(this.noise[place]).toFixed(2) : this.noise[place].toFixed(2);
  }

  setSliders() {
    for (const { slider, value, place } of this.inputs) {
      slider.value = this.noise[place];
      this.tell(slider, value, this.able[0].law);
    }
  }

  // New noise for the strip, and the first of it for the sliders.
  draw() {
    const uniform = generator(this.seed);
    this.drawn = Array.from({ length: STRIP }, () => normals(this.count, uniform));
    this.take(0);
    this.showStrip();
  }

  redraw() { this.showStrip(); this.showLatest(); }

  take(index) {
    this.noise = Float32Array.from(this.drawn[index]);
    this.example = this.seed * STRIP + index;
    this.setSliders();
    this.showLatest();
  }

  scaled(normal) { return this.scale === 1 ? normal : normal.map((value) => value * this.scale); }

  async show() {
    for (const { run, networks, law, now, view } of this.rows) {
      const codes = await networks.codes(law.of(this.scaled(this.noise), this.example), 1, this.conditionOf(run, 1));
      view?.follow(codes);
      show(now, await networks.decode(codes, 1), 0, run);
    }
  }

  async showStrip() {
    const seed = this.seed, scale = this.scale;
    for (const { run, networks, law, strip } of this.rows) {
      const noise = new Float32Array(STRIP * law.count);
      this.drawn.forEach((normal, i) => noise.set(law.of(this.scaled(normal), seed * STRIP + i), i * law.count));
      const codes = await networks.codes(noise, STRIP, this.conditionOf(run, STRIP));
      const images = await networks.decode(codes, STRIP);
      if (seed !== this.seed || scale !== this.scale) return;
      strip.forEach((canvas, i) => show(canvas, images, i, run));
    }
  }
}
