// The print room: what staff do with a print job.

async function printJob(button) {
  const { print: action, job, device } = button.dataset;
  if (action === "discard") return askDiscard(button);
  const answer = await act(`/api/v1/print-jobs/${job}/${action}`, { body: device ? { device } : {} });
  if (answer) toast(word("staff-done"));
  refresh(0);
}

async function testPage(button) {
  const answer = await act(`/api/v1/devices/${encodeURIComponent(button.dataset.printTest)}/test`);
  if (answer) toast(word("staff-done"));
  refresh(0);
}

/** The report of the page, on a slip. */
async function slip(button) {
  const [name, value] = button.dataset.slip.split("=");
  const body = { [name]: name === "z" ? Number(value) : value, language: lang };
  if (await act("/api/v1/reports/day/print", { body })) toast(word("staff-done"));
}

function askDiscard(button) {
  const dialog = $("discard");
  $("discard-title").textContent = button.dataset.title;
  $("discard-reason").value = "";
  dialog.dataset.job = button.dataset.job;
  openDialog(dialog, $("discard-reason"));
}

async function discard(reason) {
  const dialog = $("discard");
  const answer = await act(`/api/v1/print-jobs/${dialog.dataset.job}/discard`, { body: { reason } });
  dialog.close();
  if (answer) toast(word("staff-done"));
  refresh(0);
}
