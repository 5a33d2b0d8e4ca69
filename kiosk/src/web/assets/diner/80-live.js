// What happens elsewhere: the menu, the link to the cloud, and whether the kiosk is there at all.

/** A screen that lost the kiosk says so within three seconds: the pause, then the longest wait. */
const PULSE = 1200;
const PATIENCE = 1500;
let link = null;
let receipts = null;
let lost = false;
let menuTag = null;
let release = null;

function drawRibbons() {
  $("lost").hidden = !lost;
  $("offline").hidden = lost || link !== "offline";
  drawTruth();
}

/** A page hears of a dead kiosk only by asking: a swallowed connection makes no sound. */
async function pulse() {
  try {
    const answer = await call("/api/v1/status", { timeout: PATIENCE });
    if (answer.status !== 200) throw new Unknown();
    const back = lost;
    lost = false;
    takeStatus(answer.body);
    if (back || !events || events.readyState === EventSource.CLOSED) recovered();
  } catch {
    lost = true;
    drawRibbons();
  }
  setTimeout(pulse, lost ? 1000 : PULSE);
}

function takeStatus(status) {
  link = status.link ?? link;
  receipts = status.receipts ?? receipts;
  if (status.payment_methods) takeMethods(status.payment_methods);
  if (terminal in (status.near ?? {})) tookPlace(status.near[terminal]);
  if (status.version && release && status.version !== release && stage === "attract") location.reload();
  release = status.version ?? release;
  drawRibbons();
}

/** How an order can be paid now; the counter always is a way. */
function takeMethods(methods) {
  $("place-card").hidden = !methods.includes("card");
}

/** Somebody has come near this screen, or has left it: who left is asked for sooner. */
let near = null;
const LEFT = 10;
function tookPlace(now) {
  if (near === now) return;
  near = now;
  document.documentElement.classList.toggle("near", now);
  if (idle.open) return;
  const left = performance.now() - (IDLE - LEFT) * 1000;
  lastStir = now ? performance.now() : Math.min(lastStir, left);
}

/** A code was scanned here: a coupon, or a dish as if its card had been touched. */
function scanned({ coupon, item }) {
  if (stage === "done" || sendingNow) return;
  if (stage === "attract") showStage("service");
  stirred();
  if (coupon) {
    cart.coupon = coupon;
    delete cart.couponSaid;
    toast(say("scan-coupon", { code: coupon }));
    return cartChanged();
  }
  const card = item && cardOf(item);
  if (!card) return toast(say("scan-unknown"), true);
  if ("asks" in card.dataset) return openSheet(item);
  const line = asItComes(card);
  if (addLine(line)) toast(say("added", { item: line.name }));
}

/** After a gap: listen anew, and look at everything that may have changed meanwhile. */
function recovered() {
  listen();
  refreshMenu();
  refreshPlaced();
  refreshHelp();
  if (cart.lines.length) askPrice(0);
}

let events = null;
function listen() {
  events?.close();
  events = new EventSource(`/api/v1/events?terminal=${encodeURIComponent(terminal)}`);
  events.addEventListener("menu", () => refreshMenu());
  events.addEventListener("status", (event) => {
    const status = parse(event.data);
    if (status?.link) takeStatus(status);
  });
  events.addEventListener("order", (event) => {
    const order = parse(event.data);
    if (!placed || order?.id !== placed.id) return;
    placed = { ...placed, version: order.version, sync: order.sync, status: order.status, payment: { ...placed.payment, status: order.payment } };
    keep.set("placed", placed);
    drawPayment();
    drawTruth();
  });
  events.addEventListener("presence", (event) => {
    const seen = parse(event.data);
    if (seen?.terminal === terminal) tookPlace(seen.near);
  });
  events.addEventListener("scan", (event) => scanned(parse(event.data)?.means ?? {}));
  events.addEventListener("help", (event) => heardHelp(parse(event.data)));
  events.addEventListener("reset", () => {
    refreshHelp();
    refreshMenu();
    refreshPlaced();
  });
}

// A page that was left is kept by the browser, and would keep its line to the kiosk, of which there
// are six; and nobody is to come back to what another diner had before them.
addEventListener("pagehide", () => events?.close());
addEventListener("pageshow", (event) => event.persisted && location.reload());

const parse = (data) => {
  try {
    return JSON.parse(data);
  } catch {
    return null;
  }
};

let refreshing = false;
let refreshAgain = false;

/** Takes the menu in force: what is left of each dish, and the whole page's menu if it is another. */
async function refreshMenu() {
  if (refreshing) {
    refreshAgain = true;
    return;
  }
  refreshing = true;
  try {
    const answer = await call("/api/v1/menu", { headers: menuTag ? { "If-None-Match": menuTag } : {} });
    if (answer.status === 200) {
      menuTag = answer.headers.get("ETag");
      const sold = [...answer.body.items, ...(answer.body.combos ?? [])];
      // Breakfast is over, or has begun: what is served is told by the page's own markup.
      const away = sold.filter((one) => one.served === false).map((one) => one.id).join(" ");
      if (answer.body.version !== facts.menu_version || away !== facts.away) await swapMenu();
      takeLevels(sold);
      sheets.clear();
    }
  } catch {
    menuTag = null;
  }
  refreshing = false;
  if (refreshAgain) {
    refreshAgain = false;
    refreshMenu();
  }
}

/** What is left of each dish now; a diner who has the last one in the cart is told. */
function takeLevels(items) {
  const fine = cart.lines.filter((line) => !troubleOf(line));
  for (const item of items) setLevel(item.id, item.available !== false, item.left);
  const lost = fine.map(troubleOf).find(Boolean);
  if (lost) toast(lost, true);
  drawBasket();
  if (review.open) drawReview();
}

/** Another menu is in force: its markup comes from the server and takes the old one's place. */
async function swapMenu() {
  const answer = await call(`/?lang=${facts.language}`);
  if (answer.status !== 200) throw new Unknown();
  const page = new DOMParser().parseFromString(answer.body, "text/html");
  facts = JSON.parse(page.getElementById("facts").textContent);
  const at = menu.scrollTop;
  for (const selector of ["#menu", ".links"]) {
    document.querySelector(selector).replaceChildren(...page.querySelector(selector).childNodes);
  }
  dressMenu();
  menu.scrollTop = at;
  if (itemSheet.open) itemSheet.close();
  if (!cart.lines.length) return;
  toast(say("menu-changed"));
  cartChanged();
}
