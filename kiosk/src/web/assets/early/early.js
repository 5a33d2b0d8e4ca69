// Runs before the first paint, so that a reloaded page neither flashes nor jumps.
"use strict";
try {
  const root = document.documentElement;
  root.dataset.stage = sessionStorage.getItem("stage") || "attract";
  for (const mode of JSON.parse(sessionStorage.getItem("modes") || "[]")) root.classList.add(mode);
} catch {
  // A browser without storage starts afresh.
}
