// What pages of the portal do besides pages.js: a button that fills a field.
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-hp-fill]");
  if (!button) return;
  const field = document.getElementById(button.dataset.hpFill);
  field.value = button.dataset.hpValue;
  field.focus();
});
