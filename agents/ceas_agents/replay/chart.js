// Accuracy over time, as an SVG whose lines are drawn once; a cursor moves over them.
"use strict";

const SVG = "http://www.w3.org/2000/svg";
const CHART = { width: 1000, left: 46, right: 12, top: 10, curves: 150, row: 18, bottom: 24 };

/** Returns an element of SVG with these attributes, and text if it has any. */
function shape(name, attributes, text) {
  const element = document.createElementNS(SVG, name);
  Object.entries(attributes).forEach(([key, value]) => element.setAttribute(key, value));
  if (text !== undefined) element.textContent = text;
  return element;
}

/** Returns round numbers from `low` to `high`, `most` or fewer steps apart. */
function ticks(low, high, most) {
  const power = 10 ** Math.floor(Math.log10((high - low) / most));
  const step = [1, 2, 5, 10]
    .map((digit) => digit * power)
    .find((each) => (high - low) / each <= most);
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, n) =>
    Number(((first + n) * step).toPrecision(6)),
  );
}

/** Returns the scales of the chart: from s and from accuracies to its coordinates. */
function scales(data, sides, width) {
  const end = Math.max(...sides.map((side) => side.budget)) * data.window_s;
  const seen = sides.flatMap((side) => side.accuracy).concat(data.target);
  const low = Math.max(0, Math.floor((Math.min(...seen) - 0.02) * 10) / 10);
  const high = Math.min(1, Math.ceil((Math.max(...seen) + 0.005) * 20) / 20);
  const inner = width - CHART.left - CHART.right;
  return {
    end,
    low,
    high,
    inner,
    x: (timeS) => CHART.left + (timeS / end) * inner,
    y: (accuracy) => CHART.top + ((high - accuracy) / (high - low)) * CHART.curves,
    timeAt: (x) => Math.min(Math.max((x - CHART.left) / inner, 0), 1) * end,
  };
}

/** Returns the chart of all sides: its element, and a function that shows a time in s. */
function chart(data, sides, colours, width) {
  const scale = scales(data, sides, width);
  const height = CHART.top + CHART.curves + 8 + CHART.row * sides.length + CHART.bottom;
  const root = shape("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img" });
  root.append(shape("title", {}, "Accuracy on the test split over time, and barriers below"));
  const clip = shape("clipPath", { id: "past" });
  const past = shape("rect", { x: 0, y: 0, width: 0, height });
  clip.append(past);
  root.append(clip, grid(data, scale, height));
  sides.forEach((side, number) => {
    const line = { d: curve(data, side, scale), fill: "none", stroke: colours[number] };
    root.append(shape("path", { ...line, "stroke-width": 1.5, opacity: 0.25 }));
    root.append(shape("path", { ...line, "stroke-width": 2.5, "clip-path": "url(#past)" }));
    root.append(
      barrierRow(
        data,
        side,
        scale,
        colours[number],
        CHART.top + CHART.curves + 8 + CHART.row * number,
      ),
    );
  });
  const cursor = shape("line", { y1: CHART.top - 6, y2: height - CHART.bottom, class: "cursor" });
  root.append(cursor);
  const show = (timeS) => {
    const x = scale.x(timeS);
    past.setAttribute("width", x);
    cursor.setAttribute("x1", x);
    cursor.setAttribute("x2", x);
  };
  return { root, show, timeAt: scale.timeAt };
}

function grid(data, scale, height) {
  const group = shape("g", { class: "grid" });
  const right = CHART.left + scale.inner;
  ticks(scale.low, scale.high, 5).forEach((accuracy) => {
    const y = scale.y(accuracy);
    group.append(shape("line", { x1: CHART.left, x2: right, y1: y, y2: y }));
    group.append(
      shape(
        "text",
        { x: CHART.left - 6, y: y + 4, "text-anchor": "end" },
        `${Math.round(100 * accuracy)} %`,
      ),
    );
  });
  const many = scale.inner > 500 ? 10 : 5;
  ticks(0, scale.end, many).forEach((timeS) => {
    group.append(
      shape("text", { x: scale.x(timeS), y: height - 6, "text-anchor": "middle" }, `${timeS} s`),
    );
  });
  const target = scale.y(data.target);
  group.append(
    shape("line", { x1: CHART.left, x2: right, y1: target, y2: target, class: "target" }),
  );
  group.append(shape("text", { x: right, y: target - 4, "text-anchor": "end" }, "target"));
  return group;
}

function barrierTimes(data, side) {
  return side.clock
    .filter((_, frame) => side.isBarrier[frame])
    .map((windows) => windows * data.window_s);
}

function curve(data, side, scale) {
  const steps = barrierTimes(data, side).map(
    (timeS, n) => `H${scale.x(timeS).toFixed(1)}V${scale.y(side.accuracy[n + 1]).toFixed(1)}`,
  );
  const begin = `M${scale.x(0)} ${scale.y(side.accuracy[0]).toFixed(1)}`;
  return `${begin}${steps.join("")}H${scale.x(scale.end)}`;
}

/** Returns the barriers of a side: full strokes where the model was updated, else short ones. */
function barrierRow(data, side, scale, colour, top) {
  const row = shape("g", { stroke: colour, "stroke-width": 1.6 });
  barrierTimes(data, side).forEach((timeS, n) => {
    const [x, length] = [scale.x(timeS), side.committed[n] ? CHART.row - 4 : 5];
    row.append(
      shape("line", { x1: x, x2: x, y1: top + CHART.row - 2 - length, y2: top + CHART.row - 2 }),
    );
  });
  return row;
}
