// Noise: normal numbers, which are converted to each prior's own distribution. The same seed gives the same numbers.

function generator(seed) {
  let state = seed >>> 0;
  const uniform = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
  return uniform;
}

// The Box-Muller transform, from uniform to normal numbers.
function normals(count, uniform) {
  const drawn = new Float32Array(count);
  for (let i = 0; i < count; i++) drawn[i] = Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
  return drawn;
}

// The normal distribution function (Abramowitz and Stegun 7.1.26, within 1e-7).
function normalShare(value) {
  const x = Math.abs(value) / Math.SQRT2, t = 1 / (1 + 0.3275911 * x);
  const tail = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429)))) * Math.exp(-x * x);
  return value < 0 ? tail / 2 : 1 - tail / 2;
}

class NoiseLaw {
  // spans: parts of the last axis, each with one distribution; drawn: stored draws if browsers cannot draw the noise.
  constructor({ shape, spans, drawn }, examples) {
    this.shape = shape;
    this.count = shape.reduce((product, size) => product * size, 1);
    this.width = shape.length ? shape[shape.length - 1] : 1;
    this.laws = new Array(this.width).fill("normal");
    for (const { start, stop, distribution } of spans) this.laws.fill(distribution, start, stop);
    this.examples = drawn ? examples : null;
  }

  lawOf(place) { return this.laws[place % this.width]; }

  // Converts the first of the normal numbers to this law; `example` chooses among stored draws.
  of(normal, example = 0) {
    const noise = new Float32Array(this.count);
    const offset = this.examples ? (example % (this.examples.length / this.count)) * this.count : 0;
    for (let place = 0; place < this.count; place++) {
      const law = this.lawOf(place), value = normal[place];
      noise[place] = law === "normal" ? value : law === "uniform" ? Math.min(normalShare(value), 1 - 2 ** -24) : this.examples[offset + place];
    }
    return noise;
  }
}
