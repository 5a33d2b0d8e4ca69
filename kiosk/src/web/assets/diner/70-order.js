// Placing the order. The same key goes with every attempt, so however often a reply is lost the
// kiosk takes the order once. Until it has said yes or no, the very same body is sent again.

const SLOWEST_RETRY = 8000;
/** After so long a diner may stop waiting; nobody knows then whether the order was taken. */
const LONG = 30000;
let sendingNow = false;
let stopped = false;
$("sending-stop").addEventListener("click", () => (stopped = true));

async function placeOrder(method) {
  if (sendingNow || !cart.lines.length) return;
  await send({ key: cart.key, body: { ...orderBody(), payment: { method }, expected_total: cartTotal() } });
}

/** Sends until there is an answer. `attempt` is kept, so that a reloaded page goes on with it. */
async function send(attempt) {
  sendingNow = true;
  stopped = false;
  $("sending-stop").hidden = true;
  const begun = performance.now();
  keep.set("sending", attempt);
  $("sending-text").textContent = "";
  open($("sending"));
  let answer;
  for (let wait = 500; ; wait = Math.min(2 * wait, SLOWEST_RETRY)) {
    try {
      answer = await call("/api/v1/orders", { method: "POST", body: attempt.body, headers: { "Idempotency-Key": attempt.key }, timeout: 10000 });
    } catch {
      answer = { status: 0 };
    }
    if (answer.status === 429) {
      const seconds = Math.min(Math.max(Number(answer.headers.get("Retry-After")) || 1, 1), 60);
      $("sending-text").textContent = say("busy", { seconds });
      await rest(seconds * 1000);
    } else if (answer.status === 0 || answer.status >= 500) {
      $("sending-text").textContent = say("again");
      await rest(wait * (0.75 + Math.random() / 2));
    } else break;
    $("sending-stop").hidden = performance.now() - begun < LONG;
    if (stopped) break;
  }
  sendingNow = false;
  sessionStorage.removeItem("sending");
  $("sending").close();
  if (stopped && (answer.status === 0 || answer.status === 429 || answer.status >= 500)) {
    await ask({ title: say("unsure-title"), text: say("unsure-text"), yes: say("look") });
    openReview();
  } else if (answer.status === 200 || answer.status === 201) accepted(answer.body);
  else await refused(answer, attempt.body.payment.method);
}

const rest = (milliseconds) => new Promise((awake) => setTimeout(awake, milliseconds));

/** Every refusal leaves the cart as it is and says what to do. */
async function refused(answer, method) {
  const said = markTroubles(answer);
  keep.set("cart", cart);
  drawBasket();
  if (review.open) drawReview();
  switch (problemOf(answer)) {
    case "price-changed":
      return newPrice(answer.body.quote, method);
    case "sold-out":
      if (await ask({ title: say("sold-title"), text: say("sold-text", { items: said.join(", ") }), yes: say("keep-rest"), no: say("look") })) keepRest();
      break;
    case "menu-changed":
      await ask({ title: say("changed-title"), text: answer.body.not_now ? say("away-text") : say("changed-text"), yes: say("look") });
      refreshMenu();
      break;
    case "closed":
      await ask({ title: say("closed-title"), text: say("closed-text"), yes: say("ok") });
      return;
    case "payment-unavailable":
      if (method === "counter") return ask({ title: say("pay-title"), text: say("pay-text"), yes: say("ok") });
      takeMethods(answer.body.available);
      await ask(answer.body.busy
        ? { title: say("busy-card-title"), text: say("busy-card-text"), yes: say("look") }
        : { title: say("card-title"), text: say("card-text"), yes: say("look") });
      break;
    case "key-reused":
      // This basket's key belongs to another order already; what is sent next is a new one.
      cart.key = newKey();
      keep.set("cart", cart);
    // Falls through: to be looked at once more.
    default:
      await ask({ title: say("refused-title"), text: said.join(" ") || say("refused-text"), yes: say("look") });
      askPrice(0);
  }
  openReview();
}

async function newPrice(priced, method) {
  const seen = money(toPay());
  takeQuote(priced);
  keep.set("cart", cart);
  drawBasket();
  if (review.open) drawReview();
  const now = money(priced.to_pay);
  const yes = await ask({
    title: say("price-title"),
    text: say("price-text"),
    compare: [[say("price-old"), seen], [say("price-new"), now]],
    yes: say("price-yes", { total: now }),
    no: say("keep"),
  });
  if (yes) placeOrder(method);
}

/** The number is on the kiosk's disk by now; only then is it shown. */
function accepted(order) {
  review.close();
  cart = fresh();
  quote = null;
  keep.set("cart", cart);
  keep.set("placed", order);
  drawBasket();
  showStage("done");
  // What the terminal said before the answer was here came as an event of an order nobody knew.
  refreshPlaced();
}

