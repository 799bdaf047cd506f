// Requests the runs from the server every other second, and updates what has changed. Names are set as text, never as HTML.
const PAUSE = 2000;
const AFTER_FAILURE = 5000;
const MOST = 20;
const TINTS = 10;
const KINDS = { samples: "samples", reconstructions: "held-out images, each above its reconstruction" };
const byId = (id) => document.getElementById(id);
const make = (tag, className = "", text = "") => Object.assign(document.createElement(tag), { className, textContent: text });
const counted = (value) => value.toLocaleString("en");

let runs = [];
let chosen = fromAddress();
let across = "step";
let known = "";
let timer = 0;
const rows = new Map();
const figures = new Map();
const panels = new Map();

function fromAddress() {
  const found = /^#runs=(\d+(?:,\d+)*)$/.exec(location.hash);
  return found ? found[1].split(",").map(Number).slice(0, MOST) : null;
}

async function ask(what) {
  const answer = await fetch(what, { cache: "no-store" });
  if (!answer.ok) throw new Error(await answer.text());
  return answer.json();
}

// Orders the children of a list like `wanted`, without moving those in place, which would lose the focus.
function arrange(parent, wanted) {
  wanted.forEach((child, place) => { if (parent.children[place] !== child) parent.insertBefore(child, parent.children[place] || null); });
  while (parent.children.length > wanted.length) parent.lastElementChild.remove();
}

function setText(element, text) { if (element.textContent !== text) element.textContent = text; }

const tint = (id) => `var(--c${chosen.indexOf(id) % TINTS})`;

function choose(ids) {
  chosen = ids.slice(-MOST);
  history.replaceState(null, "", chosen.length ? `#runs=${chosen.join(",")}` : location.pathname);
  known = "";
  showRuns();
  poll();
}

function makeRow(id) {
  const row = make("li"), label = make("label"), name = make("span", "name"), far = make("span", "far");
  const box = Object.assign(document.createElement("input"), { type: "checkbox" });
  const parts = { row, box, name: make("span"), about: make("small"), state: make("span", "state"), bar: document.createElement("progress"),
    far: make("span"), scores: make("span", "scores"), report: make("a", "", "report"), error: make("span", "error") };
  box.addEventListener("change", () => choose(box.checked ? [...chosen, id] : chosen.filter((other) => other !== id)));
  name.append(parts.name, parts.about);
  label.append(box, name);
  far.append(parts.bar, parts.far);
  Object.assign(parts.report, { href: `/report/${id}`, target: "_blank", rel: "noopener" });
  row.append(label, parts.state, far, parts.scores, parts.report, parts.error);
  return parts;
}

function since(run, now) {
  const seconds = run.updated === null ? 0 : Math.max(0, now - run.updated);
  if (run.state !== "running" || seconds < 60) return "";
  return seconds < 3600 ? `, nothing new for ${Math.floor(seconds / 60)}m` : `, nothing new for ${Math.floor(seconds / 3600)}h`;
}

function showRow(run, now) {
  if (!rows.has(run.id)) rows.set(run.id, makeRow(run.id));
  const parts = rows.get(run.id), picked = chosen.includes(run.id);
  parts.row.className = `${run.state}${picked ? " chosen" : ""}`;
  parts.box.checked = picked;
  parts.row.style.setProperty("--tint", picked ? tint(run.id) : "var(--accent)");
  setText(parts.name, run.name);
  setText(parts.about, run.about);
  setText(parts.state, run.state);
  if (parts.state.className !== `state ${run.state}`) parts.state.className = `state ${run.state}`;
  if (run.fraction === null) parts.bar.removeAttribute("value"); else parts.bar.value = run.fraction;
  parts.bar.hidden = run.fraction === null && run.state !== "running";
  parts.bar.setAttribute("aria-label", `progress of ${run.name}`);
  const steps = run.steps ? `${counted(run.step)} of ${counted(run.steps)} steps` : `${counted(run.step)} steps`;
  setText(parts.far, run.state === "waiting" || (run.error && !run.step) ? "" : `${steps}${run.left === null ? ` in ${run.seconds}` : `, ${run.left} left`}${since(run, now)}`);
  const scores = Object.entries(run.held_out).map(([name, value]) => `${name} ${value}`);
  if (run.warnings) scores.push(run.warnings === 1 ? "1 warning" : `${run.warnings} warnings`);
  setText(parts.scores, scores.join(", "));
  parts.report.style.visibility = run.report ? "visible" : "hidden";
  setText(parts.error, run.error);
  parts.error.hidden = !run.error;
  return parts.row;
}

