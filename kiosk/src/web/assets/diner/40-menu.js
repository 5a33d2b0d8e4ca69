// The menu: cards, the rail beside them, and moving among them without a finger.

const menu = $("menu");

/** What may be sold of an item now, shown on its card. */
function setLevel(item, available, left) {
  const card = cardOf(item);
  if (!card) return;
  const out = !available || left === 0;
  card.classList.toggle("out", out);
  if (left == null) delete card.dataset.left;
  else card.dataset.left = left;
  const art = card.firstElementChild;
  art.querySelector(".flag")?.remove();
  if (out || (left != null && left <= facts.few)) {
    const text = out ? say("sold-out") : say("left", { count: left });
    art.append(Object.assign(document.createElement("b"), { className: "flag", textContent: text }));
  }
  card.querySelector(".add").disabled = out;
}

/** After the menu's markup came or was replaced. */
function dressMenu() {
  for (const card of all(".card")) {
    const add = card.querySelector(".add");
    add.ariaLabel = say("add", { item: card.querySelector(".open").textContent });
    add.disabled = card.classList.contains("out");
  }
  for (const shelf of all(".shelf")) spy.observe(shelf);
  dressDiet();
}

/** A dish as it comes, with what its menu preselects. */
const asItComes = (card) => ({
  item: card.id.slice(2),
  name: card.querySelector(".open").textContent,
  quantity: 1,
  options: (card.dataset.chosen ?? "").split(" ").filter(Boolean).map((choice) => {
    const [group, option] = choice.split(".");
    return { group, option, quantity: 1 };
  }),
  note: "",
  unit: Number(card.dataset.unit),
});

menu.addEventListener("click", (event) => {
  const card = event.target.closest(".card");
  if (!card) return;
  if (event.target.closest(".add") && !("asks" in card.dataset)) {
    const line = asItComes(card);
    if (addLine(line)) {
      toast(say("added", { item: line.name }));
      card.classList.remove("bump");
      void card.offsetWidth;
      card.classList.add("bump");
    }
  } else openSheet(card.id.slice(2));
});

// The lit lantern of the rail follows what is read.
const railLinks = () => all(".rail a");
function light(id) {
  for (const link of railLinks()) {
    const here = link.hash === `#${id}`;
    if (here && link.ariaCurrent !== "true") link.scrollIntoView({ block: "nearest", inline: "nearest" });
    link.ariaCurrent = here ? "true" : null;
  }
}
const spy = new IntersectionObserver(
  () => {
    const line = menu.getBoundingClientRect().top + 120;
    const here = all(".shelf:not([hidden])").findLast((shelf) => shelf.getBoundingClientRect().top <= line);
    if (here && !railQuiet) light(here.id);
  },
  { root: menu, rootMargin: "-120px 0px 0px 0px", threshold: [0, 0.01, 0.5, 1] },
);
let railQuiet = 0;

document.querySelector(".rail").addEventListener("click", (event) => {
  const link = event.target.closest("a");
  if (!link) return;
  event.preventDefault();
  clearTimeout(railQuiet);
  railQuiet = setTimeout(() => (railQuiet = 0), 700);
  light(link.hash.slice(1));
  document.querySelector(link.hash).scrollIntoView();
});

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const boxOf = (stop) => (stop.closest(".card") ?? stop).getBoundingClientRect();

/** The nearest of `others` in a direction: straight ahead counts more than to the side. */
function nearest(from, others, [dx, dy]) {
  const a = boxOf(from);
  let best = null;
  let least = Infinity;
  for (const other of others) {
    const b = boxOf(other);
    const x = b.x + b.width / 2 - a.x - a.width / 2;
    const y = b.y + b.height / 2 - a.y - a.height / 2;
    const ahead = x * dx + y * dy;
    const aside = Math.abs(x * dy + y * dx);
    if (other !== from && ahead > 8 && ahead + 3 * aside < least) {
      least = ahead + 3 * aside;
      best = other;
    }
  }
  return best;
}

/** What arrow keys can reach now; a card is one stop, its plus is reached by Tab. */
function arrowStops() {
  const scope = document.querySelector("dialog[open]") ?? document.querySelector(".stage:not([hidden])") ?? $("shop");
  const stops = all("a, button:not(:disabled, .add), input, textarea", scope);
  return stops.filter((stop) => stop.checkVisibility());
}

// Arrow keys go wherever a finger could: first within a part of the page, then beyond it.
document.addEventListener("keydown", (event) => {
  const way = ARROWS[event.key];
  const here = document.activeElement;
  if (!way || event.altKey || event.ctrlKey || event.metaKey) return;
  if (here.matches("textarea")) return;
  // Left and right inside of what was typed as well, while there is something.
  if (here.matches("input:not([type=radio], [type=checkbox])") && way[0] && here.value) return;
  // Left and right among the answers to one question are the browser's.
  if (here.matches("input[type=radio]") && way[0]) return;
  const stops = arrowStops();
  const from = here.matches(".add") ? here.closest(".card").querySelector(".open") : here;
  const part = from.closest("main, nav, aside, header, footer, .sheet-body");
  const next = !stops.includes(from)
    ? stops.find((stop) => stop.matches(".card .open")) ?? stops[0]
    : nearest(from, stops.filter((stop) => part?.contains(stop)), way) ?? nearest(from, stops, way);
  if (!next) return;
  event.preventDefault();
  next.focus({ preventScroll: true });
  (next.closest(".card") ?? next).scrollIntoView({ block: "nearest" });
});
