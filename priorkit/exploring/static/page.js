// Starts the page: data first, so that the map appears at once; then the networks, if the browser can run them.

const runs = JSON.parse(document.getElementById("runs").textContent);
const ready = start();

async function loadedNetworks() {
  if (!carried("runtime")) return { networks: runs.map(() => null), failure: "" };
  try {
    if (typeof WebAssembly !== "object") throw new Error("it has no WebAssembly");
    const ort = await startRuntime();
    const networks = [];
    for (const [number, run] of runs.entries()) networks.push(run.networks.length ? await Networks.load(ort, number, run) : null);
    return { networks, failure: "" };
  } catch (error) {
    return { networks: runs.map(() => null), failure: `This browser cannot run the networks (${error.message}): the pictures here were decoded in advance.` };
  }
}

async function start() {
  const before = document.getElementById("decoded-before"), place = document.getElementById("sampler");
  const { networks, failure } = await loadedNetworks();
  if (failure) place.append(element("p", { className: "warning", textContent: failure }));
  const items = [];
  for (const [number, run] of runs.entries()) {
    const { noise, condition } = run;
    const law = new NoiseLaw(noise, noise.drawn ? floatsOf(noise.drawn) : null);
    const vectors = condition?.vectors ? floatsOf(condition.vectors) : null;
    const map = await CodesMap.load(run);
    items.push({ run, number, law, vectors, networks: networks[number], map, view: null });
  }
  showMaps(items);
  const sampler = items.some((item) => item.networks?.hasPrior) ? new Sampler(items, place) : null;
  before.hidden = items.every((item) => item.networks?.hasPrior);
  document.documentElement.dataset.ready = failure ? "pictures" : "networks";
  // For the console: `await (await priorkit).decode(0, codes)`.
  return {
    runs, items, sampler,
    decode: (index, codes, n = 1, fromPrior = true) => items[index].networks.decode(codes, n, fromPrior),
    codes: (index, noise, n = 1, condition = null) => items[index].networks.codes(noise, n, condition),
  };
}

function showMaps(items) {
  const section = document.getElementById("map");
  section.append(element("h2", { textContent: "Codes" }));
  const places = items.map(() => element("div"));
  if (items.length > 1) {
    section.append(choice("Run", items.map(({ run }, index) => [index, run.name]), 0, (chosen) => {
      places.forEach((place, index) => { place.hidden = index !== chosen; });
      items[chosen].view.draw();
    }));
  }
  items.forEach((item, index) => {
    section.append(places[index]);
    item.view = new MapView(item.map, item.networks, places[index]);
    places[index].hidden = index > 0;
    item.view.draw();
  });
}

globalThis.priorkit = ready;
