// Turns switches, sets rules and takes either away, through the API; what the server refuses is told
// beside the form.
"use strict";
(() => {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
  document.cookie = "stillopen_zone=" + encodeURIComponent(zone) + ";path=/;max-age=31536000;samesite=lax";
  const dialog = document.getElementById("undo");

  /** Lines such as `slow_after_ms = 800` as an object; a line that is none is kept, to be refused. */
  function read(text) {
    const keys = {};
    for (const line of text.split("\n").map((each) => each.replace(/#.*/, "").trim()).filter(Boolean)) {
      const [, key, value] = /^([^=\s]+)\s*=\s*(.*)$/.exec(line) ?? [null, line, ""];
      const [, beside, name] = /^(dry_run)\.(.+)$/.exec(key) ?? [];
      const place = beside ? (keys[beside] ??= {}) : keys;
      place[name ?? key] = /^\d+$/.test(value) ? Number(value) : value.replace(/^"(.*)"$/, "$1");
    }
    return keys;
  }

  function scope(form) {
    const { whom, named } = form.elements;
    if (whom.value === "all") return { all: true };
    const name = named.value.trim();
    return { [whom.value]: whom.value === "percent" && /^\d+$/.test(name) ? Number(name) : name };
  }

  function wish(form) {
    const reason = form.elements.reason.value;
    if (form.dataset.kind === "undo") {
      const { path, scope } = dialog.dataset;
      const nothing = path.includes("/switches/") ? { state: "auto" } : { settings: {} };
      return [path, { ...nothing, scope: JSON.parse(scope), reason }];
    }
    if (form.dataset.kind === "switch") {
      return [`/api/v1/switches/${form.elements.name.value}`, { state: form.elements.state.value, scope: scope(form), reason }];
    }
    const settings = {};
    for (const area of form.querySelectorAll("textarea")) {
      const keys = read(area.value);
      if (Object.keys(keys).length > 0) settings[area.name] = keys;
    }
    return ["/api/v1/settings/breakers", { settings, scope: scope(form), reason }];
  }

  function refuse(form, lines) {
    const fault = form.querySelector(".fault");
    fault.textContent = lines.join("\n");
    fault.hidden = false;
  }

  async function send(form) {
    const [path, body] = wish(form);
    let answer;
    try {
      answer = await fetch(path, {
        method: "PUT",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(10000),
      });
    } catch (error) {
      return refuse(form, [String(error)]);
    }
    if (answer.ok || answer.status === 401) return location.reload();
    const problem = await answer.json().catch(() => ({}));
    const faults = problem.errors?.map(({ pointer, detail }) => `${pointer}: ${detail}`);
    refuse(form, faults ?? [problem.detail ?? String(answer.status)]);
  }

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.classList.contains("wish")) return;
    event.preventDefault();
    send(form);
  });
  document.addEventListener("change", (event) => {
    if (event.target.name !== "whom") return;
    const named = event.target.form.querySelector(".named");
    named.hidden = event.target.value === "all";
    named.querySelector("input").required = !named.hidden;
  });
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if ("close" in button.dataset) return dialog.close();
    if (!button.classList.contains("undo")) return;
    const { path, scope, title } = button.dataset;
    Object.assign(dialog.dataset, { path, scope });
    document.getElementById("undo-title").textContent = title;
    dialog.querySelector(".fault").hidden = true;
    dialog.showModal();
    dialog.querySelector("input").focus();
  });
})();
