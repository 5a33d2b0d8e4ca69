// What a diner does not eat. The menu shows what fits; what is in the order all the same says so.

/** {suits: ways of eating, without: allergens}, kept for this diner only. */
let diet = keep.get("diet", { suits: [], without: [] });

const dishOf = (id) => facts.dishes[id] ?? {};
const isPicky = () => diet.suits.length + diet.without.length > 0;
const suits = (id) => diet.suits.filter((way) => !dishOf(id).suits?.includes(way));
const fitsItem = (id) => !suits(id).length && !diet.without.some((one) => dishOf(id).holds?.includes(one));
/** Whether something can be eaten as the diner wishes; of a combo, whether each part can. */
const fits = (id) => facts.sets[id]?.every((part) => part.some(fitsItem)) ?? fitsItem(id);

const listed = (names) => names.join(" · ");
const allergenNames = (ids) => listed(ids.map((id) => facts.allergens[id] ?? id));

/** What of some dishes, and of what was chosen with them, the diner does not want; empty if nothing. */
function warningOf(items, more = []) {
  const held = new Set([...items.flatMap((id) => dishOf(id).holds ?? []), ...more]);
  const bad = diet.without.filter((one) => held.has(one));
  const missed = [...new Set(items.filter((id) => !facts.sets[id]).flatMap(suits))];
  return [
    ...(bad.length ? [say("warn-holds", { what: allergenNames(bad) })] : []),
    ...(missed.length ? [say("warn-suits", { what: listed(missed.map((way) => facts.diets[way] ?? way)) })] : []),
  ].join(" ");
}
const warningOfLine = (line) => warningOf(takes(line), line.allergens);

/** The cards that fit, and their shelves; and what a diner who sees fewer is told. */
function drawDiet() {
  const cards = all(".card");
  for (const card of cards) card.hidden = !fits(card.id.slice(2));
  for (const shelf of all(".shelf")) {
    shelf.hidden = all(".card", shelf).every((card) => card.hidden);
    const link = document.querySelector(`.rail a[href="#${shelf.id}"]`);
    if (link) link.hidden = shelf.hidden;
  }
  const count = cards.filter((card) => !card.hidden).length;
  const shown = say("diet-count", { count, all: cards.length });
  $("diet-on").hidden = !isPicky();
  $("diet-what").textContent = listed([...diet.suits.map((way) => facts.diets[way] ?? way), ...diet.without.map((one) => say("without", { what: facts.allergens[one] ?? one }))]);
  $("diet-count").textContent = shown;
  $("diet-show").textContent = isPicky() ? shown : say("diet-shown-all");
  for (const button of all("[data-diet]")) {
    const [kind, id] = button.dataset.diet.split(" ");
    button.ariaPressed = String(diet[kind].includes(id));
  }
}

function setDiet(wanted) {
  diet = wanted;
  keep.set("diet", diet);
  drawDiet();
  drawBasket();
  if ($("order").open) drawReview();
}

/** The buttons follow the menu: only what its dishes tell can be asked for. */
function dressDiet() {
  const pick = (kind, id, name) => {
    const button = Object.assign(document.createElement("button"), { textContent: name, ariaPressed: "false" });
    button.dataset.diet = `${kind} ${id}`;
    return button;
  };
  const names = (of) => Object.entries(of);
  $("diet-suits").hidden = !names(facts.diets).length;
  $("diet-suits").querySelector("div").replaceChildren(...names(facts.diets).map(([id, name]) => pick("suits", id, name)));
  $("diet-without").replaceChildren(...names(facts.allergens).map(([id, name]) => pick("without", id, say("without", { what: name }))));
  drawDiet();
}

$("diet").addEventListener("click", (event) => {
  const picked = event.target.closest("[data-diet]")?.dataset.diet;
  if (!picked) return;
  const [kind, id] = picked.split(" ");
  const now = diet[kind];
  setDiet({ ...diet, [kind]: now.includes(id) ? now.filter((other) => other !== id) : [...now, id] });
});
$("diet-none").addEventListener("click", () => setDiet({ suits: [], without: [] }));
$("diet-off").addEventListener("click", () => {
  setDiet({ suits: [], without: [] });
  $("menu").focus({ preventScroll: true });
});
document.querySelector(".rail").addEventListener("click", (event) => event.target.closest(".diet-open") && open($("diet")));
