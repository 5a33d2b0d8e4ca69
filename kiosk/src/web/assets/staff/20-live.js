// What happens on the kiosk: one stream that says when to look again, and a pulse that notices when
// the kiosk is gone, which a stream alone does not tell.

const PULSE = 800;
const PATIENCE = 1500;
const SETTLE = 40;

/** What a page does before and after it has taken over news; each page sets its own. */
const page = { before: () => {}, after: () => {}, status: () => {}, pause: SETTLE };

let lost = false;
let stream = null;
let refreshing = false;
let again = false;
let timer;

/** Takes over what differs on the server, soon. News that come meanwhile are taken over together. */
function refresh(delay = page.pause) {
  if (refreshing) {
    again = true;
    return;
  }
  timer ??= setTimeout(takeOver, delay);
}

async function takeOver() {
  timer = undefined;
  refreshing = true;
  try {
    const answer = await call(location.href);
    if (answer.status === 401 || answer.status === 403) return location.reload();
    if (answer.status !== 200) throw new Error(answer.status);
    const fresh = new DOMParser().parseFromString(answer.body, "text/html");
    page.before(fresh);
    for (const part of all("[data-part]")) {
      const other = fresh.querySelector(`[data-part="${part.dataset.part}"]`);
      if (other) morph(part, other);
    }
    page.after();
  } catch {
    again = true;
  }
  refreshing = false;
  if (again) {
    again = false;
    refresh(lost ? PULSE : page.pause);
  }
}

function listen() {
  stream?.close();
  stream = new EventSource("/api/v1/events");
  for (const kind of ["order", "menu", "status", "reset"]) stream.addEventListener(kind, () => refresh());
  for (const kind of ["help", "reset", "open"]) stream.addEventListener(kind, () => refreshCalls());
  // Whatever happened while nobody listened is on the page that is fetched now.
  stream.addEventListener("open", () => refresh());
}

// A page that was left is kept by the browser, and would keep its line to the kiosk, of which there
// are six.
addEventListener("pagehide", () => stream?.close());
addEventListener("pageshow", (event) => event.persisted && location.reload());

function setLost(is) {
  if (lost === is) return;
  lost = is;
  document.documentElement.classList.toggle("is-lost", is);
  $("lost").hidden = !is;
  if (!is) listen();
}

async function pulse() {
  try {
    const answer = await call("/api/v1/status", { timeout: PATIENCE });
    if (answer.status !== 200) throw new Error(answer.status);
    setLost(false);
    if (stream.readyState === EventSource.CLOSED) listen();
    page.status(answer.body);
  } catch {
    setLost(true);
  }
  setTimeout(pulse, PULSE);
}

if ($("lost")) {
  listen();
  setTimeout(pulse, PULSE);
}
