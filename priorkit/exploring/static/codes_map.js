// A two-dimensional map of codes: places, the points near a place, and the code of a place.

const NEAR = 4;

class CodesMap {
  static async load(run) {
    const { points, code } = run;
    const map = new CodesMap();
    map.run = run;
    map.count = points.count;
    map.dim = code.dim;
    map.codes = (code.indices ? integersOf : floatsOf)(points.codes);
    map.layouts = {};
    for (const [name, text] of Object.entries(points.places)) map.layouts[name] = floatsOf(text);
    map.plane = points.plane && { ...points.plane, mean: floatsOf(points.plane.mean), axes: floatsOf(points.plane.axes) };
    map.thumbnails = Object.assign(new Image(), { src: points.thumbnails });
    await map.thumbnails.decode();
    return map;
  }

  fromPrior(index) { return this.run.points.prior[index] === 1; }

  className(index) {
    const label = this.run.points.classes[index];
    return label < 0 ? "" : this.run.classes[label] ?? String(label);
  }

  place(layout, index) { return [this.layouts[layout][2 * index], this.layouts[layout][2 * index + 1]]; }

  // Points near a place, the nearest first, with their distances.
  nearest(layout, [x, y], shown, count = NEAR) {
    const found = [];
    for (let index = 0; index < this.count; index++) {
      if (!shown(index)) continue;
      const [px, py] = this.place(layout, index);
      found.push([Math.hypot(px - x, py - y), index]);
    }
    return found.sort((one, other) => one[0] - other[0]).slice(0, count);
  }

  codeAt(index) { return this.codes.subarray(index * this.dim, (index + 1) * this.dim); }

  // The code of a place: a point's own, or a mean of the nearest points' codes of one kind, weighted by nearness.
  codeOf(layout, place, shown, snap) {
    const found = this.nearest(layout, place, shown);
    if (!found.length) return null;
    const [distance, first] = found[0];
    if (distance < snap || this.run.code.indices) return { code: this.codeAt(first), prior: this.fromPrior(first), point: first };
    const alike = found.filter(([, index]) => this.fromPrior(index) === this.fromPrior(first));
    const code = new Float32Array(this.dim);
    let total = 0;
    for (const [away, index] of alike) {
      const weight = 1 / (away * away + 1e-12);
      total += weight;
      this.codeAt(index).forEach((value, k) => { code[k] += weight * value; });
    }
    return { code: code.map((value) => value / total), prior: this.fromPrior(first), point: null, between: alike.length };
  }

  // The place of a new code among the others, which only the principal plane gives.
  placeOf(code) {
    if (!this.plane) return null;
    const { mean, axes, middle, half } = this.plane;
    return [0, 1].map((axis) => {
      let sum = 0;
      for (let k = 0; k < this.dim; k++) sum += (code[k] - mean[k]) * axes[axis * this.dim + k];
      return (sum - middle[axis]) / half;
    });
  }

  drawThumbnail(canvas, index) {
    const { thumbnail, columns } = this.run.points;
    canvas.width = canvas.height = thumbnail;
    const x = (index % columns) * thumbnail, y = Math.floor(index / columns) * thumbnail;
    canvas.getContext("2d").drawImage(this.thumbnails, x, y, thumbnail, thumbnail, 0, 0, thumbnail, thumbnail);
  }
}

// Interpolates between two lists of numbers.
const between = (start, end, share) => start.map((value, k) => value + share * (end[k] - value));
