// The player: one position in time for all sides, moved by buttons, keys, the slider and the clock.
"use strict";

const SPEEDS = [1, 2, 4, 8, 16, 32, 64]; // windows a second
const EPISODE_S = 60; // how long the whole episode takes at first, at most about
const [PLAY, PAUSE] = ["M5 3v14l12-7z", "M5 3h3.5v14H5zM11.5 3H15v14h-3.5z"];
const $ = (id) => document.getElementById(id);

const player = {
  data: null,
  sides: [],
  moments: [],
  views: [],
  chart: null,
  place: 0, // in `moments`
  phase: 0, // share of the time until the next moment that is over, in [0, 1)
  isPlaying: false,
  speed: 8,
  selected: -1,
  last: 0,
};

async function start() {
  const data = JSON.parse($("data").textContent);
  player.data = data;
  if (typeof DecompressionStream === "undefined")
    throw new Error("the browser is too old (before 2023)");
  player.sides = await Promise.all(data.sides.map(opened));
  player.moments = allMoments(player.sides);
  player.ages = agesInUse(player.sides);
  describe(data);
  player.views = player.sides.map(sideView);
  listen();
  resize();
  goToAddress();
}

function describe(data) {
  const windows = Math.max(...player.sides.map((side) => side.budget));
  document.title = `${data.scenario}, seed ${data.seed}`;
  $("title").textContent = document.title;
  $("subtitle").textContent =
    `${data.names.length} nodes, ${windows} windows of ${data.window_s} s` +
    (player.sides.length > 1 ? "; both policies play the same seed." : ".");
  $("ages").textContent = `The oldest here are ${player.ages - 1} windows old.`;
  $("committee").hidden = player.sides.every((side) => side.members.length < 2);
  $("scrub").max = player.moments.length - 1;
  const fitting = SPEEDS.find((speed) => windows / speed <= EPISODE_S) ?? SPEEDS.at(-1);
  $("speed").append(...SPEEDS.map((speed) => new Option(`${speed} windows/s`, speed)));
  setSpeed(fitting);
}

function show() {
  const { data, moments, place, phase } = player;
  const moment = moments[place];
  const timeS = seconds(moment, data.window_s);
  const last = seconds(moments.at(-1), data.window_s);
  const width = decimals(data.window_s);
  $("scrub").value = place;
  $("scrub").setAttribute("aria-valuetext", `${timeS.toFixed(width)} s`);
  $("time").textContent = `${timeS.toFixed(width)} s of ${last.toFixed(width)} s`;
  player.sides.forEach((side, number) => showSide(side, player.views[number], moment, number));
  player.chart.show(timeS + phase * (seconds(moments[place + 1] ?? moment, data.window_s) - timeS));
}

/** Returns the decimals of a duration in s, at most 3. */
function decimals(step) {
  return Math.min((String(step).split(".")[1] ?? "").length, 3);
}

// --- Where it is ---

function go(place) {
  player.place = Math.min(Math.max(place, 0), player.moments.length - 1);
  player.phase = 0;
  show();
  if (!player.isPlaying) keepAddress();
}

