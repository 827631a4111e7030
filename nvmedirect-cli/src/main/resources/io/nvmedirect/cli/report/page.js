"use strict";
// What is on the page: from the results to headline, tiles, figures.

const report = JSON.parse(document.getElementById("data").textContent);
const PERCENTILES = [50, 90, 95, 99, 99.5, 99.9, 99.95, 99.99];
const MARKED = [50, 99, 99.9];
const MOST_LINES = 8;
const MOST_MATCHES = 6;
const MIB = 1024 * 1024;

const several = report.files.length > 1;
const text = (name) => ({ name, text: true });
const fileColumn = several ? [text("File")] : [];
const fileCell = (row) => (several ? [report.files[row.file].name] : []);
const at = (row, percentile) => row.latency?.percentiles[percentile] ?? null;
const workload = (row) => `${row.rw} ${row.bs}`;

/** Groups in the order of their first members. */
function grouping(rows, key) {
  const groups = new Map();
  for (const row of rows) {
    const name = key(row);
    groups.set(name, [...(groups.get(name) ?? []), row]);
  }
  return [...groups.values()];
}

/** A name for each row that no other has, as short as can be. */
function label(rows) {
  for (const same of grouping(rows, (row) => `${row.file} ${row.name} ${row.direction}`)) {
    for (const row of same) {
      const differing = [["rw", ""], ["bs", ""], ["depth", "depth "], ["jobs", "jobs "]]
        .filter(([key]) => same.some((other) => other[key] !== row[key]))
        .map(([key, word]) => word + row[key]);
      row.label = [row.name, ...differing].join(" · ");
    }
    for (const twins of grouping(same, (row) => row.label).filter((group) => group.length > 1)) {
      twins.forEach((row, i) => { row.label += ` #${i + 1}`; });
    }
  }
  for (const row of rows) {
    const directions = new Set(rows.filter((other) => other.file === row.file && other.job === row.job).map((other) => other.direction));
    row.title = [row.label, ...(directions.size > 1 ? [row.direction] : []), ...fileCell(row)].join(" · ");
  }
}

// Headline.

function facts(file, kept) {
  return element("dl", { class: "facts" }, ...file.facts.filter(kept).map(([name, value]) =>
    element("div", {}, element("dt", {}, name), element("dd", {}, value,
      ...(name === "Device" && file.emulated ? [" ", element("span", { class: "badge" }, "emulated")] : [])))));
}

/** What all files have in common once, and the rest under their names. */
function setups(files) {
  const common = (fact) => files.every((file) => file.emulated === files[0].emulated
    && file.facts.some(([name, value]) => name === fact[0] && value === fact[1]));
  const parts = [element("section", { class: "setup shared" }, facts(files[0], common))];
  if (files.some((file) => !file.facts.every(common))) {
    parts.push(...files.map((file) => element("section", { class: "setup" },
      element("h2", {}, file.name), facts(file, (fact) => !common(fact)))));
  }
  return parts;
}

function tile(name, [value, unit], note) {
  return element("li", {}, element("span", { class: "tile-name" }, name),
    element("span", { class: "tile-value" }, value, element("small", {}, unit)),
    element("span", { class: "tile-note", title: note }, note));
}

