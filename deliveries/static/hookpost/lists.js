// Lists: choosing rows, and suggestions while somebody types into a filter.
document.addEventListener("DOMContentLoaded", () => {
  for (const form of document.querySelectorAll("form[data-hp-bulk]")) bulk(form);
  for (const field of document.querySelectorAll("input[data-hp-picks]")) suggest(field);
  for (const pager of document.querySelectorAll("[data-hp-searched]")) search(pager);
});

// Each page looks through a part of the log only: one that is not full asks for what follows, until it is or is told to stop.
async function search(pager) {
  const stop = pager.querySelector("[data-hp-stop]");
  stop.addEventListener("click", () => delete pager.dataset.hpSearched);
  stop.hidden = false;
  await searchOn(pager);
  stop.hidden = true;
}

async function searchOn(pager) {
  const rows = document.querySelector("#result_list tbody");
  while (pager.dataset.hpSearched) {
    const address = pager.dataset.hpSearched;
    const answer = await fetch(address).catch(() => null);
    if (!answer?.ok) return;
    if (!pager.dataset.hpSearched) return; // stopped meanwhile
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const further = page.querySelector(".hp-pager");
    const found = page.querySelectorAll("#result_list tbody tr");
    if (!further || (rows && rows.rows.length + found.length > pager.dataset.hpSize)) return;
    if (!rows && (found.length || !further.dataset.hpSearched)) return location.replace(address);
    rows?.append(...found);
    goFurther(pager, further, page, rows?.rows.length ?? 0);
  }
}

function goFurther(pager, further, page, number) {
  const [shown, come] = [pager, further].map((each) => each.querySelector("[data-hp-number]"));
  come.textContent = come.textContent.replace(come.dataset.hpNumber, number);
  shown.replaceWith(come);
  pager.children[1].replaceWith(further.children[1]);
  pager.dataset.hpSearched = further.dataset.hpSearched ?? "";
  document.querySelector("[data-hp-far]")?.replaceWith(page.querySelector("[data-hp-far]") ?? "");
  addLocalTimes(document);
}

function bulk(form) {
  const all = form.querySelector("[data-hp-all]");
  const boxes = () => [...form.querySelectorAll(".action-select")]; // more may come: searchOn
  const count = form.querySelector("[data-hp-count]");
  const show = () => {
    const rows = boxes();
    const chosen = rows.filter((row) => row.checked).length;
    count.textContent = chosen ? hpSay("{chosen} of {all} chosen", { chosen, all: rows.length }) : "";
    all.checked = chosen === rows.length;
    all.indeterminate = chosen > 0 && chosen < rows.length;
    for (const button of form.querySelectorAll("[data-hp-needs-choice]")) button.disabled = !chosen;
  };
  all.addEventListener("change", () => {
    for (const row of boxes()) row.checked = all.checked;
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
