// The condition of samples: a class, perhaps with continuous dimensions, a text, or a vector. Runs with the same choices share a control.

const BESIDE = 1.5;

// Runs share a control if they have the same classes, or offer the same texts; each run has its own vectors.
function controlKey({ run, number }) {
  const { kind, classes, captions, untrained, dim } = run.condition;
  return JSON.stringify(kind === "classes" ? [kind, classes, untrained, dim] : kind === "texts" ? [kind, captions] : [kind, number]);
}

function conditionControls(items, changed) {
  const controls = new Map();
  for (const item of items) {
    if (!item.run.condition) continue;
    const key = controlKey(item);
    if (!controls.has(key)) controls.set(key, new ConditionControl(item.run.condition, changed));
    controls.get(key).items.push(item);
  }
  for (const control of controls.values()) {
    control.build();
    for (const item of control.items) item.control = control;
  }
  return [...controls.values()];
}

class ConditionControl {
  constructor(condition, changed) {
    Object.assign(this, { condition, changed, items: [], turn: 0 });
    this.names = condition.kind === "classes" ? condition.classes : condition.captions;
    this.usable = this.names.map((_, index) => index).filter((index) => !condition.untrained.includes(index));
    this.index = this.usable[0];
    this.ownText = false;
    this.beside = new Float32Array(condition.kind === "classes" ? condition.dim - condition.classes.length : 0);
  }

  build() {
    const few = this.condition.kind === "classes" && this.names.length <= 12;
    this.place = element("div", { className: "condition" }, few ? this.buttons() : this.list());
    if (this.beside.length) this.place.append(element("div", { className: "sliders" }, ...Array.from(this.beside, (_, index) => this.slider(index))));
  }

  pick(index) {
    this.turn += 1;
    this.index = index;
    this.ownText = false;
    this.changed();
  }

  buttons() { return choice("Class", this.usable.map((index) => [index, this.names[index]]), this.index, (index) => this.pick(index)); }

  list() {
    const list = element("select");
    list.setAttribute("aria-label", this.condition.kind === "classes" ? "Class" : "Description");
    this.usable.forEach((index) => list.append(element("option", { value: index, textContent: this.names[index] })));
    list.addEventListener("change", () => this.pick(Number(list.value)));
    const reads = this.items.some(({ networks }) => networks.readsTexts);
    return element("div", { className: "controls" }, list, ...(reads ? this.textField(list) : []));
  }

  // A field for the reader's own text, for the runs whose text encoder is on the page.
  textField(list) {
    const field = element("input", { type: "text", placeholder: "or a text of your own", className: "own" });
    field.setAttribute("aria-label", "A text of your own");
    const told = element("span", { className: "quiet" });
    told.setAttribute("aria-live", "polite");
    field.addEventListener("change", async () => {
      if (!field.value.trim()) return;
      const turn = ++this.turn, missing = new Set(), left = [];
      const vectors = new Map();
      for (const item of this.items) {
        if (!item.networks.readsTexts) { left.push(item.run.name); continue; }
        const { vector, unknown } = await item.networks.vector(field.value);
        vectors.set(item, vector);
        unknown.forEach((word) => missing.add(word));
      }
      // The reader may have chosen something else meanwhile.
      if (turn !== this.turn) return;
      for (const [item, vector] of vectors) item.own = vector;
      this.ownText = true;
      // So that any caption of the list can be chosen again.
      list.selectedIndex = -1;
      const notes = [...(missing.size ? [`not known: ${[...missing].join(", ")}`] : []), ...left.map((name) => `${name} does not read it`)];
      told.textContent = notes.join("; ");
      this.changed();
    });
    return [field, told];
  }

  // A dimension of s beside the class varies the look of the class's images.
  slider(index) {
    const name = `s ${this.condition.classes.length + index + 1}`;
    const slider = element("input", { type: "range", min: -BESIDE, max: BESIDE, step: 0.01, value: 0 });
    const told = element("output", { textContent: "0.00" });
    slider.setAttribute("aria-label", name);
    slider.addEventListener("input", () => {
      this.beside[index] = Number(slider.value);
      told.textContent = this.beside[index].toFixed(2);
      this.changed();
    });
    return element("label", {}, element("span", { textContent: name }), slider, told);
  }

  // s of n samples of a run, flat.
  vectors(item, n) {
    const { kind, dim, classes } = this.condition.kind === "texts" ? item.run.condition : this.condition;
    const all = new Float32Array(n * dim);
    for (let i = 0; i < n; i++) {
      if (kind === "classes") {
        all[i * dim + this.index] = 1;
        all.set(this.beside, i * dim + classes.length);
      } else if (this.ownText && item.own) all.set(item.own, i * dim);
      else all.set(item.vectors.subarray(this.index * dim, (this.index + 1) * dim), i * dim);
    }
    return all;
  }
}
