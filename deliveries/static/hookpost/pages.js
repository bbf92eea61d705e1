// Says a message of script_words.py in the language of the page, with its values in place of {name}.
let hpWords;

function hpSay(message, values = {}) {
  hpWords ??= JSON.parse(document.getElementById("hp-words")?.textContent ?? "{}");
  return (hpWords[message] ?? message).replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

// Copies a secret, and keeps a reload from sending the form again that made it.
document.addEventListener("DOMContentLoaded", () => {
  const page = document.querySelector("[data-hp-url]");
  if (page) history.replaceState(null, "", page.dataset.hpUrl);

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-hp-copy]");
    if (!button) return;
    const source = document.getElementById(button.dataset.hpCopy);
    const range = document.createRange();
    range.selectNodeContents(source);
    getSelection().removeAllRanges();
    getSelection().addRange(range);
    try {
      await navigator.clipboard.writeText(source.textContent);
    } catch {
      document.execCommand("copy"); // no clipboard without https
    }
    showCopied(button);
  });
});

const COPIED_MS = 2000;

// For as long as it takes to see it: whoever copies again later wants to see that it was done.
function showCopied(button) {
  button.dataset.hpWords ??= button.textContent;
  clearTimeout(button.hpCopied);
  tellCopied(button, hpSay("Copied"));
  button.hpCopied = setTimeout(() => tellCopied(button, button.dataset.hpWords), COPIED_MS);
}

function tellCopied(button, words) {
  button.textContent = words;
  if (button.hasAttribute("aria-label")) button.setAttribute("aria-label", words);
}
// On a telephone each cell of a small table stands below its title.
document.addEventListener("DOMContentLoaded", () => labelCells(document));
document.addEventListener("htmx:load", (event) => labelCells(event.target));

function labelCells(part) {
  for (const table of part.querySelectorAll(".hp-table")) {
    const titles = [...table.querySelectorAll("th")].map((title) => title.textContent);
    for (const cell of table.querySelectorAll("td")) {
      const isFull = cell.textContent.trim() || cell.querySelector("[role=img]");
      if (cell.colSpan === 1 && titles[cell.cellIndex] && isFull) cell.dataset.label = titles[cell.cellIndex];
    }
  }
}

// How many an act would be about, beside its button: counted when the page is there already, and somebody looks at it.
document.addEventListener("DOMContentLoaded", () => setTimeout(() => tellNumbers(document), COUNT_AFTER_MS));
document.addEventListener("htmx:load", (event) => tellNumbers(event.target, hpNumbers.size));

const COUNT_AFTER_MS = 700;
const hpNumbers = new Map();

function tellNumbers(part, isThere = true) {
  if (!isThere || document.hidden) return;
  for (const place of part.querySelectorAll("[data-hp-number-of]:empty")) tellNumber(place, place.dataset.hpNumberOf);
}

async function tellNumber(place, address) {
  if (!hpNumbers.has(address)) hpNumbers.set(address, fetch(address).then((answer) => (answer.status === 200 ? answer.text() : "")).catch(() => ""));
  const number = await hpNumbers.get(address);
  if (number) place.textContent = ` (${number})`;
}

// The reader's own time beside UTC, also in what comes later.
document.addEventListener("DOMContentLoaded", () => addLocalTimes(document));
document.addEventListener("htmx:load", (event) => addLocalTimes(event.target));

function addLocalTimes(part) {
  for (const time of part.querySelectorAll("time[datetime]:not([data-hp-told])")) addLocalTime(time);
}

const browserZone = Intl.DateTimeFormat().resolvedOptions().timeZone;
const written = (locale, options) => {
  try {
    return new Intl.DateTimeFormat(locale, { ...options, timeZone: document.documentElement.dataset.hpZone || browserZone });
  } catch {
    return new Intl.DateTimeFormat(locale, { ...options, timeZone: browserZone }); // of a zone that the browser does not know
  }
};
let forms;

// The whole moment, the time of day, the day before it, and the zone's name.
function localForms() {
  const whole = written("sv-SE", { dateStyle: "short", timeStyle: "medium" });
  const clock = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
  const language = document.documentElement.lang || "en";
  return { whole, time: written(language, clock), dayAndTime: written(language, { weekday: "short", ...clock }), zone: whole.resolvedOptions().timeZone };
}

function addLocalTime(time) {
  const moment = new Date(time.dateTime);
  time.dataset.hpTold = "";
  forms ??= localForms();
  const [whole, utc] = [forms.whole.format(moment), moment.toISOString()];
  if (whole === utc.slice(0, 19).replace("T", " ")) return;
  const local = (whole.slice(0, 10) === utc.slice(0, 10) ? forms.time : forms.dayAndTime).format(moment);
  time.title += `, ${whole} ${forms.zone}`;
  if (time.hasAttribute("data-hp-relative")) return;
  const shown = document.createElement("span");
  shown.className = "hp-local";
  shown.textContent = hpSay("{time} local", { time: local });
  const after = time.nextSibling;
  if (after?.nodeType === Node.TEXT_NODE && /^\s*UTC/.test(after.data)) {
    after.splitText(after.data.indexOf("UTC") + 3);
    after.after(shown); // “… UTC 14:13 local”, not “… 14:13 local UTC”
  } else time.append(shown);
}

// Shows another moment where one is shown already.
function showTime(time, moment) {
  time.parentElement.querySelector(".hp-local")?.remove();
  time.parentElement.normalize();
  time.dateTime = moment.toISOString();
  time.textContent = time.dateTime.slice(0, 19).replace("T", " ");
  time.title = "";
  addLocalTime(time);
}

// The browser knows the names of time zones.
document.addEventListener("focusin", ({ target }) => {
  if (!target.matches("[data-hp-zones]") || target.list.children.length) return;
  for (const name of Intl.supportedValuesOf("timeZone")) target.list.append(new Option(name));
});

// Select2 names its boxes after what is chosen, which at first is nothing; it makes them when the page is loaded.
addEventListener("load", () => setTimeout(() => {
  for (const select of document.querySelectorAll("select.select2-hidden-accessible")) {
    for (const box of document.querySelectorAll(`[aria-labelledby="select2-${select.id}-container"], #select2-${select.id}-container`)) {
      box.setAttribute("aria-label", select.labels[0]?.textContent.trim() ?? select.name);
    }
  }
}));

// Unfold's expressions by Alpine's build that evaluates no text as a program: what they call is named here.
document.addEventListener("alpine:init", () => {
  // The page's form goes to its own address, but where the page is shown at a button's: it says so itself then.
  const form = document.querySelector("form[action][x-bind\\:action]");
  const { pathname, search } = new URL(form ? form.getAttribute("action") : location.href, location.href);
  Alpine.data("theme", theme);
  Alpine.data("searchForm", searchForm);
  Alpine.data("page", (tab) => ({
    activeTab: tab && (getCurrentTab() || tab),
    sidebarMobileOpen: false,
    sidebarDesktopOpen: localStorage.getItem("sidebarDesktopOpen") !== "0",
    window: { location: { pathname, search } }, // of a form's address
    init() {
      this.$watch("sidebarDesktopOpen", (isOpen) => localStorage.setItem("sidebarDesktopOpen", isOpen ? "1" : "0"));
    },
  }));
});
