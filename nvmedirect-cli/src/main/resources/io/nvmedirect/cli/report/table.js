"use strict";
// Elements, numbers as text, and tables that can be copied.

/** An element with attributes and children; a child that is a string is text, null is left out. */
function element(name, attributes, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes ?? {})) {
    made.setAttribute(key, value);
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}

/** A number with grouped thousands and a fixed number of decimals. */
function grouped(value, decimals) {
  return value.toLocaleString("en-US", {
    minimumFractionDigits: decimals,
    maximumFractionDigits: decimals,
  });
}

/** Decimals that leave about three digits of the smallest of some values. */
function decimalsOf(values) {
  const sizes = values.filter((value) => value !== null && value !== 0).map(Math.abs);
  if (sizes.length === 0) {
    return 0;
  }
  const least = Math.min(...sizes);
  return least < 10 ? 2 : least < 100 ? 1 : 0;
}

/** For an axis: 950, 25k, 1.5M. */
function short(value) {
  const size = Math.abs(value);
  const [unit, name] = size >= 1e9 ? [1e9, "G"] : size >= 1e6 ? [1e6, "M"] : size >= 1e3 ? [1e3, "k"] : [1, ""];
  return `${Number((value / unit).toPrecision(3))}${name}`;
}

/** Three digits of a number below 1000: 615, 61.5, 6.15. */
function threeDigits(value) {
  const rounded = Number(value.toPrecision(3));
  return rounded.toFixed(rounded >= 100 ? 0 : rounded >= 10 ? 1 : 2);
}

/** Three digits and the unit's prefix: 615k, 1.20M. */
function scaled(value) {
  const [unit, name] = value >= 999.5e3 ? [1e6, "M"] : value >= 999.5 ? [1e3, "k"] : [1, ""];
  return threeDigits(value / unit) + name;
}

/** Microseconds, for people: ["1.23", "ms"]. */
function duration(us) {
  const [value, unit] = us < 0.9995 ? [us * 1e3, "ns"] : us < 999.5 ? [us, "µs"] : us < 999.5e3 ? [us / 1e3, "ms"] : [us / 1e6, "s"];
  return [threeDigits(value), unit];
}

/**
 * The numbers behind a plot, below a line with a button that copies them.
 *
 * columns: {name, unit, text: true for text, decimals: else as many as the values need}; rows: arrays of
 * strings and numbers, null where there is none.
 */
function numbers(caption, columns, rows) {
  const decimals = columns.map(
    (column, i) => column.decimals ?? (column.text ? 0 : decimalsOf(rows.map((row) => row[i]))));
  const cell = (value, i) => {
    const text = value === null ? "–" : columns[i].text ? String(value) : grouped(value, decimals[i]);
    const attributes = columns[i].text ? {} : { class: "number" };
    return i === 0 ? element("th", { ...attributes, scope: "row" }, text) : element("td", attributes, text);
  };
  const table = element("table", {},
    element("caption", { class: "hidden" }, caption),
    element("thead", {}, element("tr", {}, ...columns.map((column) =>
      element("th", { scope: "col", class: column.text ? "" : "number" },
        column.name, element("small", {}, column.unit ?? ""))))),
    element("tbody", {}, ...rows.map((row) => element("tr", {}, ...row.map(cell)))));
  const head = columns.map((column) => column.name + (column.unit ? ` (${column.unit})` : ""));
  const plain = (value) => value === null ? "" : typeof value === "number" ? String(Number(value.toPrecision(9))) : value;
  const lines = [head, ...rows.map((row) => row.map(plain))].map((line) => line.join("\t")).join("\n") + "\n";
  return element("div", { class: "numbers" },
    element("div", {}, element("span", { "aria-hidden": "true" }, caption), copyButton(caption, lines, table)),
    element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption }, table));
}

function copyButton(caption, text, table) {
  const button = element("button", { type: "button", "aria-label": `Copy the table: ${caption}` }, "Copy");
  const say = (word) => {
    button.textContent = word;
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  };
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text);
      say("Copied");
    } catch {
      say(copyOldWay(text, table) ? "Copied" : "Selected");
    }
  });
  return button;
}

/** Where a page may not use the clipboard; if the old command fails too, the table stays selected. */
function copyOldWay(text, table) {
  const area = element("textarea", { class: "hidden", readonly: "" });
  area.value = text;
  const focused = document.activeElement;
  document.body.append(area);
  area.focus({ preventScroll: true });
  area.select();
  const copied = document.execCommand("copy");
  area.remove();
  focused?.focus({ preventScroll: true });
  if (!copied) {
    getSelection().selectAllChildren(table);
  }
  return copied;
}
