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