function showRuns(now = Date.now() / 1000) {
  const words = byId("filter").value.trim().toLowerCase();
  byId("filter").hidden = runs.length < 9;
  const shown = runs.filter((run) => !words || `${run.name} ${run.about} ${run.state}`.toLowerCase().includes(words));
  arrange(byId("runs"), shown.map((run) => showRow(run, now)));
  byId("empty").hidden = runs.length > 0;
  byId("chosen").hidden = chosen.length === 0;
}

function makeFigure(id, kind) {
  const figure = make("figure"), image = make("img", "pixels"), caption = make("figcaption"), swatch = make("i", "swatch"), words = make("span"), said = make("span");
  const slider = Object.assign(document.createElement("input"), { type: "range", min: 0, step: 1 });
  const parts = { figure, steps: [], follows: true };
  image.addEventListener("error", () => { image.hidden = true; });
  image.addEventListener("load", () => { image.hidden = false; });
  parts.show = () => {
    const place = Number(slider.value), [step, version] = parts.steps[place];
    const source = `/picture/${id}/${kind}/${step}?${version}`;
    if (image.getAttribute("src") !== source) image.src = source;
    image.alt = `${KINDS[kind]} of ${parts.name} at step ${step}`;
    setText(said, `${parts.name}: ${KINDS[kind]}, step ${counted(step)}`);
    slider.setAttribute("aria-label", `step of ${KINDS[kind]} of ${parts.name}`);
    slider.setAttribute("aria-valuetext", `step ${step}`);
  };
  parts.update = (run) => {
    parts.steps = run.pictures[kind];
    parts.name = run.name;
    slider.max = parts.steps.length - 1;
    if (parts.follows || Number(slider.value) >= parts.steps.length) slider.value = parts.steps.length - 1;
    slider.hidden = parts.steps.length < 2;
    figure.style.setProperty("--tint", tint(id));
    parts.show();
  };
  slider.addEventListener("input", () => { parts.follows = Number(slider.value) === parts.steps.length - 1; parts.show(); });
  words.append(swatch, said);
  caption.append(words, slider);
  figure.append(image, caption);
  return parts;
}

function showDetails(found) {
  const kinds = found.length === 1 ? Object.keys(KINDS) : ["samples"];
  const shown = [];
  for (const run of found) {
    for (const kind of kinds) {
      if (!(run.pictures[kind] || []).length) continue;
      const key = `${run.id} ${kind}`;
      if (!figures.has(key)) figures.set(key, makeFigure(run.id, kind));
      figures.get(key).update(run);
      shown.push(figures.get(key).figure);
    }
  }
  arrange(byId("pictures").querySelector(".pictures"), shown);
  byId("pictures").hidden = !shown.length;
  const lines = found.flatMap((run) => run.warnings.map((line) => (found.length > 1 ? `${run.name}: ${line}` : line)));
  const box = byId("warnings").querySelector("div");
  if (box.innerText !== lines.join("\n")) box.replaceChildren(...lines.map((line) => make("p", "warning", line)));
  byId("warnings").hidden = !lines.length;
  setText(byId("sentence"), found.length === 1 ? found[0].sentence : "");
  showScores(found);
}

function showScores(found) {
  const labels = [...new Set(found.flatMap((run) => run.evaluated.map((score) => score.label)))];
  byId("evaluated").hidden = !labels.length;
  const table = make("table"), head = make("thead"), body = make("tbody");
  const line = (place, cells, tag) => { const row = make("tr"); row.append(...cells.map((cell, i) => make(i ? tag : "th", i && tag === "td" ? "number" : "", cell))); place.append(row); };
  line(head, ["score", ...found.map((run) => run.name)], "th");
  for (const label of labels) line(body, [label, ...found.map((run) => run.evaluated.find((score) => score.label === label)?.value ?? "")], "td");
  table.append(head, body);
  byId("evaluated").querySelector("div").replaceChildren(table);
}

