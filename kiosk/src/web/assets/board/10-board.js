// The pickup board: what is new stands out, what was ready for long enough leaves, and what has no
// room takes turns.
"use strict";

const TURN = 7000;
/** More than these stand smaller, though still large enough. */
const MANY = 8;
/** So many of those that have just become ready stand large, the newest first. */
const LARGE = 2;
const board = $("board");
const newFor = Number(board.dataset.newFor) * 1000;

/** Since when a number is ready, by this browser's own clock; a payment meanwhile changes nothing. */
const since = new Map();
let turn = 0;
let lastTurn = performance.now();

function note() {
  const now = performance.now();
  const here = new Set();
  for (const item of all("#ready li")) {
    const number = item.dataset.key;
    here.add(number);
    const told = now - Number(item.dataset.since) * 1000;
    since.set(number, Math.min(since.get(number) ?? told, told));
  }
  for (const number of since.keys()) if (!here.has(number)) since.delete(number);
}

/** How many items of a list have room at the size that can be read from afar. */
function room(list, item) {
  const style = getComputedStyle(list);
  const columns = style.gridTemplateColumns.split(" ").length;
  const gap = Number.parseFloat(style.rowGap) || 0;
  const rows = Math.floor((list.clientHeight - Number.parseFloat(style.paddingTop) - Number.parseFloat(style.paddingBottom) + gap) / (item.offsetHeight + gap));
  return Math.max(1, rows) * columns;
}

function deal(list) {
  const items = [...list.children];
  for (const item of items) item.hidden = false;
  const gone = list.id === "ready" ? items.filter((item) => item.classList.contains("gone")) : [];
  for (const item of gone) item.hidden = true;
  const shown = items.filter((item) => !item.hidden);
  list.dataset.count = shown.length;
  list.toggleAttribute("data-many", shown.length > MANY);
  if (!shown.length) return pageOf(list, 0, 0);
  const space = room(list, shown.at(-1));
  // What has just become ready is never away.
  const fixed = shown.filter((item) => item.classList.contains("new"));
  const turning = shown.filter((item) => !fixed.includes(item));
  const wide = fixed.length * (list.id === "ready" ? 2 : 1);
  const places = Math.max(1, space - wide);
  const pages = Math.max(1, Math.ceil(turning.length / places));
  const current = turn % pages;
  turning.forEach((item, index) => {
    item.hidden = Math.floor(index / places) !== current;
  });
  pageOf(list, current, pages);
}

function pageOf(list, current, pages) {
  list.closest("section").querySelector(".page").textContent = pages > 1 ? `${current + 1}/${pages}` : "";
}

function draw() {
  let large = LARGE;
  const now = performance.now();
  const readyFor = Number(board.dataset.readyFor) * 1000;
  for (const item of all("#ready li")) {
    const age = now - since.get(item.dataset.key);
    item.classList.toggle("gone", age >= readyFor);
    item.classList.toggle("new", age < newFor && large-- > 0);
  }
  deal($("preparing"));
  deal($("ready"));
}

page.before = (fresh) => {
  board.dataset.readyFor = fresh.querySelector("#board").dataset.readyFor;
};
page.after = () => {
  note();
  draw();
};
page.after();
setInterval(() => {
  const fresh = performance.now() - lastTurn >= TURN;
  if (fresh) {
    lastTurn = performance.now();
    turn += 1;
  }
  draw();
}, 1000);
// The clock, and a board whose stream died without a word.
setInterval(() => refresh(), 20000);
addEventListener("resize", draw);
document.fonts?.ready.then(draw);
