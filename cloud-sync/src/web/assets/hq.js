// Keeps the page live: the server sends whole parts of it, already put for this reader; this swaps
// them in, marks orders that are new, and says so when the connection is lost.
"use strict";
(() => {
  const body = document.body;
  const stale = document.getElementById("stale");
  const clock = document.getElementById("clock");
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
  document.cookie = "stillopen_zone=" + encodeURIComponent(zone) + ";path=/;max-age=31536000;samesite=lax";
  const wanted = new URLSearchParams({ zone });
  if (body.dataset.chosen) wanted.set("date", body.dataset.chosen);
  const quietMs = 20000;
  let heard = Date.now();
  let first = true;

  const ids = (part) => new Set([...part.querySelectorAll("tr[data-id]")].map((row) => row.dataset.id));

  function swap(part, html) {
    const known = ids(part);
    part.innerHTML = html;
    if (first || known.size === 0) return;
    for (const row of part.querySelectorAll("tr[data-id]")) {
      if (!known.has(row.dataset.id)) row.classList.add("fresh");
    }
  }

  function lost(is) {
    if (is && stale.hidden) stale.textContent = stale.dataset.text.replace("%", clock.textContent);
    stale.hidden = !is;
    body.classList.toggle("lost", is);
  }

  function live() {
    heard = Date.now();
    lost(false);
  }

  const source = new EventSource("/live?" + wanted);
  source.addEventListener("part", (event) => {
    const { id, html } = JSON.parse(event.data);
    const part = document.getElementById(id);
    if (part) swap(part, html);
    live();
  });
  source.addEventListener("clock", (event) => {
    clock.textContent = event.data;
    first = false;
    live();
  });
  source.addEventListener("day", () => location.reload());
  source.addEventListener("signed-out", () => location.reload());
  source.onerror = () => lost(true);
  // A page that was left is kept by the browser, and would keep its line, of which there are six.
  addEventListener("pagehide", () => source.close());
  addEventListener("pageshow", (event) => event.persisted && location.reload());
  setInterval(() => {
    if (Date.now() - heard > quietMs) lost(true);
  }, 1000);
})();
