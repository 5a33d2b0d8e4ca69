// Diners who call for staff, at the top of every page that somebody signed in looks at.

const calls = Object.assign(document.createElement("section"), { className: "help-calls", hidden: true });
calls.setAttribute("role", "alert");
(document.getElementById("main") ?? document.body).prepend(calls);

async function refreshCalls() {
  // The board is everybody's to look at; nobody answers there.
  if (document.getElementById("board")) return;
  try {
    const answer = await call("/api/v1/help");
    if (answer.status === 200) drawCalls(answer.body.calls);
  } catch {
    // The page says itself that the kiosk is away; once it is back this is asked again.
  }
}

function drawCalls(waiting) {
  calls.hidden = !waiting.length;
  const rows = waiting.map(({ id, terminal, since }) => {
    const row = document.createElement("p");
    row.dataset.key = id;
    const text = document.createElement("span");
    text.textContent = terminal ? word("help-from", { terminal }) : word("help-somewhere");
    const time = Object.assign(document.createElement("time"), { dateTime: since, textContent: new Date(since).toLocaleTimeString(document.documentElement.lang, { hour: "2-digit", minute: "2-digit" }) });
    const button = Object.assign(document.createElement("button"), { textContent: word("help-answer") });
    button.dataset.help = id;
    row.append(text, time, button);
    return row;
  });
  const fresh = document.createElement("section");
  fresh.append(...rows);
  for (const { name, value } of calls.attributes) fresh.setAttribute(name, value);
  morph(calls, fresh);
}

calls.addEventListener("click", async (event) => {
  const id = event.target.closest("[data-help]")?.dataset.help;
  if (id && (await act(`/api/v1/help/${id}/answer`))) toast(word("help-answered"));
  if (id) refreshCalls();
});