function goToAddress() {
  const found = /(?:^#|&)t=([0-9.]+)/.exec(location.hash);
  go(found ? placeOfTime(player.moments, Number(found[1]), player.data.window_s) : 0);
}

function keepAddress() {
  const timeS = seconds(player.moments[player.place], player.data.window_s);
  const address = `#t=${Number(timeS.toFixed(4))}`;
  if (location.hash !== address) history.replaceState(null, "", address);
}

/** Goes to the next barrier of any side in a direction, or to the end. */
function goToBarrier(direction) {
  let place = player.place + direction;
  const isBarrier = (at) => player.moments[at] % PER_WINDOW === 1;
  while (place > 0 && place < player.moments.length - 1 && !isBarrier(place)) place += direction;
  go(place);
}

function setPlaying(isPlaying) {
  if (isPlaying && player.place === player.moments.length - 1) go(0);
  player.isPlaying = isPlaying;
  $("play")
    .querySelector("path")
    .setAttribute("d", isPlaying ? PAUSE : PLAY);
  $("play").setAttribute("aria-label", isPlaying ? "Pause" : "Play");
  if (isPlaying) requestAnimationFrame((now) => ((player.last = now), requestAnimationFrame(tick)));
  else if (player.views.length) keepAddress();
}

function setSpeed(speed) {
  player.speed = speed;
  $("speed").value = speed;
}

/** Moves on by the time since the last picture. */
function tick(now) {
  if (!player.isPlaying) return;
  const { moments } = player;
  player.phase += ((now - player.last) / 1000) * player.speed * pace();
  player.last = now;
  while (player.phase >= 1 && player.place < moments.length - 1) {
    player.phase -= 1;
    player.place += 1;
  }
  if (player.place === moments.length - 1) {
    player.phase = 0;
    setPlaying(false);
  }
  show();
  requestAnimationFrame(tick);
}

/** Returns how many steps between moments fit in a window; a barrier without duration has half. */
function pace() {
  const step = player.moments[player.place + 1] - player.moments[player.place];
  return PER_WINDOW / Math.max(step, 1);
}

// --- What moves it ---

function listen() {
  const on = (id, event, action) => $(id).addEventListener(event, action);
  on("first", "click", () => go(0));
  on("back", "click", () => go(player.place - 1));
  on("forward", "click", () => go(player.place + 1));
  on("barrier", "click", () => goToBarrier(1));
  on("play", "click", () => setPlaying(!player.isPlaying));
  on("scrub", "input", () => go(Number($("scrub").value)));
  on("speed", "change", () => setSpeed(Number($("speed").value)));
  on("chart", "pointerdown", scrubChart);
  on("chart", "pointermove", (event) => event.buttons && scrubChart(event));
  player.views.forEach((view) =>
    view.canvas.addEventListener("click", (event) => select(view, event)),
  );
  addEventListener("keydown", press);
  addEventListener("hashchange", goToAddress);
  addEventListener("resize", () => (resize(), show()));
}

const KEYS = {
  " ": () => setPlaying(!player.isPlaying),
  ArrowRight: (event) => (event.shiftKey ? goToBarrier(1) : go(player.place + 1)),
  ArrowLeft: (event) => (event.shiftKey ? goToBarrier(-1) : go(player.place - 1)),
  Home: () => go(0),
  End: () => go(player.moments.length - 1),
  "+": () => faster(1),
  "-": () => faster(-1),
  n: () => choose(player.selected + 1),
  N: () => choose(player.selected - 1),
};

function press(event) {
  const action = KEYS[event.key];
  if (
    !action ||
    event.ctrlKey ||
    event.metaKey ||
    event.altKey ||
    event.target.tagName === "SELECT"
  )
    return;
  event.preventDefault();
  action(event);
}

function faster(by) {
  const place = SPEEDS.indexOf(player.speed) + by;
  setSpeed(SPEEDS[Math.min(Math.max(place, 0), SPEEDS.length - 1)]);
}

function scrubChart(event) {
  const box = $("chart").getBoundingClientRect();
  const timeS = player.chart.timeAt(((event.clientX - box.left) / box.width) * player.chart.width);
  go(placeOfTime(player.moments, timeS, player.data.window_s));
}

function select(view, event) {
  const box = view.canvas.getBoundingClientRect();
  const scale = view.places.size / box.width;
  const node = nodeAt(
    view.places,
    (event.clientX - box.left) * scale,
    (event.clientY - box.top) * scale,
  );
  choose(node === player.selected ? -1 : node);
}

/** Selects a node, on all sides; -1 and numbers beyond the last node select none. */
function choose(node) {
  const { length } = player.data.names;
  player.selected = node < -1 ? length - 1 : node < length ? node : -1;
  show();
}

function resize() {
  player.views.forEach((view) => {
    const size = view.canvas.clientWidth;
    const sharp = devicePixelRatio || 1;
    view.canvas.width = view.canvas.height = Math.round(size * sharp);
    view.pen = view.canvas.getContext("2d");
    view.pen.setTransform(sharp, 0, 0, sharp, 0, 0);
    view.places = placed(player.data.map, size);
  });
  const width = $("chart").clientWidth;
  player.chart = { ...chart(player.data, player.sides, COLOURS, width), width };
  $("chart").replaceChildren(player.chart.root);
}

start().catch((error) => {
  $("problem").textContent = `This page can't be shown: ${error.message}.`;
  $("problem").hidden = false;
});