function makePanel(title) {
  const figure = make("figure", "curves");
  figure.append(make("figcaption", "", title), make("p", "values"));
  const parts = { figure, plot: null, shape: "" };
  new ResizeObserver(() => parts.plot?.setSize({ width: Math.max(200, figure.clientWidth - 34), height: parts.plot.height })).observe(figure);
  return parts;
}

function showPanel(parts, found, again = false) {
  const shape = JSON.stringify([found.across, found.log, found.names, found.colours, found.data[0].length < 20]);
  setText(parts.figure.querySelector(".values"), found.in_words);
  parts.found = found;
  if (parts.plot && parts.shape === shape && !again) {
    parts.plot.setData(found.data);
    return;
  }
  parts.plot?.destroy();
  parts.plot = priorkitCurves.draw(parts.figure, found);
  parts.shape = shape;
}

function showCurves(found) {
  const sections = [], headings = new Map();
  for (const item of found) {
    const key = JSON.stringify([item.section, item.title]);
    if (!panels.has(key)) panels.set(key, makePanel(item.title));
    if (!headings.has(item.section)) { headings.set(item.section, []); sections.push(item.section); }
    headings.get(item.section).push([panels.get(key), item]);
  }
  const made = sections.map((name) => {
    const known = [...byId("curves").children].find((child) => child.dataset.name === name);
    const part = known || make("section");
    if (!known) {
      part.dataset.name = name;
      part.append(make("h2", "", name), make("div", "panels"));
    }
    arrange(part.querySelector(".panels"), headings.get(name).map(([parts]) => parts.figure));
    return part;
  });
  arrange(byId("curves"), made);
  // Added to the page first, where their width is known.
  for (const group of headings.values()) for (const [parts, item] of group) showPanel(parts, item);
}

async function look() {
  const found = await ask("/runs");
  runs = found.runs;
  if (chosen === null) {
    // The list begins with runs in training.
    chosen = runs.length ? [runs[0].id] : [];
    if (!chosen.length) { showRuns(found.now); chosen = null; return found; }
  }
  const there = new Set(runs.map((run) => run.id));
  if (!chosen.every((id) => there.has(id))) chosen = chosen.filter((id) => there.has(id));
  showRuns(found.now);
  if (!chosen.length) return found;
  const asked = chosen.join(",");
  const details = await ask(`/details?runs=${asked}`);
  const curves = await ask(`/curves?runs=${asked}&across=${across}&known=${encodeURIComponent(known)}`);
  if (chosen.join(",") !== asked) return found;
  showDetails(details.runs);
  if (curves.panels) {
    known = curves.key;
    showCurves(curves.panels);
  }
  return found;
}

let looking = false, asked = false;
async function poll() {
  clearTimeout(timer);
  if (looking) { asked = true; return; }
  if (document.hidden) return;
  looking = true;
  let pause = PAUSE;
  try {
    const { missing } = await look();
    byId("trouble").hidden = !missing.length;
    setText(byId("trouble"), missing.length ? `Missing: ${missing.join(", ")}` : "");
  } catch (error) {
    byId("trouble").hidden = false;
    const gone = error instanceof TypeError;
    setText(byId("trouble"), gone ? "The server does not answer: start `priorkit watch` again. The page shows the last answer." : `${error.message || error}`);
    pause = AFTER_FAILURE;
  } finally {
    looking = false;
    timer = setTimeout(poll, asked ? 0 : pause);
    asked = false;
  }
}

for (const [id, what] of [["by-step", "step"], ["by-images", "images"]]) {
  byId(id).addEventListener("click", () => {
    across = what;
    byId("by-step").setAttribute("aria-pressed", what === "step");
    byId("by-images").setAttribute("aria-pressed", what === "images");
    known = "";
    poll();
  });
}
const redraw = () => panels.forEach((parts) => { if (parts.plot && parts.figure.isConnected) showPanel(parts, parts.found, true); });
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
byId("filter").addEventListener("input", () => showRuns());
document.addEventListener("visibilitychange", () => poll());
poll();
