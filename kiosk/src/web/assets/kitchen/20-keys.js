// Keys: a bump bar's digits, arrows between tickets, brackets between stations.

function nextTab(step) {
  const index = tabs.findIndex((tab) => tab.dataset.tab === mine.tab);
  const tab = tabs.at((index + step) % tabs.length);
  choose(tab.dataset.tab);
  return tab;
}

/** Moves the focus to the ticket that lies in that direction. */
function walk(key) {
  const cards = shown();
  const current = document.activeElement?.closest?.(".ticket");
  if (!current) return cards[0]?.querySelector(".bump").focus();
  const buttons = all("button", current).filter((button) => button.offsetParent);
  const within = buttons.indexOf(document.activeElement);
  const step = { ArrowUp: -1, ArrowDown: 1 }[key];
  if (step && buttons[within + step]) return buttons[within + step].focus();
  const here = current.getBoundingClientRect();
  const ahead = { ArrowLeft: (r) => here.left - r.left, ArrowRight: (r) => r.left - here.left, ArrowUp: (r) => here.top - r.top, ArrowDown: (r) => r.top - here.top }[key];
  const across = step ? (r) => Math.abs(r.left - here.left) : (r) => Math.abs(r.top - here.top);
  const found = cards
    .map((card) => ({ card, rect: card.getBoundingClientRect() }))
    .filter(({ rect }) => ahead(rect) > 8)
    .sort((a, b) => ahead(a.rect) + across(a.rect) * 3 - ahead(b.rect) - across(b.rect) * 3)[0];
  found?.card.querySelector(".bump").focus();
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || $("recalled").open) return;
  document.documentElement.classList.add("keys");
  if (/^[1-9]$/.test(event.key)) {
    const button = shown()[Number(event.key) - 1]?.querySelector(".bump");
    button?.focus();
    button?.click();
  } else if (event.target.closest?.("[role=tablist]") && /^Arrow(Left|Right)$/.test(event.key)) {
    nextTab(event.key === "ArrowLeft" ? -1 : 1).focus();
  } else if (event.key.startsWith("Arrow")) {
    walk(event.key);
  } else if (event.key === "[" || event.key === "]") {
    nextTab(event.key === "[" ? -1 : 1);
  } else if (event.key === "r" || event.key === "R") {
    $("recall").click();
  } else {
    return;
  }
  event.preventDefault();
});
/** The place of the ticket that has the focus, and giving it to the next when that ticket is gone. */
const placeOfFocus = () => shown().findIndex((ticket) => ticket.contains(document.activeElement));
function refocus(place) {
  if (place < 0 || document.activeElement !== document.body) return;
  const left = shown();
  left[Math.min(place, left.length - 1)]?.querySelector(".bump").focus();
}

document.addEventListener("pointerdown", () => document.documentElement.classList.remove("keys"));
