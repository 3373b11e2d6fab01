// What the page shows of one policy: its map, its numbers, and what it is doing.
"use strict";

const COLOURS = ["#0b63b0", "#c2570c"];
const FATES = {
  generated: "generated",
  spent: "spent",
  keyed: "keyed",
  expired: "expired",
  blocked: "blocked",
  sacrificed: "purified away",
  tested: "tested",
};
const NEARLY = 0.999; // a frame's time is as good as over
const ALWAYS = ["generated", "spent", "keyed", "expired"];

/** Returns the elements of a side, which is added to the page. */
function sideView(side, number) {
  const root = $("side").content.cloneNode(true).firstElementChild;
  const part = (name) => root.querySelector(`[data-is=${name}]`);
  root.style.setProperty("--side", COLOURS[number]);
  root.dataset.side = number;
  part("policy").textContent = side.policy;
  part("note").textContent = side.note;
  part("note").hidden = !side.note;
  const used = player.data.fates.filter(
    (fate, n) => ALWAYS.includes(fate) || side.produced.at(-1)[n],
  );
  const list = root.querySelector("dl");
  const labels = { round: "round", updates: "updates", stored: "stored" };
  used.forEach((fate) => (labels[fate] = FATES[fate]));
  Object.assign(labels, { counted: "counted", shots: "shots" });
  if (side.members.length > 1) Object.assign(labels, { votes: "votes", exposed: "exposed" });
  Object.entries(labels).forEach(([name, text]) => list.append(figure(name, text)));
  $("sides").append(root);
  return { root, part, canvas: root.querySelector("canvas"), places: null };
}

function figure(name, text) {
  const [box, term, value] = ["div", "dt", "dd"].map((tag) => document.createElement(tag));
  term.textContent = text;
  value.dataset.is = name;
  box.append(term, value);
  return box;
}

/** Shows a side at a moment, in its texts and on its map. */
function showSide(side, view, moment, number) {
  const { data, ages, selected } = player;
  const now = figures(side, moment, data.fates);
  const [state, mood] = told(side, now);
  const texts = { state, node: nodeTold(side, now.frame), ...numbersTold(side, now) };
  view.part("state").className = mood;
  Object.entries(texts).forEach(([name, text]) => write(view.part(name), text));
  drawMap(view.pen, view.places, side, {
    map: data.map,
    frame: now.frame,
    phase: now.isOver ? NEARLY : phaseOf(side, now.frame),
    ages,
    memories: side.memories,
    whole: data.whole,
    colour: COLOURS[number],
    selected,
  });
}

/** Writes a text if there is a place for it, and if it is another. */
function write(element, text) {
  const shown = typeof text === "number" ? text.toLocaleString("en") : text;
  if (element && element.textContent !== shown) element.textContent = shown;
}

function numbersTold(side, now) {
  const { last } = now;
  return {
    accuracy: `${(100 * now.accuracy).toFixed(1)} %`,
    round: now.isBarrier || now.isOver ? now.rounds : now.rounds + 1,
    updates: now.updates,
    stored: now.stored,
    ...now.fates,
    counted: last ? `${last.counted} of ${player.data.names.length}` : "–",
    shots: last ? last.shots : "–",
    votes: last ? `${last.votes} of ${side.members.length}` : "–",
    exposed: last ? sum(last.exposed) : 0,
  };
}

/** Returns how far a side is on the way to its next frame; others may have moments between. */
function phaseOf(side, frame) {
  const [from, to] = [side.moments[frame], side.moments[frame + 1]];
  const now = player.moments[player.place];
  const next = player.moments[player.place + 1] ?? now;
  return Math.min((now + player.phase * (next - now) - from) / (to - from), NEARLY);
}

/** Returns a sentence on what a side is doing, and its mood: yes, no or none. */
function told(side, now) {
  if (now.isBarrier) {
    const late = now.last.late
      ? `; agreement takes ${now.last.late} windows of the next round`
      : "";
    return now.last.committed
      ? [`✓ barrier ${now.rounds}: model updated${late}`, "yes"]
      : [
          `✕ barrier ${now.rounds}: no update, ${now.last.counted} counted (quorum ${side.quorum})`,
          "no",
        ];
  }
  if (now.awaitsBarrier) return ["the barrier fires: nodes measure, the hub decides", ""];
  if (now.isOver) return ["the budget is over", ""];
  if (!now.frame) return ["start: no pairs, a random model", ""];
  return [`gathering pairs; ${now.served} nodes have a channel`, ""];
}

function nodeTold(side, frame) {
  const node = player.selected;
  if (node < 0) return "Click or tap a node for its numbers.";
  const { data } = player;
  const has = nodeFigures(side, node, frame, data.whole, data.weight);
  const parts = [
    `${data.names[node]}, ${data.map.km[node]} km${has.byzantine ? ", Byzantine (hidden)" : ""}`,
    `${has.stored} pairs${has.stored ? `, the oldest ${has.oldest} windows old` : ""}`,
    `key for ${percent(has.key)} of its tags`,
    `${percent(has.served)} of a channel`,
    has.counted ? `counted, ${has.shots} shots, weight ${percent(has.weight)}` : "not counted",
  ];
  return parts.join(" · ");
}

function percent(share) {
  return `${(100 * share).toFixed(share > 0 && share < 0.1 ? 1 : 0)} %`;
}
