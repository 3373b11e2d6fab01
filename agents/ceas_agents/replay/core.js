// What the page knows at each moment, from the inlined data. Nothing here draws.
"use strict";

// Every side has frames: the start, then the end of each window and of each barrier. A moment is a
// number that orders them all: twice the windows that are over, and one more after a barrier.
const PER_WINDOW = 2;

const NUMBERS = { 1: Uint8Array, 2: Uint16Array, 4: Uint32Array };

/** Returns the bytes behind base64 of zlib's format. */
async function inflated(text) {
  const packed = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(stream).arrayBuffer();
}

/**
 * Returns the frames of a stack, each an array of its own, from their differences.
 *
 * Ages are the last axis of pairs. `older` says by how many windows they age before each frame:
 * what a frame differs from is the one before it, aged. For other stacks it is left out.
 */
async function unpacked(stack, older) {
  const [frames, ...inner] = stack.shape;
  const size = inner.reduce((product, length) => product * length, 1);
  const values = new NUMBERS[stack.bytes](await inflated(stack.data));
  const ages = older ? inner[inner.length - 1] : size;
  const found = [];
  for (let frame = 0; frame < frames; frame++) {
    const now = values.subarray(frame * size, (frame + 1) * size);
    const by = older ? older[frame] : 0;
    for (let place = 0; frame && place < size; place++) {
      if (place % ages >= by) now[place] += found[frame - 1][place - by];
    }
    found.push(now);
  }
  return found;
}

/** Returns by how many windows pairs age before each frame; a barrier starts anew. */
function aging(side) {
  const windows = side.clock.map((now, frame) => (frame ? now - side.clock[frame - 1] : 0));
  return windows.map((passed, frame) => (side.isBarrier[frame] ? Infinity : passed));
}

/** Returns a side with its stacks unpacked, and with the moment of each of its frames. */
async function opened(side) {
  const open = { ...side };
  const names = Object.keys(side).filter((name) => side[name].data !== undefined);
  for (const name of names) {
    open[name] = await unpacked(side[name], name === "pairs" ? aging(side) : null);
  }
  open.ages = side.pairs.shape[2];
  open.moments = side.clock.map((windows, n) => PER_WINDOW * windows + side.isBarrier[n]);
  // How many barriers have ended by each frame.
  let ended = 0;
  open.barriers = side.isBarrier.map((isBarrier) => (ended += isBarrier));
  return open;
}

/** Returns the last place whose value is at most `limit`; -1 if there is none. Values ascend. */
function lastUpTo(values, limit) {
  let low = -1;
  let high = values.length - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (values[middle] <= limit) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Returns all moments at which something happens on any side, in order. */
function allMoments(sides) {
  const moments = new Set(sides.flatMap((side) => side.moments));
  return [...moments].sort((a, b) => a - b);
}

/** Returns the time of a moment in s. */
function seconds(moment, windowS) {
  return Math.floor(moment / PER_WINDOW) * windowS;
}

/** Returns the place in `moments` of the last one that is not after a time in s. */
function placeOfTime(moments, timeS, windowS) {
  // A rounded time in an address may lie a little before the moment that it was taken from.
  const limit = PER_WINDOW * Math.floor(timeS / windowS + 1e-6) + 1;
  return Math.max(lastUpTo(moments, limit), 0);
}

/** Returns what a side shows at a moment, as numbers. */
function figures(side, moment, fates) {
  const frame = Math.max(lastUpTo(side.moments, moment), 0);
  const ended = side.barriers[frame];
  return {
    frame,
    isBarrier: side.isBarrier[frame] === 1,
    awaitsBarrier: side.isBarrier[frame + 1] === 1,
    isOver: frame === side.moments.length - 1,
    rounds: ended,
    updates: sum(side.committed.slice(0, ended)),
    accuracy: side.accuracy[ended],
    served: side.served[frame].filter((share) => share > 0).length,
    stored: sum(side.pairs[frame]),
    fates: Object.fromEntries(fates.map((fate, n) => [fate, side.produced[frame][n]])),
    last: ended ? barrier(side, ended - 1) : null,
  };
}

/** Returns what a barrier of a side decided. */
function barrier(side, number) {
  return {
    number,
    committed: side.committed[number] === 1,
    // Honest members vote alike; votes of the others change nothing.
    votes: side.committed[number] ? side.members.filter((isByzantine) => !isByzantine).length : 0,
    counted: sum(side.counted[number]),
    shots: sum(side.shots[number]),
    late: side.late[number],
    exposed: [...side.exposed[number]],
  };
}

/** Returns what a node of a side has at a frame, as numbers. */
function nodeFigures(side, node, frame, whole, weight) {
  const pairs = side.pairs[frame].subarray(node * side.ages, (node + 1) * side.ages);
  const number = side.barriers[frame] - 1;
  return {
    stored: sum(pairs),
    oldest: pairs.reduce((oldest, count, age) => (count ? age : oldest), -1),
    key: side.key[frame][node] / whole,
    served: side.served[frame][node] / whole,
    byzantine: side.byzantine[node] === 1,
    counted: number >= 0 && side.counted[number][node] === 1,
    shots: number >= 0 ? side.shots[number][node] : 0,
    weight: number >= 0 ? side.weights[number][node] / weight : 0,
  };
}

/** Returns one more than the greatest age at which any side stores pairs, at least 4. */
function agesInUse(sides) {
  let most = 4;
  for (const side of sides) {
    for (const frame of side.pairs) {
      frame.forEach((count, place) => {
        if (count) most = Math.max(most, (place % side.ages) + 1);
      });
    }
  }
  return most;
}

/** Returns the sum of numbers. */
function sum(values) {
  return values.reduce((total, value) => total + value, 0);
}
