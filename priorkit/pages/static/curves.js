// Draws each figure of class `curves` by uPlot, in the page's colours, as wide as its place.
(() => {
  "use strict";
  const HEIGHT = 210;
  const colours = Array.from({ length: 10 }, (_, i) => `--c${i}`);

  const read = (name) => {
    // A custom property returns `light-dark(...)` as written; only a real property returns the theme's colour.
    const probe = document.createElement("i");
    probe.style.color = `var(${name})`;
    document.body.append(probe);
    const colour = getComputedStyle(probe).color;
    probe.remove();
    return colour;
  };

  const short = (value) => {
    if (value === null || value === undefined) return "–";
    if (value === 0) return "0";
    const size = Math.abs(value);
    return size >= 1e5 || size < 1e-3 ? value.toExponential(2) : String(+value.toPrecision(4));
  };

  const counted = (value) => (value >= 1e6 ? `${+(value / 1e6).toPrecision(3)}M` : value >= 1e4 ? `${+(value / 1e3).toPrecision(4)}k` : `${value}`);

  function draw(figure, found) {
    const ink = read("--quiet"), line = read("--line");
    const single = found.data[0].length === 1;
    const axis = { stroke: ink, grid: { stroke: line, width: 1 }, ticks: { stroke: line, width: 1 }, font: "11px system-ui" };
    const series = found.names.map((name, i) => ({
      label: name || "value", stroke: read(colours[(found.colours ? found.colours[i] : i) % colours.length]), width: 1.6,
      spanGaps: true, dash: (found.dashed ? found.dashed[i] : i >= colours.length) ? [6, 3] : undefined,
      points: { show: found.data[i + 1].filter((value) => value !== null).length < 20, size: 5 },
      value: (_, value) => short(value),
    }));
    const middle = single ? found.data[0][0] : 0;
    const options = {
      width: Math.max(200, figure.clientWidth - 34), height: HEIGHT, cursor: { sync: { key: found.across }, points: { size: 6 } },
      scales: {
        x: { time: false, ...(single ? { range: [middle - 1, middle + 1] } : {}) },
        y: { distr: found.log ? 3 : 1 },
      },
      axes: [
        { ...axis, label: found.across, labelSize: 18, labelFont: "11px system-ui", size: 30, values: (_, ticks) => ticks.map((tick) => (Number.isInteger(tick) ? counted(tick) : "")) },
        { ...axis, size: 58, values: (_, ticks) => ticks.map((tick) => (tick === null ? "" : short(tick))) },
      ],
      legend: { show: true, live: true },
      series: [{ label: found.across, value: (_, value) => (value === null ? "–" : value.toLocaleString("en")) }, ...series],
    };
    const plot = new uPlot(options, found.data, figure);
    plot.root.setAttribute("role", "img");
    plot.root.setAttribute("aria-label", `${figure.querySelector("figcaption").textContent}. ${figure.querySelector(".values").textContent}`);
    return plot;
  }

  function show(figure) {
    const found = JSON.parse(document.getElementById(figure.dataset.curves).textContent);
    let plot = draw(figure, found);
    const again = () => { plot.destroy(); plot = draw(figure, found); };
    new ResizeObserver(() => plot.setSize({ width: Math.max(200, figure.clientWidth - 34), height: HEIGHT })).observe(figure);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
    document.addEventListener("priorkit-theme", again);
  }

  // Curves are drawn when they come into view, because pages may be long.
  const waiting = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (isIntersecting) { waiting.unobserve(target); show(target); }
    }
  }, { rootMargin: "400px" });
  document.querySelectorAll("figure.curves").forEach((figure) => waiting.observe(figure));
  globalThis.priorkitCurves = { draw };
})();
