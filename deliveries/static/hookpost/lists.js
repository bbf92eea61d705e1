// Lists: choosing rows, the reader's own time beside UTC, and suggestions while somebody types into a filter.
document.addEventListener("DOMContentLoaded", () => {
  for (const form of document.querySelectorAll("form[data-hp-bulk]")) bulk(form);
  for (const time of document.querySelectorAll("time[datetime]")) addLocalTime(time);
  for (const field of document.querySelectorAll("input[data-hp-picks]")) suggest(field);
});

function bulk(form) {
  const all = form.querySelector("[data-hp-all]");
  const rows = [...form.querySelectorAll(".action-select")];
  const count = form.querySelector("[data-hp-count]");
  const show = () => {
    const chosen = rows.filter((row) => row.checked).length;
    count.textContent = chosen ? `${chosen} of ${rows.length} chosen` : "";
    all.checked = chosen === rows.length;
    all.indeterminate = chosen > 0 && chosen < rows.length;
    for (const button of form.querySelectorAll("[data-hp-needs-choice]")) button.disabled = !chosen;
  };
  all.addEventListener("change", () => {
    for (const row of rows) row.checked = all.checked;
    show();
  });
  form.addEventListener("change", show);
  addEventListener("pageshow", show);
  show();
}

function addLocalTime(time) {
  const moment = new Date(time.dateTime);
  if (!moment.getTimezoneOffset()) return;
  const day = moment.getDate() === moment.getUTCDate() ? {} : { weekday: "short" };
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const local = moment.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit", ...day });
  time.title += `, ${moment.toLocaleString("sv-SE")} ${zone}`;
  if (time.hasAttribute("data-hp-relative")) return;
  const shown = document.createElement("span");
  shown.className = "hp-local";
  shown.textContent = local;
  time.append(shown);
}

function suggest(field) {
  let waiting;
  field.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => fill(field), 200);
  });
}

async function fill(field) {
  const answer = await fetch(`${field.dataset.hpPicks}?q=${encodeURIComponent(field.value)}`);
  if (!answer.ok) return;
  const found = await answer.json();
  field.list.replaceChildren(...found.map(({ value, text }) => new Option(text, value)));
}
