// Lists: choosing rows, and suggestions while somebody types into a filter.
document.addEventListener("DOMContentLoaded", () => {
  for (const form of document.querySelectorAll("form[data-hp-bulk]")) bulk(form);
  for (const field of document.querySelectorAll("input[data-hp-picks]")) suggest(field);
});

function bulk(form) {
  const all = form.querySelector("[data-hp-all]");
  const rows = [...form.querySelectorAll(".action-select")];
  const count = form.querySelector("[data-hp-count]");
  const show = () => {
    const chosen = rows.filter((row) => row.checked).length;
    count.textContent = chosen ? hpSay("{chosen} of {all} chosen", { chosen, all: rows.length }) : "";
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
