"use strict";
// Plots: logarithmic axes, legends, read-outs. uPlot draws.

const COLOURS = 8;
const DASHES = [[], [7, 4], [2, 3]];
const plots = [];

function colour(index) {
  return `var(--series-${(index % COLOURS) + 1})`;
}

function dash(index) {
  return DASHES[Math.floor(index / COLOURS) % DASHES.length];
}

function themed(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** Values whose logarithms are drawn: ticks at 1, 2 and 5 of each power of ten, or only at powers. */
function logAxis(name, text) {
  return {
    name,
    text: (position) => text(10 ** position),
    splits: (low, high, length) => {
      const perDecade = length / Math.max(high - low, 0.1);
      const digits = perDecade > 100 ? [1, 2, 5] : [1];
      const every = perDecade > 40 ? 1 : Math.ceil(40 / perDecade);
      const ticks = [];
      for (let power = Math.floor(low); power <= high; power++) {
        if (power % every === 0) {
          ticks.push(...digits.map((digit) => power + Math.log10(digit)));
        }
      }
      return ticks.filter((tick) => tick >= low && tick <= high);
    },
    range: (low, high) => high - low < 0.3 ? [low - 0.3, high + 0.3] : [low - 0.02 * (high - low), high + 0.04 * (high - low)],
  };
}

/** Values from zero on. */
function linearAxis(name, text) {
  return { name, text, range: (low, high) => [0, high > 0 ? high * 1.08 : 1] };
}

/** Values without a margin at the ends, such as time. */
function tightAxis(name, text) {
  return { name, text, range: (low, high) => [low, high > low ? high : low + 1] };
}

/** Powers of two and what else was measured: a tick at each value. */
function stepAxis(name, values) {
  return {
    name,
    text: (position) => String(Math.round(2 ** position)),
    splits: (low, high, length) => {
      const ticks = values.map(Math.log2);
      const apart = Math.ceil(ticks.length / Math.max(length / 32, 1));
      return ticks.filter((tick, i) => i % apart === 0);
    },
    range: (low, high) => [low - 0.15, high + 0.15],
  };
}

/**
 * A plot. {title, x, y: axes, lines: [{label, index, xs, ys}], points: whether values are marked,
 * marks: [{index, x, y}], guides: [y], tip: (line, x) => text or null}.
 */
function plot(spec) {
  const box = element("div", { class: "plot", role: "img", "aria-label": spec.title });
  const drawn = { spec, box, chart: null };
  plots.push(drawn);
  new ResizeObserver(() => fit(drawn)).observe(box);
  return element("div", { class: "pane" }, element("p", { class: "axis-name" }, spec.y.name), box);
}

function fit(drawn) {
  const size = { width: drawn.box.clientWidth, height: drawn.box.clientHeight };
  if (size.width === 0) {
    return;
  }
  if (drawn.chart === null) {
    draw(drawn, size);
  } else if (drawn.chart.width !== size.width || drawn.chart.height !== size.height) {
    drawn.chart.setSize(size);
  }
}

function redraw() {
  for (const drawn of plots) {
    drawn.chart?.destroy();
    drawn.chart = null;
    fit(drawn);
  }
}

function draw(drawn, size) {
  const { spec, box } = drawn;
  const data = uPlot.join(spec.lines.map((line) => [line.xs, line.ys]));
  drawn.chart = new uPlot({
    ...size,
    padding: [8, 16, 0, 0],
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false }, points: { show: false } },
    scales: {
      x: { time: false, range: (u, low, high) => spec.x.range(low, high) },
      y: { range: (u, low, high) => spec.y.range(low, high) },
    },
    axes: [
      { ...axis(spec.x, (u) => u.bbox.width / devicePixelRatio), label: spec.x.name, labelSize: 20, labelFont: font(), size: 26, space: 44 },
      { ...axis(spec.y, (u) => u.bbox.height / devicePixelRatio), size: (u, values) => axisWidth(u, values) },
    ],
    series: [{}, ...spec.lines.map((line) => ({
      stroke: resolved(line.index),
      dash: dash(line.index),
      width: 2,
      spanGaps: true,
      points: { show: spec.points ?? false, size: 7, fill: resolved(line.index), stroke: resolved(line.index) },
    }))],
    hooks: { drawAxes: [(u) => drawGuides(u, spec)], draw: [(u) => drawMarks(u, spec)], setCursor: [(u) => readOut(u, spec)] },
  }, data, box);
}

