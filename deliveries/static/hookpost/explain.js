// Tabs, keys, and the fragments by which pages keep themselves up to date.
(() => {
  const typing = (element) => element && (element.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(element.tagName));

  function choose(tab) {
    for (const other of tab.closest("[role=tablist]").children) {
      const chosen = other === tab;
      other.setAttribute("aria-selected", String(chosen));
      other.tabIndex = chosen ? 0 : -1;
      document.getElementById(other.getAttribute("aria-controls")).hidden = !chosen;
    }
    tab.focus();
  }

  document.addEventListener("click", (event) => {
    const tab = event.target.closest("[data-hp-tabs] [role=tab]");
    if (tab) choose(tab);
  });

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    const tab = event.target.closest?.("[data-hp-tabs] [role=tab]");
    if (tab && (event.key === "ArrowRight" || event.key === "ArrowLeft")) {
      const all = [...tab.parentElement.children];
      choose(all[(all.indexOf(tab) + (event.key === "ArrowRight" ? 1 : all.length - 1)) % all.length]);
      event.preventDefault();
      return;
    }
    if (typing(event.target)) return;
    const failures = document.querySelector("[data-hp-failures]");
    if (failures && (event.key === "j" || event.key === "k")) {
      location.assign(`${failures.dataset.hpFailures}?way=${event.key === "j" ? "older" : "newer"}`);
    }
    if (event.key === "r") {
      const reason = document.querySelector("#redeliver input[name=reason]");
      if (reason) {
        reason.focus();
        event.preventDefault();
      }
    }
  });

  // What is replaced keeps the keyboard where it was: at the same control, whose text may be another by now.
  let kept = null;
  const controls = (part) => [...part.querySelectorAll("a[href], button, input, select, textarea, summary")];
  const placeOf = (control) => [control.tagName, control.name, control.form?.action ?? control.getAttribute("href")].join(" ");
  document.addEventListener("htmx:beforeSwap", (event) => {
    const part = event.detail.target;
    const isLive = event.detail.shouldSwap && part.matches("[data-hp-live]");
    kept = isLive && part.contains(document.activeElement) ? placeOfActive(part) : null;
    read = isLive ? sectionRead(part) : null;
  });
  document.addEventListener("htmx:afterSwap", () => {
    readOn();
    if (!kept) return;
    const alike = controls(document.querySelector("[data-hp-live]") ?? document.body).filter((each) => placeOf(each) === kept.place);
    (alike[kept.number] ?? alike[0])?.focus({ preventScroll: true });
    kept = null;
  });
  function placeOfActive(part) {
    const active = document.activeElement;
    const place = placeOf(active);
    return { place, number: controls(part).filter((each) => placeOf(each) === place).indexOf(active) };
  }

  // So is the section that somebody reads, whatever became longer or shorter above it.
  let read = null;
  const sections = (part) => [...part.children].map((each) => ({ name: each.querySelector("h2")?.textContent ?? each.className, box: each.getBoundingClientRect() }));
  function sectionRead(part) {
    return part.getBoundingClientRect().top < 0 ? sections(part).find(({ box }) => box.bottom > 0) : null;
  }
  function readOn() {
    const now = read && sections(document.querySelector("[data-hp-live]")).find(({ name }) => name === read.name);
    if (now) scrollBy(0, now.box.top - read.box.top);
    read = null;
  }

  // A page says as of when it is, and when nobody answers any more.
  document.addEventListener("htmx:afterRequest", ({ detail: { target, xhr } }) => {
    const line = document.querySelector("[data-hp-as-of]");
    if (!line || !target.matches("[data-hp-live]")) return;
    const isAnswered = xhr.status === 200 || xhr.status === 204;
    [line.firstElementChild.hidden, line.lastElementChild.hidden] = [!isAnswered, isAnswered];
    if (!isAnswered) return;
    const moment = new Date(xhr.getResponseHeader("Date") ?? Date.now());
    for (const time of line.querySelectorAll("time")) showTime(time, moment);
  });
  // Who comes back to it sees what is, and not what was when they left.
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) for (const part of document.querySelectorAll("[data-hp-live]")) htmx.trigger(part, "hp-look");
  });

  // A page that nobody looks at asks for nothing.
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (document.hidden && event.target.matches("[data-hp-live]")) event.preventDefault();
  });
  // A fragment that leads elsewhere is a log-in that has ended.
  document.addEventListener("htmx:beforeSwap", (event) => {
    const { xhr, pathInfo } = event.detail;
    const came = xhr.responseURL && new URL(xhr.responseURL).pathname;
    if (came && pathInfo && came !== new URL(pathInfo.requestPath, location.href).pathname) {
      event.detail.shouldSwap = false;
      location.reload();
    }
  });
})();