function tiles(rows) {
  const jobs = grouping(rows, (row) => `${row.file} ${row.job}`).map((sides) => ({
    name: [sides[0].label, ...fileCell(sides[0])].join(" · "),
    iops: sides.reduce((sum, row) => sum + row.iops, 0),
    bytes: sides.reduce((sum, row) => sum + row.bytesPerSecond, 0),
    cpu: sides[0].cpuNsPerIo,
  }));
  const most = (key) => jobs.reduce((best, job) => (job[key] > best[key] ? job : best));
  const best = (word) => (jobs.length > 1 ? word : "");
  const made = [];
  const iops = most("iops");
  made.push(tile(best("Highest ") + "IOPS", [scaled(iops.iops), "I/O/s"], iops.name));
  const fastest = most("bytes");
  const mib = fastest.bytes / MIB;
  made.push(tile(best("Highest ") + (jobs.length > 1 ? "bandwidth" : "Bandwidth"),
    mib >= 1024 ? [threeDigits(mib / 1024), "GiB/s"] : [threeDigits(mib), "MiB/s"], fastest.name));
  const timed = rows.filter((row) => at(row, 50) !== null);
  for (const percentile of timed.length > 0 ? MARKED : []) {
    const least = timed.reduce((a, b) => (at(b, percentile) < at(a, percentile) ? b : a));
    made.push(tile(`${timed.length > 1 ? "Lowest " : "Latency "}p${percentile}`, duration(at(least, percentile)), least.title));
  }
  const cheap = jobs.filter((job) => job.cpu !== null);
  if (cheap.length > 0) {
    const least = cheap.reduce((a, b) => (b.cpu < a.cpu ? b : a));
    made.push(tile(cheap.length > 1 ? "Least CPU per I/O" : "CPU per I/O", duration(least.cpu / 1e3), least.name));
  }
  return made;
}

// Figures.

function figure(title, note, wide, ...content) {
  return element("figure", { class: wide ? "card wide" : "card" },
    element("figcaption", {}, element("h2", {}, title), note ? element("p", {}, note) : null), ...content);
}

/** What divides lines that are too many for a figure, and its name in the headings. */
const DIVISIONS = [
  [workload, (row) => `, ${workload(row)}`],
  [(row) => row.file, (row) => fileCell(row).map((name) => ` · ${name}`).join("")],
  [(row) => row.depth, (row) => ` · depth ${row.depth}`],
];

/** One figure for all lines; if they are too many, one for each workload, for each file of it, for each depth of that. */
function figures(title, rows, make, divisions = DIVISIONS) {
  if (rows.length === 0) {
    return [];
  }
  if (rows.length <= MOST_LINES || divisions.length === 0) {
    return [make(title, rows)];
  }
  const [[key, name], ...rest] = divisions;
  return grouping(rows, key).flatMap((group) => figures(title + name(group[0]), group, make, rest));
}

/** Nines: 0 for 0 %, 1 for 90 %, 2 for 99 %. */
const nines = (fraction) => -Math.log10(1 - fraction);
const share = (position, decimals) => `${(100 * (1 - 10 ** -position)).toFixed(decimals)}%`;

function ninesAxis() {
  return {
    name: "I/Os that took no longer, %",
    text: (position) => share(position, Math.max(Math.round(position) - 2, 0)),
    splits: (low, high) => [0, nines(0.5), 1, 2, 3, 4, 5, 6].filter((tick) => tick <= high),
    range: (low, high) => [0, Math.min(high, 6) * 1.03],
  };
}

/** The share of I/Os at each latency; only what is below the last I/O has a place on an axis of nines. */
function distribution(latency, index, name) {
  const xs = [];
  const ys = [];
  const add = (us, fraction) => {
    const x = Math.log10(us);
    if (us > 0 && fraction < 1 && (xs.length === 0 || x > xs[xs.length - 1])) {
      xs.push(x);
      ys.push(nines(fraction));
    }
  };
  if (latency.bins) {
    const total = latency.bins.counts.reduce((sum, count) => sum + count, 0);
    const first = latency.bins.us[0];
    add(latency.min > 0 && latency.min < first ? latency.min : first * 0.98, 0);
    let below = 0;
    latency.bins.us.forEach((us, i) => {
      below += latency.bins.counts[i];
      add(us, Math.min(below / total, 1 - 0.5 / total));
    });
  } else {
    add(latency.min, 0);
    latency.reported.forEach(([percentile, us]) => add(us, percentile / 100));
  }
  return { label: name, index, xs, ys };
}

