// A run's networks in the browser, by ONNX Runtime Web on one thread of the processor.

async function startRuntime() {
  const ort = await import(`data:text/javascript;base64,${carried("runtime")}`);
  ort.env.wasm.numThreads = 1;
  ort.env.logLevel = "error";
  ort.env.wasm.wasmBinary = await unzipped(bytesOf(carried("runtime-wasm")));
  return ort;
}

class Networks {
  static async load(ort, number, run) {
    const found = new Networks();
    found.ort = ort;
    found.run = run;
    found.sessions = {};
    found.last = Promise.resolve();
    const stored = await unzipped(bytesOf(carried(`weights-${number}`)));
    const weights = run.half ? widened(stored) : stored;
    for (const role of run.networks) {
      const graph = await unzipped(bytesOf(carried(`${role}-${number}`)));
      found.sessions[role] = await ort.InferenceSession.create(graph, { externalData: [{ path: "weights", data: weights }] });
    }
    return found;
  }

  get hasPrior() { return "prior" in this.sessions; }

  get hasReconstruction() { return "reconstruction" in this.sessions; }

  // Sessions take turns: the runtime runs one at a time.
  _run(role, inputs) {
    const session = this.sessions[role];
    const turn = this.last.then(async () => {
      const named = Object.fromEntries(session.inputNames.map((name) => [name, inputs[name]]).filter(([, tensor]) => tensor));
      return (await session.run(named))[session.outputNames[0]].data;
    });
    this.last = turn.catch(() => undefined);
    return turn;
  }

  // Turns noise (n, ...), and s (n, dim) if the prior takes one, into flat codes.
  codes(noise, n, condition) {
    const { shape } = this.run.noise;
    const inputs = { noise: new this.ort.Tensor("float32", noise, [n, ...shape]) };
    if (condition) inputs.condition = new this.ort.Tensor("float32", condition, [n, this.run.condition.dim]);
    return this._run("prior", inputs);
  }

  get readsTexts() { return "text" in this.sessions; }

  // s of a text (dim numbers), and the words that the text encoder does not know.
  async vector(text) {
    const { tokens, unknown } = tokensOf(text, this.run.tokens);
    const padded = new BigInt64Array(this.run.tokens.length);
    padded.set(tokens.map(BigInt));
    const vector = await this._run("text", { tokens: new this.ort.Tensor("int64", padded, [1, padded.length]) });
    return { vector: Float32Array.from(vector), unknown };
  }

  // Whether codes can be decoded: those of held-out images need other batch-norm statistics than the prior's.
  decodes(fromPrior) { return fromPrior || this.hasReconstruction; }

  // Turns codes into images (n, C, H, W) in [-1, 1].
  decode(codes, n, fromPrior = true) {
    const role = fromPrior ? "decoder" : "reconstruction";
    const { shape, indices } = this.run.code;
    const tensor = indices
      ? new this.ort.Tensor("int64", BigInt64Array.from(codes, (value) => BigInt(value)), [n, ...shape])
      : new this.ort.Tensor("float32", Float32Array.from(codes), [n, ...shape]);
    return this._run(role, { codes: tensor });
  }
}

// Words are runs of letters, marks and digits in lower case, with apostrophes between them.
const WORDS = /[\p{L}\p{M}\p{N}]+(?:'[\p{L}\p{M}\p{N}]+)*/gu;

function tokensOf(text, { parts, tokens, unknown, length }) {
  const lower = text.normalize("NFC").toLowerCase().normalize("NFC");
  const found = parts === "words" ? lower.replace(/[\u2019\u02bc]/g, "'").match(WORDS) ?? [] : [...lower];
  const known = (part) => Object.hasOwn(tokens, part);
  return { tokens: found.flatMap((part) => (known(part) ? tokens[part] : unknown)).slice(0, length), unknown: [...new Set(found.filter((part) => !known(part)))] };
}

// Calls an asynchronous function for the latest of many requests, and drops outdated requests.
function latestOnly(work) {
  let running = false, waiting = null;
  return async function ask(...request) {
    waiting = request;
    if (running) return;
    running = true;
    try {
      while (waiting) {
        const next = waiting;
        waiting = null;
        await work(...next);
      }
    } finally { running = false; }
  };
}
