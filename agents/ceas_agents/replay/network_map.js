// The map: hub, nodes, and pairs that age on their way from the node to the hub.
"use strict";

const MARGIN = 16;
const HUB_RADIUS = 16;
const NEAR_HUB = 0.14; // where the path of the oldest pairs ends, as a share of the map's radius
const TURN = 2 * Math.PI;
const AGES = ["#1b3a8f", "#1c7d93", "#57b27a", "#e3c63c"]; // fresh to old, ever lighter
const INK = "#1c2733";
const FAINT = "#e6e9ee";
const QUIET = "#c3cad3";
const YES = "#00795c";
const NO = "#c2410c";
const HIDDEN = "#9b2c7c";

/** Returns the colour of pairs of an age, from 0 to 1. */
function ageColour(share) {
  const place = Math.min(share, 0.9999) * (AGES.length - 1);
  const [from, to] = [AGES[Math.floor(place)], AGES[Math.floor(place) + 1]].map(channels);
  const mixed = from.map((value, n) => Math.round(value + (to[n] - value) * (place % 1)));
  return `rgb(${mixed.join(",")})`;
}

function channels(hex) {
  return [1, 3, 5].map((start) => parseInt(hex.slice(start, start + 2), 16));
}

/** Returns where everything of a map stands on a canvas of `size` pixels, which it fills. */
function placed(map, size) {
  const [left, right] = [Math.min(...map.x), Math.max(...map.x)];
  const [top, bottom] = [Math.min(...map.y), Math.max(...map.y)];
  const radius = (size - 2 * MARGIN) / Math.max(right - left, bottom - top, 1);
  const hub = {
    x: size / 2 - (radius * (left + right)) / 2,
    y: size / 2 - (radius * (top + bottom)) / 2,
  };
  const vertices = map.x.map((x, vertex) => ({
    x: hub.x + radius * x,
    y: hub.y + radius * map.y[vertex],
  }));
  const nodeRadius = Math.max(3, Math.min(9, (radius * 1.05) / map.vertex.length));
  const nodes = map.vertex.map((vertex, node) => {
    const path = { from: vertices[vertex], to: vertices[map.before[node]] };
    // Pairs are born beside the node's ring of key, and the oldest stop short of the hub.
    const [skip, stop] = [
      nodeRadius + 5,
      map.before[node] === 0 ? radius * NEAR_HUB : nodeRadius + 5,
    ];
    return {
      ...vertices[vertex],
      start: moved(path, skip),
      end: moved({ from: path.to, to: path.from }, stop),
    };
  });
  return { size, hub, radius, nodes, vertices, nodeRadius };
}

/** Returns the point of a path at a distance from its beginning. */
function moved({ from, to }, distance) {
  const share = distance / Math.max(Math.hypot(to.x - from.x, to.y - from.y), 1e-9);
  return between(from, to, Math.min(share, 0.5));
}

function between(from, to, share) {
  return { x: from.x + (to.x - from.x) * share, y: from.y + (to.y - from.y) * share };
}

/** Draws a side at a frame; `phase` is the share of the frame's time that is over, from 0 to 1. */
function drawMap(pen, places, side, view) {
  pen.clearRect(0, 0, places.size, places.size);
  drawRings(pen, places, view.map.rings);
  drawFibres(pen, places, side, view);
  places.nodes.forEach((node, number) =>
    drawServed(pen, node, side.served[view.frame][number] / view.whole),
  );
  places.nodes.forEach((node, number) => drawPairs(pen, places, node, number, side, view));
  places.nodes.forEach((node, number) => drawNode(pen, places, node, number, side, view));
  drawHub(pen, places, side, view);
}

function drawRings(pen, { hub, radius }, rings) {
  pen.lineWidth = 1;
  pen.font = "11px system-ui, sans-serif";
  pen.textAlign = "center";
  rings.forEach(([km, share]) => {
    pen.strokeStyle = FAINT;
    circle(pen, hub.x, hub.y, share * radius);
    pen.stroke();
    label(pen, `${km} km`, hub.x, hub.y - share * radius + 4, "#7b8794");
  });
}

function drawFibres(pen, places, side, { map, frame }) {
  const conditions = side.conditions[frame];
  map.fibres.forEach(([near, far, fibre]) => {
    const [from, to] = [places.vertices[near], places.vertices[far]];
    pen.strokeStyle = conditions[fibre] === 2 ? NO : QUIET;
    pen.lineWidth = 1;
    pen.setLineDash([[], [6, 3], [1, 4]][conditions[fibre]]);
    segment(pen, from, to);
  });
  pen.setLineDash([]);
}

function drawServed(pen, node, share) {
  if (!share) return;
  pen.strokeStyle = "#1b3a8f";
  pen.globalAlpha = 0.15 + 0.25 * share;
  pen.lineWidth = 1 + 3 * share;
  segment(pen, node.end, node);
  pen.globalAlpha = 1;
}

function drawPairs(pen, places, node, number, side, { frame, phase, ages, memories }) {
  const first = number * side.ages;
  for (let age = 0; age < Math.min(ages, side.ages); age++) {
    const at = between(node.start, node.end, (age + phase) / ages);
    const [count, gone] = [side.pairs[frame][first + age], lost(side, frame, first, age)];
    const radius = (pairs) => 1.1 + places.nodeRadius * 0.75 * Math.sqrt(pairs / memories);
    if (gone && side.isBarrier[frame])
      spent(pen, between(at, places.hub, phase), radius(gone), age / ages);
    else if (gone) cross(pen, at, 3);
    if (count) bead(pen, at, radius(count), ageColour(age / ages));
  }
}

