// Forms: each is sent once, in whatever tab its reader logged in last; what was typed outlives the end of a session.
document.addEventListener("submit", (event) => {
  const form = event.target; // its fields hide its own properties: one is called "method"
  if (event.defaultPrevented || !form.matches("[method=post]:not([data-hp-again])")) return;
  if (form.dataset.hpSent) return event.preventDefault();
  form.dataset.hpSent = "1";
  renewToken(form);
  keepTyped(form);
});

addEventListener("pageshow", ({ persisted }) => {
  if (persisted) for (const form of document.querySelectorAll("form[data-hp-sent]")) delete form.dataset.hpSent;
});

// A log-in in another tab has made a new token: that of the cookie is the one that counts.
function renewToken(form) {
  const site = { admin: "staff", embedded: "embedded" }[location.pathname.split("/")[1]] ?? "portal";
  const cookie = document.cookie.match(new RegExp(`(?:^|; )(?:__Host-)?hookpost_${site}_csrf=(\\w+)`));
  const token = form.elements.csrfmiddlewaretoken;
  if (token && cookie) token.value = cookie[1];
}

const TYPED = "hp-typed"; // in this tab alone, until the next page
const SECRET = /secret|password|token|header|auth|tls|code|key/;

function fieldsOf(form) {
  const plain = [...form.querySelectorAll("input, select, textarea")].filter(({ name }) => name && !SECRET.test(name));
  return plain.filter(({ type }) => !["hidden", "password", "file", "submit", "button"].includes(type));
}

const whoIsIn = () => document.querySelector(".hp-account")?.textContent.trim() ?? "";

function keepTyped(form) {
  const [who, id] = [whoIsIn(), form.getAttribute("id")];
  if (!who || !id) return;
  const values = fieldsOf(form).map(({ value, checked }) => [value, checked]);
  sessionStorage.setItem(TYPED, JSON.stringify({ path: location.pathname, id, who, values }));
}

// Whoever comes from the log-in to the page whose form led there finds it as it was sent.
document.addEventListener("DOMContentLoaded", () => {
  const kept = JSON.parse(sessionStorage.getItem(TYPED) ?? "null");
  if (!kept) return;
  if (!whoIsIn()) {
    if (document.querySelector("input[type=password]")) {
      sessionStorage.setItem(TYPED, JSON.stringify({ ...kept, isOut: true }));
    }
    return;
  }
  sessionStorage.removeItem(TYPED);
  const form = document.getElementById(kept.id);
  if (kept.isOut && form && kept.path === location.pathname && kept.who === whoIsIn()) showTyped(form, kept.values);
});

function showTyped(form, values) {
  const fields = fieldsOf(form);
  if (fields.length !== values.length) return;
  fields.forEach((field, place) => ([field.value, field.checked] = values[place]));
  for (const part of form.querySelectorAll("details")) part.open = true;
  const said = document.createElement("p");
  said.className = "hp-notice mb-4";
  said.setAttribute("role", "alert");
  said.textContent = hpSay("You were logged out before this was saved. What you had typed is here again, but for secrets.");
  form.prepend(said);
}
