// Finding a dish by a few letters, on this screen alone: names in every language of the menu, what is
// said of a dish, and the first letters of what a Chinese name sounds like.

const wanted = $("search-for");
const MOST_FOUND = 12;

/** Letters as they are compared: small, without accents. */
const plain = (text) => text.toLowerCase().normalize("NFD").replace(/\p{M}/gu, "");

/** How well a card answers: its name, then other names and sounds, then what is said of it; -1 not at all. */
function answers(card, words) {
  const name = plain(nameOf(card.id.slice(2)));
  const keys = plain(dishOf(card.id.slice(2)).keys ?? "");
  const rest = plain(card.querySelector("p:not(.facts, .price)")?.textContent ?? "");
  const among = (text) => words.every((word) => text.includes(word));
  if (words.every((word) => ` ${name}`.includes(` ${word}`))) return 0;
  const found = [name, keys, `${name} ${keys}`, `${name} ${keys} ${rest}`].findIndex(among);
  return found < 0 ? -1 : found + 1;
}

function search() {
  const words = plain(wanted.value).split(/\s+/).filter(Boolean);
  const ranked = words.length ? all(".card").map((card) => [answers(card, words), card]) : [];
  const found = ranked.filter(([rank]) => rank >= 0).sort(([a], [b]) => a - b).map(([, card]) => card);
  $("search-said").textContent = words.length ? say("found", { count: found.length }) : say("search-hint");
  $("found").replaceChildren(...found.slice(0, MOST_FOUND).map(foundRow));
}

function foundRow(card) {
  const id = card.id.slice(2);
  const button = document.createElement("button");
  button.dataset.find = id;
  const put = (tag, text, name = "") => text && button.append(Object.assign(document.createElement(tag), { textContent: text, className: name }));
  button.append(Object.assign(new Image(56, 56), { src: pictureOf(id), alt: "" }));
  put("b", nameOf(id));
  put("small", card.querySelector("p:not(.facts, .price)")?.textContent);
  put("span", card.classList.contains("out") ? say("sold-out") : card.querySelector(".price").textContent);
  put("em", warningOf([id]), "warn");
  const row = document.createElement("li");
  row.append(button);
  return row;
}

$("find").addEventListener("click", () => {
  wanted.value = "";
  search();
  open($("search"), wanted);
});
wanted.addEventListener("input", search);
$("search").addEventListener("click", (event) => {
  const { letter } = event.target.closest("[data-letter]")?.dataset ?? {};
  const { find } = event.target.closest("[data-find]")?.dataset ?? {};
  if (letter !== undefined) {
    wanted.value = letter ? (wanted.value + letter).slice(0, 40) : wanted.value.slice(0, -1);
    search();
  } else if (find) {
    $("search").close();
    openSheet(find);
  }
});
wanted.addEventListener("keydown", (event) => {
  if (event.key === "Enter") $("found").querySelector("button")?.click();
});
