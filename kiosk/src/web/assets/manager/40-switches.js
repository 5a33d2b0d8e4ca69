// Switches: the manager turns one and says why.

function askTurn(button) {
  const dialog = $("switch");
  const { switch: name, name: title, turn } = button.dataset;
  $("switch-title").textContent = word("switch-turn-title", { name: title, state: button.textContent });
  $("switch-text").textContent = word(`switch-turn-${turn}`);
  $("switch-yes").textContent = button.textContent;
  $("switch-reason").value = "";
  Object.assign(dialog.dataset, { name, turn });
  openDialog(dialog, $("switch-reason"));
}

async function turnSwitch(reason) {
  const dialog = $("switch");
  const { name, turn: state } = dialog.dataset;
  const answer = await act(`/api/v1/switches/${encodeURIComponent(name)}`, { method: "PUT", body: { state, reason } });
  dialog.close();
  if (answer) toast(word("staff-done"));
  refresh(0);
}
