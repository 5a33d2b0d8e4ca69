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
    else markTroubles(answer);
    keep.set("cart", cart);
    drawBasket();
    if ($("order").open) drawReview();
  }, delay);
}

/** The kiosk's word on the cart: its prices replace the ones shown. */
function takeQuote(priced) {
  quote = priced;
  priced.lines.forEach((line, index) => {
    const mine = cart.lines[index];
    mine.unit = line.unit_price;
    mine.labels = line.options.map((option) => {
      const name = option.name[facts.language] ?? Object.values(option.name)[0];
      return option.quantity > 1 ? `${name} ×${option.quantity}` : name;
    });
    delete mine.trouble;
  });
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
    for (const { pointer } of answer.body?.errors ?? []) {
      const [, index, part] = /^\/lines\/(\d+)\/?(\w*)/.exec(pointer) ?? [];
      const line = cart.lines[index];
      if (!line) continue;
      line.trouble = part === "item" ? say("gone", { item: line.name }) : say("option-gone");
      said.push(line.trouble);
    }
  }
  return said;
}
