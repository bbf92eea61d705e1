// What the form of an endpoint does besides pages.js: fields that are filled, found, and looked at while somebody types.
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-hp-fill]");
  if (!button) return;
  const field = document.getElementById(button.dataset.hpFill);
  field.value = button.dataset.hpValue;
  field.focus();
  field.dispatchEvent(new Event("input"));
});

document.addEventListener("DOMContentLoaded", () => {
  // What is wrong is never folded away.
  for (const part of document.querySelectorAll("fieldset details")) {
    part.open ||= !!part.querySelector(".errorlist, .errors, [aria-invalid=true]");
  }
  const url = document.querySelector("#id_url[data-hp-ask]");
  if (url) watchUrl(url);
  const types = document.querySelector("#id_chosen_types");
  if (types) makeSearchable(types, url?.dataset.hpExamples);
});

function watchUrl(field) {
  const said = document.createElement("p");
  said.className = "hp-said";
  said.setAttribute("role", "status");
  field.after(said);
  let timer, asking, looked = field.value;
  field.addEventListener("input", () => {
    clearTimeout(timer);
    asking?.abort();
    said.textContent = said.dataset.hpGood = "";
    if (/^https?:\/\/[^/\s]+\.[^/\s]{2,}/.test(field.value.trim())) timer = setTimeout(look, 700);
  });

  async function look() {
    if (field.value === looked && said.textContent) return;
    looked = field.value;
    asking = new AbortController();
    said.textContent = hpSay("Looking whether it is reached…");
    const form = new FormData();
    form.set("url", looked);
    renewToken(field.form);
    form.set("csrfmiddlewaretoken", field.form.elements.csrfmiddlewaretoken.value);
    try {
      const answer = await fetch(field.dataset.hpAsk, { method: "POST", body: form, signal: asking.signal });
      const found = answer.ok ? await answer.json() : { is_good: null, words: "" };
      said.textContent = found.words;
      said.dataset.hpGood = found.is_good ?? "";
    } catch (error) {
      if (error.name !== "AbortError") said.textContent = "";
    }
  }
}

function makeSearchable(list, ask) {
  const boxes = [...list.querySelectorAll("input[type=checkbox]")];
  const lines = boxes.map((box) => box.closest("label").parentElement);
  if (boxes.length > 5) list.before(searchBox(boxes, lines));
  if (ask) boxes.forEach((box, place) => addExample(box, lines[place], ask));
}

function searchBox(boxes, lines) {
  const search = document.createElement("input");
  search.type = "search";
  search.className = "hp-input hp-full hp-search-types";
  search.placeholder = hpSay("Search {count} event types", { count: boxes.length });
  search.setAttribute("aria-label", hpSay("Search event types"));
  search.addEventListener("input", () => {
    const words = search.value.toLowerCase().split(/\s+/);
    lines.forEach((line, place) => {
      const text = boxes[place].closest("label").textContent.toLowerCase();
      line.hidden = !words.every((word) => text.includes(word));
    });
  });
  search.addEventListener("keydown", (event) => {
    if (event.key === "Enter") event.preventDefault(); // it would save the form
  });
  return search;
}

function addExample(box, line, ask) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "hp-copy";
  button.textContent = hpSay("example");
  button.setAttribute("aria-expanded", "false");
  button.setAttribute("aria-label", hpSay("Example of {name}", { name: box.value }));
  const shown = document.createElement("pre");
  shown.className = "hp-pre hp-example";
  shown.hidden = true;
  line.classList.add("hp-type");
  box.closest("label").after(button, shown);
  button.addEventListener("click", async () => {
    shown.hidden = !shown.hidden;
    button.setAttribute("aria-expanded", String(!shown.hidden));
    if (shown.hidden || shown.textContent) return;
    const answer = await fetch(`${ask}?name=${encodeURIComponent(box.value)}`);
    shown.textContent = answer.ok ? await answer.text() : hpSay("The example cannot be shown now.");
  });
}
