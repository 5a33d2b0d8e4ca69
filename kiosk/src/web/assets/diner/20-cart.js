// The cart: lines chosen on this screen. It lives in the browser and knows prices only as shown;
// what is charged is what the kiosk quotes.

const LINES = 50;
const PER_LINE = 99;

/**
 * A UUIDv7: keys of one time lie together in the kiosk's index. `crypto.randomUUID` would be
 * random throughout, and browsers have it over plain http on this machine alone.
 */
function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  let time = Date.now();
  for (let i = 5; i >= 0; i--) {
    bytes[i] = time % 256;
    time = Math.floor(time / 256);
  }
  bytes[6] = 0x70 | (bytes[6] & 0x0f);
  bytes[8] = 0x80 | (bytes[8] & 0x3f);
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

/**
 * A line: {id, item, quantity, options: [{group, option, quantity}], parts, note, unit, labels,
 * trouble}; `parts: [{part, item, options}]` is what a combo is made of. `key` names the order to be:
 * it is made with the basket and stays with every attempt to send it.
 */
const fresh = () => ({ key: newKey(), lines: [], service: null, table: "", next: 1, coupon: "", tip: null });
let cart = keep.get("cart", null) ?? fresh();
let quote = null;

const itemCount = () => cart.lines.reduce((sum, line) => sum + line.quantity, 0);
/** What one of a line takes from stock: the dish, or the combo and what fills it. */
const takes = (line) => [line.item, ...(line.parts ?? []).map((part) => part.item)];
const timesIn = (line, item) => takes(line).filter((other) => other === item).length;
const inCart = (item) => cart.lines.reduce((sum, line) => sum + timesIn(line, item) * line.quantity, 0);
/** What is to be paid, the tip included. */
const toPay = () => quote?.to_pay ?? cartTotal();
const cartTotal = () => quote?.total ?? cart.lines.reduce((sum, line) => sum + line.unit * line.quantity, 0);
const sameChoice = (a, b) => a.item === b.item && a.note === b.note && JSON.stringify([a.options, a.parts]) === JSON.stringify([b.options, b.parts]);

/** Every change of the cart ends here: kept, drawn at once, then priced by the kiosk. */
function cartChanged() {
  quote = null;
  keep.set("cart", cart);
  drawBasket();
  if ($("order").open) drawReview();
  askPrice();
}

/** Adds a line, or to the line that is the same. Gives whether it could. */
function addLine(line) {
  if (!roomFor(line, line.quantity)) return false;
  const same = cart.lines.find((other) => sameChoice(other, line));
  if (!same && cart.lines.length >= LINES) {
    toast(say("basket-full", { count: LINES }), true);
    return false;
  }
  if (same) same.quantity = Math.min(same.quantity + line.quantity, PER_LINE);
  else cart.lines.push({ ...line, id: cart.next++ });
  cartChanged();
  return true;
}

/** Puts a changed line in the place of the old one. */
function replaceLine(id, line) {
  const index = cart.lines.findIndex((other) => other.id === id);
  if (index < 0) return addLine(line);
  const before = cart.lines[index];
  if (!roomFor(line, line.quantity - before.quantity)) return false;
  const twin = cart.lines.find((other) => other.id !== id && sameChoice(other, line));
  if (twin) {
    twin.quantity = Math.min(twin.quantity + line.quantity, PER_LINE);
    cart.lines.splice(index, 1);
  } else cart.lines[index] = { ...line, id };
  cartChanged();
  return true;
}

function setQuantity(id, quantity) {
  const line = cart.lines.find((other) => other.id === id);
  if (!line || (quantity > line.quantity && !roomFor(line, quantity - line.quantity))) return;
  if (quantity < 1) cart.lines = cart.lines.filter((other) => other !== line);
  else line.quantity = quantity;
  delete line.trouble;
  cartChanged();
}

/** Whether `more` of a line may still be added; says why not. */
const roomFor = (line, more) => more <= 0 || takes(line).every((item) => roomForItem(item, more * timesIn(line, item)));
function roomForItem(item, more) {
  const card = cardOf(item);
  const name = nameOf(item);
  const left = card?.dataset.left;
  if (card?.classList.contains("out")) toast(say("none-left", { item: name }), true);
  else if (left !== undefined && inCart(item) + more > Number(left)) toast(say("only-left", { item: name, count: Number(left) }), true);
  else if (inCart(item) + more > PER_LINE) toast(say("line-full", { count: PER_LINE }), true);
  else return true;
  return false;
}

/** What keeps a line from being ordered: too few are left, or the menu has moved on. */
function troubleOf(line) {
  return takes(line).map(shortage).find(Boolean) ?? line.trouble;
}

function shortage(id) {
  const { classList, dataset } = cardOf(id) ?? {};
  const item = nameOf(id);
  if (classList?.contains("out")) return say("none-left", { item });
  const left = Number(dataset?.left ?? Infinity);
  return inCart(id) > left ? say("only-left", { item, count: left }) : "";
}

/** Takes out what is sold out and keeps everything else. */
function keepRest() {
  for (const line of cart.lines) {
    while (line.quantity > 0 && takes(line).some(shortage)) line.quantity--;
  }
  cart.lines = cart.lines.filter((line) => line.quantity > 0);
  cartChanged();
}

const cardOf = (item) => document.getElementById(`i-${item}`);
const nameOf = (item) => cardOf(item)?.querySelector(".open").textContent ?? cart.lines.find((line) => line.item === item)?.name ?? item;
const pictureOf = (item) => cardOf(item)?.querySelector("img")?.getAttribute("src") ?? "";

/** The cart as the kiosk reads it. */
const orderBody = () => ({
  menu_version: facts.menu_version,
  service: cart.service ?? "eat_in",
  ...(cart.table && cart.service !== "take_away" ? { table: cart.table } : {}),
  language: facts.language,
  ...(terminal ? { terminal } : {}),
  lines: cart.lines.map(({ item, quantity, options, parts, note }) => ({
    item, quantity, ...(parts ? { parts } : { options }), ...(note ? { note } : {}),
  })),
  ...(cart.coupon ? { coupon: cart.coupon } : {}),
  ...(cart.tip ? { tip: cart.tip } : {}),
});

/** The basket that is always in view. */
function drawBasket() {
  const count = itemCount();
  const total = money(cartTotal());
  const counted = say("items", { count });
  $("count").textContent = count;
  $("count").hidden = $("review").disabled = count === 0;
  $("count-text").textContent = count ? counted : "";
  $("empty").hidden = count > 0;
  $("total").textContent = total;
  if (!facts.inclusive && quote) $("total-label").textContent = say("total-with-tax");
  $("bag").ariaLabel = say("bag", { count: counted, total });
  $("mini").replaceChildren(...cart.lines.map(miniLine));
  for (const card of all(".card")) {
    const here = inCart(card.id.slice(2));
    card.classList.toggle("has", here > 0);
    const art = card.firstElementChild;
    if (here) art.dataset.count = here;
    else delete art.dataset.count;
  }
}

function miniLine(line) {
  const row = $("mini-line").content.cloneNode(true);
  row.querySelector("img").src = pictureOf(line.item);
  row.querySelector(".name").textContent = nameOf(line.item);
  row.querySelector(".times").textContent = line.quantity;
  row.querySelector(".amount").textContent = money(line.unit * line.quantity);
  row.firstElementChild.classList.toggle("troubled", Boolean(troubleOf(line) || warningOfLine(line)));
  return row;
}