function latencyFigure(title, rows) {
  const sources = rows.flatMap((row) => [
    { row, latency: row.latency, name: row.title },
    ...(row.due ? [{ row, latency: row.due, name: `${row.title} · since due` }] : []),
  ]);
  const lines = sources.map((source, i) => distribution(source.latency, i, source.name)).filter((line) => line.xs.length > 1);
  const marks = lines.flatMap((line) => MARKED.filter((p) => sources[line.index].latency.percentiles[p] > 0 && nines(p / 100) <= line.ys[line.ys.length - 1])
    .map((p) => ({ index: line.index, x: Math.log10(sources[line.index].latency.percentiles[p]), y: nines(p / 100) })));
  const coarse = sources.some((source) => !source.latency.bins);
  return figure(title,
    "Share of I/Os by latency. The scale stretches towards 100%, so that the tail shows; rings mark p50, p99 and p99.9."
      + (rows.some((row) => row.due) ? " “Since due” counts from the moment an I/O should have started." : "")
      + (coarse ? " A file without bins is drawn through its percentiles." : ""), false,
    legend(lines),
    plot({
      title: `${title}: latency from left to right, share of I/Os from bottom to top; the table below has the numbers`,
      x: logAxis("Latency, µs", short), y: ninesAxis(), lines, marks, guides: MARKED.map((p) => nines(p / 100)),
      tip: (line, x) => { const y = between(line, x); return y === null ? null : share(y, Math.max(1, Math.ceil(y) - 1)); },
      tipHead: (x) => duration(10 ** x).join(" "),
    }),
    numbers("Latency", [text("Percentile"), ...sources.map(({ name }) => ({ name, unit: "µs" }))], [
      ["Mean", ...sources.map(({ latency }) => latency.mean)],
      ["Least", ...sources.map(({ latency }) => latency.min)],
      ...PERCENTILES.map((p) => [`p${p}`, ...sources.map(({ latency }) => latency.percentiles[p] ?? null)]),
      ["Most", ...sources.map(({ latency }) => latency.max)],
    ]));
}

function seriesFigure(title, rows) {
  const lines = rows.map((row, index) => ({
    label: row.title, index,
    xs: row.series.iops.map((iops, i) => ((i + 1) * row.series.intervalMs) / 1000),
    ys: row.series.iops,
  }));
  const times = [...new Set(lines.flatMap((line) => line.xs))].sort((a, b) => a - b);
  const intervals = [...new Set(rows.map((row) => row.series.intervalMs))].map((ms) => `${ms} ms`).join(", ");
  const values = lines.map((line) => new Map(line.xs.map((x, i) => [x, line.ys[i]])));
  return figure(title, `Completed I/Os per second, in intervals of ${intervals}.`, false,
    legend(lines),
    plot({
      title: `${title}: seconds from left to right; the table below has the numbers`,
      x: tightAxis("Time, s", (s) => String(Number(s.toPrecision(6)))), y: linearAxis("IOPS, I/O/s", short), lines, snaps: true,
      tip: (line, x) => { const y = between(line, x); return y === null ? null : grouped(y, 0); },
      tipHead: (x) => `${Number(x.toPrecision(6))} s`,
    }),
    numbers("IOPS over time", [{ name: "Time", unit: "s" }, ...rows.map((row) => ({ name: row.title, unit: "I/O/s", decimals: 0 }))],
      times.map((time) => [time, ...values.map((value) => value.get(time) ?? null)])));
}

/** Jobs that differ in nothing but the depth; their names may differ in numbers. */
function sweeps(rows) {
  return grouping(rows, (row) => [row.file, row.name.replace(/\d+/g, "#"), row.rw, row.bs, row.jobs, row.direction].join("|"))
    .filter((group) => new Set(group.map((row) => row.depth)).size > 1)
    .map((group) => [...group].sort((a, b) => a.depth - b.depth));
}

/** What the jobs of a sweep have in common of their names; nothing if no other sweep has the workload. */
function sweepName(group, groups) {
  const [row] = group;
  const shared = groups.filter(([other]) => other.file === row.file && workload(other) === workload(row) && other.direction === row.direction);
  return shared.length > 1 ? [group.every((other) => other.name === row.name) ? row.name : row.name.replace(/\d+/g, "#")] : [];
}

/** One for all, or one for each workload if its lines are too many. */
function sweepFigures(groups) {
  if (groups.length === 0) {
    return [];
  }
  return groups.length <= MOST_LINES
    ? [sweepFigure("Depth sweep", groups)]
    : grouping(groups, ([row]) => workload(row)).map((same) => sweepFigure(`Depth sweep, ${workload(same[0][0])}`, same));
}

