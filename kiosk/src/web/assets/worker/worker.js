// Keeps the last page that was seen, so that a reload while the kiosk restarts shows the menu and
// the cart instead of the browser's error page. Whatever the kiosk answers always goes first.
"use strict";
const CACHE = "pages";
const PATIENCE = 3000;
const MOST = 500;

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== location.origin) return;
  if (url.pathname.startsWith("/assets/")) event.respondWith(kept(request));
  else if ((request.mode === "navigate" && url.pathname === "/") || url.pathname.startsWith("/items/")) event.respondWith(freshest(request));
});

/** A URL that names its content never changes. */
async function kept(request) {
  const cache = await caches.open(CACHE);
  return (await cache.match(request)) ?? store(cache, request, await fetch(request));
}

async function freshest(request) {
  const cache = await caches.open(CACHE);
  try {
    return store(cache, request, await fetch(request, { signal: AbortSignal.timeout(PATIENCE) }));
  } catch (error) {
    const old = (await cache.match(request)) ?? (await cache.match(request, { ignoreSearch: true }));
    if (old) return old;
    throw error;
  }
}

async function store(cache, request, response) {
  if (!response.ok) return response;
  await cache.put(request, response.clone());
  const keys = await cache.keys();
  await Promise.all(keys.slice(0, Math.max(keys.length - MOST, 0)).map((old) => cache.delete(old)));
  return response;
}