/** Returns how many pairs that would have this age by now are no longer there. */
function lost(side, frame, first, age) {
  if (!frame) return 0;
  const older = side.clock[frame] - side.clock[frame - 1];
  if (age < older) return 0;
  return Math.max(side.pairs[frame - 1][first + age - older] - side.pairs[frame][first + age], 0);
}

function bead(pen, at, radius, colour) {
  pen.fillStyle = colour;
  circle(pen, at.x, at.y, radius);
  pen.fill();
}

function spent(pen, at, radius, age) {
  pen.strokeStyle = ageColour(age);
  pen.lineWidth = 1.5;
  circle(pen, at.x, at.y, radius);
  pen.stroke();
}

function cross(pen, { x, y }, arm, colour = "#6b7682") {
  pen.strokeStyle = colour;
  pen.lineWidth = 1.2;
  segment(pen, { x: x - arm, y: y - arm }, { x: x + arm, y: y + arm });
  segment(pen, { x: x - arm, y: y + arm }, { x: x + arm, y: y - arm });
}

function drawNode(pen, places, node, number, side, view) {
  const radius = places.nodeRadius;
  const barrier = side.barriers[view.frame] - 1;
  const counted = barrier >= 0 && side.counted[barrier][number] === 1;
  const shape = side.byzantine[number] ? diamond : circle;
  pen.fillStyle = counted ? view.colour : "#ffffff";
  pen.strokeStyle = side.byzantine[number] ? HIDDEN : INK;
  pen.lineWidth = side.byzantine[number] ? 2 : 1.1;
  shape(pen, node.x, node.y, radius);
  pen.fill();
  pen.stroke();
  drawKey(
    pen,
    node,
    radius + Math.max(1.8, 0.4 * radius),
    side.key[view.frame][number] / view.whole,
  );
  if (view.selected === number) {
    pen.strokeStyle = INK;
    pen.lineWidth = 1.5;
    circle(pen, node.x, node.y, radius + 6);
    pen.stroke();
  }
}

function drawKey(pen, { x, y }, radius, share) {
  if (!share) return;
  pen.strokeStyle = share >= 1 ? "#d99a00" : "#ecc667";
  pen.lineWidth = 2;
  pen.beginPath();
  pen.arc(x, y, radius, -TURN / 4, -TURN / 4 + TURN * share);
  pen.stroke();
}

function drawHub(pen, { hub }, side, { frame, phase }) {
  const fires = side.isBarrier[frame] === 1;
  const committed = side.committed[side.barriers[frame] - 1] === 1;
  const verdict = committed ? YES : NO;
  if (fires) drawWave(pen, hub, verdict, committed ? [] : [5, 4], phase);
  pen.fillStyle = fires ? verdict : INK;
  circle(pen, hub.x, hub.y, HUB_RADIUS);
  pen.fill();
  if (side.members.length > 1) drawMembers(pen, hub, side, frame);
  else mark(pen, fires ? (committed ? "✓" : "✕") : "hub", hub);
}

function drawWave(pen, hub, colour, dashes, phase) {
  pen.strokeStyle = colour;
  pen.lineWidth = 3;
  pen.setLineDash(dashes);
  circle(pen, hub.x, hub.y, HUB_RADIUS + 4 + 12 * phase);
  pen.stroke();
  pen.setLineDash([]);
}

/** Draws the committee: a full dot is a vote for the update of the last barrier. */
function drawMembers(pen, hub, side, frame) {
  const last = side.barriers[frame] - 1;
  const dot = Math.max(1.8, Math.min(4, 14 / side.members.length));
  side.members.forEach((isByzantine, member) => {
    const angle = (TURN * member) / side.members.length - TURN / 4;
    const at = { x: hub.x + 8.5 * Math.cos(angle), y: hub.y + 8.5 * Math.sin(angle) };
    pen.strokeStyle = isByzantine ? "#f0a8d8" : "#ffffff";
    pen.fillStyle = "#ffffff";
    pen.lineWidth = 1.4;
    (isByzantine ? diamond : circle)(pen, at.x, at.y, dot);
    if (!isByzantine && last >= 0 && side.committed[last]) pen.fill();
    pen.stroke();
    if (last >= 0 && side.exposed[last][member]) cross(pen, at, dot + 2, "#ffffff");
  });
}

function mark(pen, text, at) {
  pen.fillStyle = "#ffffff";
  pen.font = "600 12px system-ui, sans-serif";
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  pen.fillText(text, at.x, at.y + 0.5);
  pen.textBaseline = "alphabetic";
}

/** Returns the number of the node nearest to a point, or -1 if none is near. */
function nodeAt(places, x, y) {
  const far = places.nodes.map((node) => Math.hypot(node.x - x, node.y - y));
  const nearest = far.indexOf(Math.min(...far));
  return far[nearest] < 18 ? nearest : -1;
}

function circle(pen, x, y, radius) {
  pen.beginPath();
  pen.arc(x, y, radius, 0, TURN);
}

function diamond(pen, x, y, radius) {
  const arm = radius * 1.25;
  pen.beginPath();
  pen.moveTo(x, y - arm);
  pen.lineTo(x + arm, y);
  pen.lineTo(x, y + arm);
  pen.lineTo(x - arm, y);
  pen.closePath();
}

function segment(pen, from, to) {
  pen.beginPath();
  pen.moveTo(from.x, from.y);
  pen.lineTo(to.x, to.y);
  pen.stroke();
}

function label(pen, text, x, y, colour) {
  pen.lineWidth = 4;
  pen.strokeStyle = "#ffffff";
  pen.strokeText(text, x, y);
  pen.lineWidth = 1;
  pen.fillStyle = colour;
  pen.fillText(text, x, y);
}