function sweepFigure(heading, groups) {
  const jobs = groups.map((group) => sweepName(group, groups));
  const named = jobs.some((job) => job.length > 0);
  const names = groups.map(([row], i) => [...jobs[i], workload(row), ...(groups.some(([other]) => other.jobs !== row.jobs) ? [`jobs ${row.jobs}`] : []),
    ...(groups.some(([other]) => workload(other) === workload(row) && other.direction !== row.direction) ? [row.direction] : []), ...fileCell(row)].join(" · "));
  const line = (value) => groups.map((group, index) => {
    const points = [...new Map(group.map((row) => [row.depth, value(row)]))].filter(([, y]) => y !== null);
    return { label: names[index], index, xs: points.map(([depth]) => Math.log2(depth)), ys: points.map(([, y]) => y) };
  });
  const depths = [...new Set(groups.flat().map((row) => row.depth))].sort((a, b) => a - b);
  const iops = line((row) => row.iops);
  const p99 = line((row) => (at(row, 99) > 0 ? Math.log10(at(row, 99)) : null)).filter((points) => points.xs.length > 0);
  const pane = (title, y, lines, unit) => plot({
    title: `${title} from bottom to top against I/O depth from left to right; the table below has the numbers`,
    x: stepAxis("I/O depth", depths), y, lines, points: true, snaps: true,
    tip: (points, x) => { const i = points.xs.indexOf(x); return i < 0 ? null : unit(points.ys[i]); },
    tipHead: (x) => `depth ${Math.round(2 ** x)}`,
  });
  return figure(heading, "The same workload at several I/O depths.", true, legend(iops),
    element("div", { class: "plots two" },
      pane("IOPS", linearAxis("IOPS, I/O/s", short), iops, (y) => grouped(y, 0)),
      p99.length > 0 ? pane("p99 latency", logAxis("p99 latency, µs", short), p99, (y) => duration(10 ** y).join(" ")) : null),
    numbers("Depth sweep", [...(named ? [text("Job")] : []), text("Workload"), text("Direction"), ...fileColumn, ...resultColumns().slice(0, 1), ...measures()],
      groups.flat().map((row) => [...(named ? [row.name] : []), workload(row), row.direction, ...fileCell(row), row.depth, ...measured(row)])));
}

const resultColumns = () => [{ name: "Depth", decimals: 0 }, { name: "Jobs", decimals: 0 }];
const measures = () => [{ name: "IOPS", unit: "I/O/s", decimals: 0 }, { name: "Bandwidth", unit: "MiB/s" },
  { name: "p50", unit: "µs" }, { name: "p99", unit: "µs" }, { name: "p99.9", unit: "µs" }];
const measured = (row) => [row.iops, row.bytesPerSecond / MIB, ...MARKED.map((p) => at(row, p))];

/**
 * Rows of the first file with those of the same workload in the others; where a file has several of a workload, those
 * of the same name.
 */
function matches(rows) {
  const kind = (row) => [row.rw, row.bs, row.depth, row.jobs, row.direction].join("|");
  const shared = new Set(grouping(rows, (row) => `${row.file}|${kind(row)}`).filter((twins) => twins.length > 1).map(([row]) => kind(row)));
  const exact = (row) => (shared.has(kind(row)) ? `${kind(row)}|${row.name}` : kind(row));
  const keyed = report.files.map((file, index) => {
    const twins = grouping(rows.filter((row) => row.file === index), exact);
    return new Map(twins.flatMap((group) => group.map((row, i) => [`${exact(row)}|${i}`, row])));
  });
  const groups = [...keyed[0].keys()].map((key) => keyed.map((file) => file.get(key)).filter(Boolean)).filter((group) => group.length > 1);
  groups.forEach((group) => { group.named = shared.has(kind(group[0])); });
  return groups;
}

const METRICS = [
  ["IOPS", "I/O/s", (row) => row.iops, (value) => grouped(value, 0)],
  ["p50 latency", "µs", (row) => at(row, 50), (value) => grouped(value, decimalsOf([value]))],
  ["p99 latency", "µs", (row) => at(row, 99), (value) => grouped(value, decimalsOf([value]))],
];
const ratio = (value, base) => (value === null || !(base > 0) ? null : value / base);