const FINISH_SECONDS = 40;
/** A card that takes longer than this is looked after at the counter. */
const CARD_SECONDS = 180;
let placed = null;
let finishTimer;

function drawDone() {
  placed = keep.get("placed", null);
  if (!placed) return showStage("attract");
  $("number").textContent = placed.number;
  $("number").parentElement.classList.toggle("long", placed.number.length > 4);
  $("due").textContent = money(placed.to_pay ?? placed.total);
  const where = placed.service === "take_away" ? say("take-away") : say("eat-in");
  $("where-to").textContent = placed.table ? `${where} · ${say("due-table", { table: placed.table })}` : where;
  $("bought").replaceChildren(...boughtLines(placed));
  const code = $("qr").querySelector("img");
  $("qr").hidden = !facts.receipts;
  if (facts.receipts) code.src = `/api/v1/orders/${placed.id}/receipt-qr.svg`;
  drawTruth();
  drawPayment();
  let seconds = FINISH_SECONDS * patience();
  let waited = 0;
  clearInterval(finishTimer);
  const tick = () => {
    // Nobody is sent away while the card terminal is at work.
    const waits = placed?.payment.status === "pending" && waited++ < CARD_SECONDS;
    if (waits) seconds = FINISH_SECONDS * patience();
    $("finish").hidden = waits;
    $("finish").textContent = say("finish", { seconds });
    if (waited === CARD_SECONDS) drawPayment(true);
    if (seconds-- <= 0) startOver();
  };
  tick();
  finishTimer = setInterval(tick, 1000);
}

/** What was bought, a combo as one, then what was taken off and given on top. */
function boughtLines({ lines, discounts = [], tip }) {
  const sets = new Map();
  for (const line of lines) {
    const key = line.combo?.set ?? line;
    const one = sets.get(key) ?? { quantity: line.quantity, name: (line.combo ?? line).name, total: 0 };
    one.total += line.total;
    sets.set(key, one);
  }
  return [
    ...[...sets.values()].map(({ quantity, name, total }) => boughtRow(`${quantity} ×`, inWords(name), money(total))),
    ...discounts.map(({ name, amount }) => boughtRow("", inWords(name), money(-amount))),
    ...(tip ? [boughtRow("", say("tip"), money(tip))] : []),
  ];
}

function boughtRow(...texts) {
  const row = document.createElement("li");
  row.append(...texts.map((text) => Object.assign(document.createElement("span"), { textContent: text })));
  return row;
}

const STEPS = ["saved", "sent", "confirmed"];

/** Where the order is, no further than it is known to be. */
function drawTruth() {
  if (!placed) return;
  const reached = STEPS.indexOf(placed.sync);
  const alone = link === "standalone";
  for (const step of all("li", $("path"))) {
    const index = STEPS.indexOf(step.dataset.sync);
    step.classList.toggle("reached", index <= reached);
    step.hidden = alone && index > 0;
  }
  const truth = {
    saved: alone ? say("truth-alone") : link === "offline" ? say("truth-offline") : link ? say("truth-saved") : say("truth-unknown"),
    sent: say("truth-sent"),
    confirmed: say("truth-confirmed"),
  };
  $("receipt-note").hidden = receipts !== "waiting";
  $("truth").textContent = truth[placed.sync] ?? say("truth-unknown");
}

/** What is still to be done about the money. */
function drawPayment(late = false) {
  const { method, status } = placed.payment;
  const owed = method === "card" ? say("pay-failed") : say("pay-counter");
  const pending = late ? say("pay-ask") : say("pay-card");
  $("pay-what").textContent = { pending, paid: say("pay-done") }[status] ?? owed;
  // The terminal itself has a key for that as well; not every diner finds it.
  $("cancel-card").hidden = method !== "card" || status !== "pending";
  if (status !== "pending") $("cancel-card").disabled = false;
}

async function cancelCard() {
  $("cancel-card").disabled = true;
  try {
    const answer = await call(`/api/v1/orders/${placed.id}/cancel-payment`, { method: "POST", body: {} });
    if (answer.status === 202) return toast(say("cancelling"));
  } catch {
    toast(say("cancel-failed"), true);
  }
  $("cancel-card").disabled = false;
  refreshPlaced();
}
$("cancel-card").addEventListener("click", cancelCard);

/** Asks the kiosk again, where an event may have been missed. */
async function refreshPlaced() {
  if (!placed) return;
  try {
    const answer = await call(`/api/v1/orders/${placed.id}`);
    const is = answer.status === 200 && placed?.id === answer.body.id;
    // An event may have overtaken the answer.
    if (is && answer.body.version >= placed.version) placed = answer.body;
  } catch {
    return;
  }
  keep.set("placed", placed);
  drawPayment();
  drawTruth();
}
