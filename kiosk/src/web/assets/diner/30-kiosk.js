// Talking to the kiosk: one way to call it, and the price of the cart.

/** The kiosk could not be reached, or did not say what became of the call. */
class Unknown extends Error {}

/** Calls the kiosk. Gives {status, body, headers}; throws Unknown when no answer came in time. */
async function call(path, { method = "GET", body, headers = {}, timeout = 5000 } = {}) {
  let response;
  try {
    response = await fetch(path, {
      method,
      headers: body === undefined ? headers : { "Content-Type": "application/json", ...headers },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: AbortSignal.timeout(timeout),
      cache: "no-store",
    });
    const json = response.headers.get("Content-Type")?.includes("json");
    return { status: response.status, headers: response.headers, body: json ? await response.json() : await response.text() };
  } catch (error) {
    throw new Unknown(String(error));
  }
}

/** The kind of a problem answer: the last part of its type. */
const problemOf = (answer) => (answer.body?.type ?? "").split("/").pop();

let priceTimer;
let priceRound = 0;

/** Has the cart priced once the fingers rest; the latest question wins. */
function askPrice(delay = 250) {
  clearTimeout(priceTimer);
  const round = ++priceRound;
  if (!cart.lines.length) return;
  priceTimer = setTimeout(async () => {
    let answer;
    try {
      answer = await call("/api/v1/quotes", { method: "POST", body: orderBody() });
    } catch {
      if (round === priceRound) askPrice(4000);
      return;
    }
    if (round !== priceRound) return;
    if (answer.status === 200) takeQuote(answer.body);
    else {
      const { coupon, tip } = cart;
      markTroubles(answer);
      // Without what was refused the rest has its price.
      if (coupon !== cart.coupon || tip !== cart.tip) askPrice(0);
    }
    keep.set("cart", cart);
    drawBasket();
    if ($("order").open) drawReview();
  }, delay);
}

/** The kiosk's word on the cart: its prices replace the ones shown. */
function takeQuote(priced) {
  quote = priced;
  let at = 0;
  for (const mine of cart.lines) {
    // A combo is told as a line for each of its parts.
    const lines = priced.lines.slice(at, (at += mine.parts?.length ?? 1));
    mine.unit = lines.reduce((sum, line) => sum + line.unit_price, 0);
    mine.labels = lines.flatMap((line) => [...(line.combo ? [inWords(line.name)] : []), ...line.options.map(optionLabel)]);
    mine.allergens = lines.flatMap((line) => line.allergens ?? []);
    delete mine.trouble;
  }
  for (const { item, left } of priced.not_sold ?? []) setLevel(item, left > 0, left);
}

/** A text of the menu in the page's language. */
const inWords = (text) => text[facts.language] ?? Object.values(text)[0];
const optionLabel = ({ name, quantity }) => (quantity > 1 ? `${inWords(name)} ×${quantity}` : inWords(name));

/** A code that takes nothing off is let go; the diner is told. */
function dropCoupon() {
  cart.coupon = "";
  cart.couponSaid = say("coupon-no");
  return cart.couponSaid;
}

/** Marks the lines that a refusal is about. Gives what each of them lacks. */
function markTroubles(answer) {
  const kind = problemOf(answer);
  const said = [];
  if (kind === "sold-out") {
    for (const { item, left } of answer.body.items ?? []) {
      setLevel(item, left > 0, left);
      const name = nameOf(item);
      said.push(left > 0 ? say("sold-left", { item: name, count: left }) : say("sold-none", { item: name }));
    }
  } else {
    const away = answer.body?.not_now;
    for (const { pointer } of answer.body?.errors ?? []) {
      if (pointer === "/coupon") said.push(dropCoupon());
      if (pointer === "/tip") cart.tip = null;
      const [, index, part] = /^\/lines\/(\d+)\/?(\w*)/.exec(pointer) ?? [];
      const line = cart.lines[index];
      if (!line) continue;
      if (away) line.trouble = say("not-now", { item: nameOf(line.item) });
      else line.trouble = part === "item" ? say("gone", { item: line.name }) : say("option-gone");
      said.push(line.trouble);
    }
  }
  return said;
}