function resolved(index) {
  return themed(`--series-${(index % COLOURS) + 1}`);
}

function font() {
  return `12px ${getComputedStyle(document.body).fontFamily}`;
}

function axis(spec, length) {
  const made = {
    stroke: themed("--quiet"),
    font: font(),
    grid: { stroke: themed("--grid"), width: 1 },
    ticks: { show: false },
    gap: 6,
    values: (u, ticks) => ticks.map((tick) => (tick === null ? "" : spec.text(tick))),
  };
  if (spec.splits) {
    made.splits = (u, index, low, high) => spec.splits(low, high, length(u));
  }
  return made;
}

/** As wide as its longest number. */
function axisWidth(u, values) {
  if (!values?.length) {
    return 24;
  }
  u.ctx.save();
  u.ctx.font = font();
  const widest = Math.max(...values.map((value) => u.ctx.measureText(value).width));
  u.ctx.restore();
  return Math.ceil(widest) + 10;
}

function drawGuides(u, spec) {
  const { ctx, bbox } = u;
  ctx.save();
  ctx.strokeStyle = themed("--guide");
  ctx.lineWidth = devicePixelRatio;
  ctx.setLineDash([2 * devicePixelRatio, 4 * devicePixelRatio]);
  for (const guide of spec.guides ?? []) {
    if (guide <= u.scales.y.max) {
      const y = Math.round(u.valToPos(guide, "y", true)) + 0.5;
      ctx.beginPath();
      ctx.moveTo(bbox.left, y);
      ctx.lineTo(bbox.left + bbox.width, y);
      ctx.stroke();
    }
  }
  ctx.restore();
}

function drawMarks(u, spec) {
  const { ctx } = u;
  ctx.save();
  ctx.lineWidth = 2 * devicePixelRatio;
  for (const mark of spec.marks ?? []) {
    ctx.beginPath();
    ctx.arc(u.valToPos(mark.x, "x", true), u.valToPos(mark.y, "y", true), 4 * devicePixelRatio, 0, 2 * Math.PI);
    ctx.fillStyle = themed("--card");
    ctx.strokeStyle = resolved(mark.index);
    ctx.fill();
    ctx.stroke();
  }
  ctx.restore();
}

/** What the lines have where the pointer is. */
function readOut(u, spec) {
  let tip = u.over.querySelector(".tip");
  const { left, idx } = u.cursor;
  if (left < 0 || idx === null || idx === undefined) {
    tip?.remove();
    return;
  }
  if (!tip) {
    tip = u.over.appendChild(element("div", { class: "tip" }));
  }
  const x = u.posToVal(left, "x");
  const at = spec.snaps ? u.data[0][idx] : x;
  const lines = spec.lines.map((line) => [line, spec.tip(line, at)]).filter(([, text]) => text !== null);
  tip.replaceChildren(element("div", {}, element("span", {}, spec.tipHead(at))), ...lines.slice(0, 12).map(([line, text]) => {
    const dot = element("i");
    dot.style.background = colour(line.index);
    return element("div", {}, dot, element("span", {}, line.label), element("b", {}, text));
  }));
  const right = left < u.over.clientWidth / 2;
  tip.style.left = right ? "auto" : "6px";
  tip.style.right = right ? "6px" : "auto";
}

/** The value of a line at x, between two points of it; null outside of it. */
function between(line, x) {
  const { xs, ys } = line;
  if (x < xs[0] || x > xs[xs.length - 1]) {
    return null;
  }
  let low = 0;
  let high = xs.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (xs[middle] <= x) {
      low = middle;
    } else {
      high = middle;
    }
  }
  const span = xs[high] - xs[low];
  return span === 0 ? ys[low] : ys[low] + ((x - xs[low]) / span) * (ys[high] - ys[low]);
}

/** The names of lines with how each is drawn. */
function legend(lines) {
  const svg = "http://www.w3.org/2000/svg";
  return element("ul", { class: "legend" }, ...lines.map((line) => {
    const sample = document.createElementNS(svg, "svg");
    sample.setAttribute("aria-hidden", "true");
    const stroke = document.createElementNS(svg, "line");
    for (const [key, value] of Object.entries({ x1: 0, x2: 22, y1: 4, y2: 4, "stroke-dasharray": dash(line.index).join(" ") })) {
      stroke.setAttribute(key, value);
    }
    stroke.style.stroke = colour(line.index);
    sample.append(stroke);
    return element("li", {}, sample, line.label);
  }));
}

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
