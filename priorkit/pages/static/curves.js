// Draws each figure of class `curves` by uPlot, in the page's colours, as wide as its place: curves, or points with notes.
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

  const NEAR = 30;
  const spread = (low, high, log) => {
    const spare = log ? (high / low) ** 0.06 : (high - low) * 0.06 || Math.abs(high) * 0.05 || 1;
    if (log) return spare === 1 ? [low / 2, high * 2] : [low / spare, high * spare];
    return [low - spare, high + spare];
  };

  const roundValues = (low, high, digits) => {
    const found = [];
    for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++) {
      found.push(...digits.map((digit) => Number(`${digit}e${power}`)).filter((value) => value >= low && value <= high));
    }
    return found;
  };

  // Scatter charts: points instead of lines, names along the horizontal axis, and a note beside the point under the pointer.
  function asScatter(options, found) {
    const [x, y] = options.axes, note = document.createElement("div");
    const owners = found.notes.map((_, i) => found.data.findIndex((values, group) => group && values[i] !== null));
    const heights = owners.map((group, i) => found.data[group][i]);
    note.className = "note";
    options.scales.x = { time: false, distr: found.log_across ? 3 : 1, range: (_, low, high) => spread(low, high, found.log_across) };
    options.scales.y = { range: (_, low, high) => spread(low, high) };
    y.label = found.up;
    Object.assign(y, { labelSize: 18, labelFont: x.labelFont });
    if (found.places.length) {
      const names = found.places.map((name) => (name.length > 12 ? `${name.slice(0, 11)}…` : name));
      const wide = 6.5 * Math.max(...names.map((name) => name.length)) + 12;
      x.splits = (plot, _, low, high) => {
        const every = Math.ceil(names.length / Math.max(1, Math.floor(plot.over.clientWidth / wide)));
        return names.map((_, i) => i).filter((i) => i % every === 0 && i >= low && i <= high);
      };
      x.values = (_, ticks) => ticks.map((tick) => names[tick]);
    } else if (found.log_across) {
      x.splits = (plot, _, low, high) => {
        const found = [[1], [1, 2, 5], [1, 2, 3, 4, 5, 6, 7, 8, 9]].map((digits) => roundValues(low, high, digits));
        const ticks = found.find((ticks) => ticks.length > 2) || found[2];
        const every = Math.ceil(ticks.length / Math.max(1, Math.floor(plot.over.clientWidth / 45)));
        return ticks.filter((_, i) => i % every === 0);
      };
      x.filter = (_, ticks) => ticks;
    }
    if (!found.places.length && !found.data[0].every(Number.isInteger)) {
      x.values = (_, ticks) => ticks.map((tick) => short(tick).replace(/\.?0+e/, "e"));
    }
    options.series.slice(1).forEach((series, i) => {
      series.points = { show: true, size: 8, width: 1.5, stroke: series.stroke, fill: found.hollow[i] ? "transparent" : series.stroke };
      if (!found.joined[i]) series.paths = () => null;
    });
    options.legend = {
      show: found.names.length > 1, live: false,
      markers: { width: 2, stroke: (_, i) => options.series[i].stroke, fill: (_, i) => options.series[i].points.fill },
    };
    const nearest = (plot) => {
      let least = NEAR, index = null;
      heights.forEach((height, i) => {
        if (!plot.series[owners[i]].show) return;
        const away = Math.hypot(plot.valToPos(found.data[0][i], "x") - plot.cursor.left, plot.valToPos(height, "y") - plot.cursor.top);
        if (away < least) [least, index] = [away, i];
      });
      return index;
    };
    options.cursor = { x: false, y: false, points: { size: 12 }, dataIdx: nearest };
    options.hooks = {
      ready: [(plot) => plot.over.append(note)],
      setCursor: [(plot) => {
        const index = plot.cursor.idxs[0] ?? null;
        note.hidden = index === null;
        if (note.hidden) return;
        note.textContent = found.notes[index];
        const left = plot.valToPos(found.data[0][index], "x"), top = plot.valToPos(heights[index], "y");
        const { clientWidth: width, clientHeight: height } = plot.over;
        note.style.maxWidth = `min(13rem, ${Math.max(left, width - left)}px)`;
        note.style.inset = [
          top > height / 2 ? "auto" : `${top + 8}px`, left > width / 2 ? `${width - left + 8}px` : "auto",
          top > height / 2 ? `${height - top + 8}px` : "auto", left > width / 2 ? "auto" : `${left + 8}px`,
        ].join(" ");
      }],
    };
  }

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
    if (found.notes) asScatter(options, found);
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
