// Calling somebody of the staff. The call has a name of its own, so that it is made once however often
// it is sent; it outlives a reload of the page and a restart of the kiosk.

/** {id, answered} of this diner's call. */
let help = keep.get("help", null);

function setHelp(now) {
  help = now;
  keep.set("help", help);
  drawHelp();
}

function drawHelp() {
  $("help").hidden = !help;
  $("call-staff").ariaPressed = String(Boolean(help));
  if (!help) return;
  $("help-text").textContent = help.answered ? say("help-coming") : say("help-called");
  $("help-end").textContent = help.answered ? say("ok") : say("help-end");
}

const helpPath = () => `/api/v1/help/${help.id}`;

async function callStaff() {
  if (help) return toast(help.answered ? say("help-coming") : say("help-called"));
  setHelp({ id: newKey(), answered: false });
  if (await sendHelp()) toast(say("help-called"));
}

/** Makes the call; one that the kiosk refuses is none. */
async function sendHelp() {
  const { id } = help;
  try {
    const answer = await call(helpPath(), { method: "PUT", body: terminal ? { terminal } : {} });
    if (help?.id !== id) return false;
    if (answer.status < 300) return true;
  } catch {
    if (help?.id !== id) return false;
  }
  setHelp(null);
  toast(say("help-no"), true);
  return false;
}

/** After a gap: whether somebody said that they are coming; a kiosk that forgot is told again. */
async function refreshHelp() {
  if (!help || help.answered) return;
  const { id } = help;
  try {
    const answer = await call(helpPath());
    if (help?.id !== id) return;
    if (answer.status === 404) await sendHelp();
    else if (answer.body.answered) heardHelp({ id, state: "answered" });
  } catch {
    // The next recovery asks again.
  }
}

/** News of a call, perhaps of ours. */
function heardHelp(news) {
  if (!help || news?.id !== help.id || news.state !== "answered" || help.answered) return;
  setHelp({ ...help, answered: true });
  toast(say("help-coming"));
}

$("call-staff").addEventListener("click", callStaff);
$("help-end").addEventListener("click", () => {
  if (!help.answered) call(helpPath(), { method: "DELETE" }).catch(() => {});
  setHelp(null);
  $("call-staff").focus({ preventScroll: true });
});
