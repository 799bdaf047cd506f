// The sampler: feeds the same noise, set by sliders, to the prior and the decoder of every run.

const STRIP = 12, FIRST_SLIDERS = 8;

class Sampler {
  constructor(runs, place) {
    this.runs = runs; // { run, number, networks, law, vectors, view }
    this.able = runs.filter(({ networks }) => networks?.hasPrior);
    this.count = Math.max(...this.able.map(({ law }) => law.count));
    // The first run's numbers come first, then those that only other runs have.
    this.places = [...new Set(this.able.flatMap(({ run }) => run.noise.order))];
    this.scale = 1;
    this.seed = 1;
    this.build(place);
    this.showLatest = latestOnly(() => this.show());
    this.stripLatest = latestOnly(() => this.showStrip());
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
    place.append(controls, ...conditionControls(this.able, () => this.redraw()).map((control) => control.place));
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
      return { item, now, strip };
    });
    this.sliders = element("div", { className: "sliders" });
    place.append(element("h3", { textContent: "Noise" }), element("p", { className: "quiet", textContent: "The numbers that change the picture most come first." }), this.sliders);
    this.makeSliders(FIRST_SLIDERS);
  }

  makeSliders(count) {
    const places = this.places;
    this.inputs = places.slice(0, count).map((place) => {
      const slider = element("input", { type: "range", min: -3, max: 3, step: 0.01 });
      const value = element("output");
      slider.dataset.place = place;
      slider.setAttribute("aria-label", `z ${place + 1}`);
      slider.addEventListener("input", () => { this.noise[place] = Number(slider.value); this.tell(slider, value, place); this.showLatest(); });
      return { slider, value, place, label: element("label", {}, element("span", { textContent: `z ${place + 1}` }), slider, value) };
    });
    this.sliders.replaceChildren(...this.inputs.map(({ label }) => label));
    if (count < places.length) this.sliders.append(button(`All ${places.length}`, null, () => this.makeSliders(places.length)));
    if (this.noise) this.setSliders();
  }

  // The number in the distribution of the first run that has it.
  tell(slider, value, place) {
    const { law } = this.able.find((item) => place < item.law.count);
    value.textContent = law.lawOf(place) === "uniform" ? normalShare(this.noise[place]).toFixed(2) : this.noise[place].toFixed(2);
  }

  setSliders() {
    for (const { slider, value, place } of this.inputs) {
      slider.value = this.noise[place];
      this.tell(slider, value, place);
    }
  }

  // Draws new noise for the strip; its first sample sets the sliders.
  draw() {
    const uniform = generator(this.seed);
    this.drawn = Array.from({ length: STRIP }, () => normals(this.count, uniform));
    this.take(0);
    this.stripLatest();
  }

  redraw() { this.showLatest(); this.stripLatest(); }

  take(index) {
    this.noise = Float32Array.from(this.drawn[index]);
    this.example = this.seed * STRIP + index;
    this.setSliders();
    this.showLatest();
  }

  scaled(normal) { return this.scale === 1 ? normal : normal.map((value) => value * this.scale); }

  async show() {
    for (const { item, now } of this.rows) {
      const { run, networks, law, view } = item;
      const codes = await networks.codes(law.of(this.scaled(this.noise), this.example), 1, item.control?.vectors(item, 1));
      view?.follow(codes);
      show(now, await networks.decode(codes, 1), 0, run);
    }
  }

  async showStrip() {
    const seed = this.seed;
    for (const { item, strip } of this.rows) {
      const { run, networks, law } = item;
      const noise = new Float32Array(STRIP * law.count);
      this.drawn.forEach((normal, i) => noise.set(law.of(this.scaled(normal), seed * STRIP + i), i * law.count));
      const codes = await networks.codes(noise, STRIP, item.control?.vectors(item, STRIP));
      const images = await networks.decode(codes, STRIP);
      strip.forEach((canvas, i) => show(canvas, images, i, run));
    }
  }
}