function metric([name, unit, value, format], group) {
  const most = Math.max(...group.map(value));
  if (!(most > 0)) {
    return null;
  }
  return element("div", { class: "metric" }, element("p", {}, `${name}, ${unit}`), element("dl", {}, ...group.filter((row) => value(row) !== null).map((row) => {
    const fill = element("div", { class: "fill" });
    fill.style.width = `${(100 * value(row)) / most}%`;
    fill.style.background = colour(row.file);
    const times = ratio(value(row), value(group[0]));
    return element("div", {}, element("dt", {}, report.files[row.file].name), element("dd", {}, format(value(row))),
      element("dd", { class: "ratio" }, times === null ? "" : `×${times.toFixed(2)}`),
      element("dd", { class: "track", "aria-hidden": "true" }, fill));
  })));
}

function matchBars(group) {
  return element("section", { class: "match" }, element("h3", {}, matchName(group)),
    element("div", { class: "metrics" }, ...METRICS.map((one) => metric(one, group))));
}

const matchedJob = (group) => (group.named ? [group[0].name] : []);
const matchName = (group) => [...matchedJob(group), workloadName(group[0])].join(" · ");
const workloadName = (row) => `${row.rw} ${row.bs}, depth ${row.depth}, ${row.jobs} ${row.jobs === 1 ? "job" : "jobs"}, ${row.direction}`;

function comparison(groups) {
  const columns = METRICS.flatMap(([name, unit], i) => [{ name, unit, ...(i === 0 ? { decimals: 0 } : {}) }, { name: "Ratio", unit: "×", decimals: 2 }]);
  return figure("Comparison", `Jobs of the same workload, block size, depth and number. Ratios are to ${report.files[0].name}.`, true,
    element("div", { class: "matches" }, ...groups.slice(0, MOST_MATCHES).map(matchBars), groups.length > MOST_MATCHES
      ? element("details", {}, element("summary", {}, `${groups.length - MOST_MATCHES} more`), ...groups.slice(MOST_MATCHES).map(matchBars))
      : null),
    numbers("Comparison", [text("Workload"), text("File"), ...columns, text("Direction"), ...resultColumns()],
      groups.flatMap((group) => group.map((row) => [[...matchedJob(group), workload(row)].join(" · "), report.files[row.file].name,
        ...METRICS.flatMap(([, , value]) => [value(row), ratio(value(row), value(group[0]))]), row.direction, row.depth, row.jobs]))));
}

function allResults(rows) {
  const own = rows.some((row) => row.cpuNsPerIo !== null);
  return figure("All results", null, true, numbers("Results",
    [text("Job"), ...fileColumn, text("Workload"), text("Block"), text("Direction"), ...resultColumns(), { name: "I/Os", decimals: 0 }, ...measures(),
      ...(own ? [{ name: "CPU", unit: "ns per I/O" }, { name: "Allocated", unit: "B per I/O" }] : [])],
    rows.map((row) => [row.name, ...fileCell(row), row.rw, row.bs, row.direction, row.depth, row.jobs, row.ios, ...measured(row),
      ...(own ? [row.cpuNsPerIo, row.bytesPerIo] : [])])));
}

function build() {
  const rows = report.rows;
  label(rows);
  document.getElementById("setups").append(...setups(report.files));
  document.getElementById("tiles").append(...tiles(rows));
  const same = several ? matches(rows) : [];
  const swept = sweeps(rows);
  const pairs = [
    ...figures("Latency distribution", rows.filter((row) => row.latency !== null), latencyFigure),
    ...figures("IOPS over time", rows.filter((row) => row.series !== null), seriesFigure),
  ];
  if (pairs.length % 2 === 1) {
    pairs[pairs.length - 1].classList.add("wide");
  }
  document.getElementById("figures").append(
    ...(same.length > 0 ? [comparison(same)] : []),
    ...pairs,
    ...sweepFigures(swept),
    allResults(rows));
}

build();
