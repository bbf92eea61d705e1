// The search: `/` or Ctrl-K opens it on any page; it finds while somebody types, and Enter opens what is named exactly.
document.addEventListener("DOMContentLoaded", () => {
  const link = document.querySelector("#nav-sidebar a[href$='/find/']");
  if (link) prepare(link);
});

function prepare(link) {
  const box = document.createElement("dialog");
  box.className = "hp-find";
  box.setAttribute("aria-label", hpSay("Search"));
  const form = Object.assign(document.createElement("form"), { action: link.href, method: "get" });
  form.setAttribute("role", "search");
  const field = Object.assign(document.createElement("input"), { className: "hp-input hp-full", type: "search", name: "q", maxLength: 200, placeholder: hpSay("An id, a part of a URL, a name or uid"), autocomplete: "off" });
  field.setAttribute("aria-label", hpSay("Search"));
  const found = document.createElement("div");
  found.setAttribute("aria-live", "polite");
  form.append(field);
  box.append(form, found);
  document.body.append(box);

  const open = (event) => {
    event.preventDefault();
    event.stopImmediatePropagation();
    if (!box.open) box.showModal();
    field.select();
  };
  link.addEventListener("click", open);
  addEventListener("keydown", (event) => {
    const isTyping = event.target.closest && event.target.closest("input, textarea, select, [contenteditable]");
    const isSlash = event.key === "/" && !isTyping && !event.ctrlKey && !event.metaKey && !event.altKey;
    if (isSlash || ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k")) open(event);
  }, true);
  box.addEventListener("click", (event) => event.target === box && box.close());
  box.addEventListener("keydown", (event) => walk(event, field, found));

  let waiting;
  field.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => look(link.href, field, found), 200);
  });
}

async function look(url, field, found) {
  const words = field.value;
  const answer = words.trim() ? await fetch(`${url}?live=1&q=${encodeURIComponent(words)}`) : null;
  if (words === field.value) found.innerHTML = answer && answer.ok ? await answer.text() : ""; // escaped by our template
}

function walk(event, field, found) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  const places = [field, ...found.querySelectorAll("a")];
  const place = places.indexOf(document.activeElement);
  places[Math.min(Math.max(place + step, 0), places.length - 1)].focus();
}
