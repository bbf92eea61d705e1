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
    const isHere = event.detail.shouldSwap && part.matches("[data-hp-live]") && part.contains(document.activeElement);
    kept = isHere ? placeOfActive(part) : null;
  });
  document.addEventListener("htmx:afterSwap", () => {
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
