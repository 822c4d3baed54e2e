// Comforts on top of pages that work without script. Behaviour is asked for by data attributes; see templates/components/README.md.

const root = document.documentElement;
const all = (selector, within = document) => [...within.querySelectorAll(selector)];

// Icons come from the sprite that the page already uses.
const sprite = document.querySelector("svg.icon use")?.getAttribute("href").split("#")[0] ?? "";

function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `${sprite}#${name}`);
  svg.append(use);
  return svg;
}

// Toasts and messages

const toneIcons = { success: "circle-check", warning: "alert-triangle", danger: "circle-alert", info: "info" };

function closeButton(toast) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "toast-close";
  button.setAttribute("aria-label", "Close message");
  button.append(icon("x"));
  button.addEventListener("click", () => toast.remove());
  return button;
}

// Shows a toast and lets screen readers announce it. Only good news leaves by itself.
function showToast(text, tone = "info") {
  const toast = document.createElement("div");
  toast.className = "toast";
  toast.dataset.tone = toneIcons[tone] ? tone : "info";
  const words = document.createElement("p");
  words.className = "toast-text";
  words.textContent = text;
  toast.append(icon(toneIcons[toast.dataset.tone]), words, closeButton(toast));
  document.querySelector("[data-toasts]").append(toast);
  if (toast.dataset.tone === "success") {
    const leave = () => (toast.matches(":hover, :focus-within") ? setTimeout(leave, 2000) : toast.remove());
    setTimeout(leave, 8000);
  }
}

// A live region speaks only of what is added to it, so the server's messages are added once more.
for (const region of all("[data-messages]")) {
  const messages = [...region.children];
  for (const message of messages) message.append(closeButton(message));
  region.replaceChildren();
  setTimeout(() => region.append(...messages), 100);
}

document.addEventListener("toast", (event) => showToast(event.detail.text, event.detail.tone));

// Theme

function applyTheme(theme) {
  if (theme === "system") delete root.dataset.theme;
  else root.dataset.theme = theme;
  for (const button of all("[data-theme-switch] button")) {
    button.setAttribute("aria-pressed", String(button.dataset.value === theme));
  }
}

function chooseTheme(theme) {
  try {
    if (theme === "system") localStorage.removeItem("theme");
    else localStorage.setItem("theme", theme);
  } catch {
    // Storage may be forbidden; the choice then holds for this page.
  }
  applyTheme(theme);
}

// Dialogs and menus

function openDialog(id) {
  const dialog = document.getElementById(id);
  if (!(dialog instanceof HTMLDialogElement) || dialog.open) return false;
  dialog.showModal();
  return true;
}

// Asks in the page's own dialog. Resolves to true if the person accepts.
function ask(question, acceptLabel) {
  const dialog = document.getElementById("confirm");
  dialog.querySelector("#confirm-question").textContent = question;
  dialog.querySelector("[data-accept]").textContent = acceptLabel || "Continue";
  dialog.returnValue = "cancel";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "accept"), { once: true });
  });
}

document.addEventListener("click", async (event) => {
  for (const menu of all("details[data-menu][open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.shiftKey) return;
  const target = event.target.closest("[data-dialog], [data-theme-switch] button, a[data-confirm]");
  if (!target) return;
  if (target.dataset.value) chooseTheme(target.dataset.value);
  else if (target.dataset.dialog && openDialog(target.dataset.dialog)) event.preventDefault();
  else if (target.matches("a[data-confirm]")) {
    event.preventDefault();
    if (await ask(target.dataset.confirm, target.textContent.trim())) location.assign(target.href);
  }
});

// Keys

const typing = (element) => element.isContentEditable || /^(input|textarea|select)$/i.test(element.tagName);

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    const menu = document.activeElement?.closest("details[data-menu][open]");
    if (menu) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
    return;
  }
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
  if (document.querySelector("dialog[open]")) return;
  if (event.key === "/") {
    const search = all("[data-search], input[type=search]").find((field) => field.checkVisibility());
    if (!search) return;
    event.preventDefault();
    search.focus();
    search.select();
  } else if (event.key === "?") {
    event.preventDefault();
    openDialog("shortcuts");
  }
});

// Forms: a question first where one is asked, and never sent twice.

const confirmed = new WeakSet();

function setBusy(form, busy) {
  form.toggleAttribute("data-sending", busy);
  for (const button of form.elements) {
    if (button.type !== "submit") continue;
    if (busy) button.setAttribute("aria-busy", "true");
    else button.removeAttribute("aria-busy");
  }
}

document.addEventListener("submit", async (event) => {
  const form = event.target;
  const question = event.submitter?.dataset.confirm ?? form.dataset.confirm;
  if (question && !confirmed.has(form) && !event.defaultPrevented) {
    event.preventDefault();
    const { submitter } = event;
    if (await ask(question, submitter?.textContent.trim())) {
      confirmed.add(form);
      form.requestSubmit(submitter);
    }
    return;
  }
  confirmed.delete(form);
  if (event.defaultPrevented || form.method !== "post" || "repeatable" in form.dataset) return;
  if ("sending" in form.dataset) event.preventDefault();
  else setBusy(form, true);
});

// Going back may show the page as it was left, with its form still locked.
window.addEventListener("pageshow", (event) => {
  if (event.persisted) all("form[data-sending]").forEach((form) => setBusy(form, false));
});

// An error's link leads to the field itself, also where the field is a group of choices.
document.addEventListener("click", (event) => {
  const link = event.target.closest(".alert a[href^='#']");
  const field = link && document.getElementById(link.hash.slice(1));
  if (!field) return;
  event.preventDefault();
  (field.matches("div") ? field.querySelector("input") : field).focus();
});

// htmx

document.addEventListener("htmx:confirm", async (event) => {
  if (!event.detail.question) return;
  event.preventDefault();
  if (await ask(event.detail.question, event.target.textContent.trim())) event.detail.issueRequest(true);
});

const failures = {
  401: "You are signed out. Reload the page and sign in again; nothing was changed.",
  403: "You may not do this. Nothing was changed.",
  404: "This is not there any more. Reload the page to see what is.",
  409: "Somebody changed this meanwhile. Reload the page to see it; nothing was overwritten.",
  413: "This file is too large. Nothing was saved.",
  429: "Too many requests. Wait a minute and try again.",
};

document.addEventListener("htmx:responseError", (event) => {
  const { status } = event.detail.xhr;
  showToast(failures[status] ?? `The server could not do this (${status}). Try again in a minute.`, "danger");
});

for (const name of ["htmx:sendError", "htmx:timeout"]) {
  document.addEventListener(name, () => showToast("The server cannot be reached. Check your connection and try again.", "danger"));
}

// Security keys (allauth announces a failure; most often the person closed the browser's own dialog).
document.addEventListener("allauth.error", (event) => {
  event.preventDefault();
  const cancelled = event.detail.exception?.name === "NotAllowedError";
  showToast(cancelled ? "The key was not used: the request was cancelled or took too long." : "The key could not be used. Try again, or sign in another way.", "danger");
});

// Times in the viewer's zone, and whatever else a new piece of page needs.

const clock = new Intl.DateTimeFormat(root.lang || undefined, { dateStyle: "medium", timeStyle: "short" });
const exact = new Intl.DateTimeFormat(root.lang || undefined, { dateStyle: "full", timeStyle: "long" });

function prepare(part) {
  for (const time of all("time[data-local]", part)) {
    const at = new Date(time.dateTime);
    if (Number.isNaN(at.getTime())) continue;
    time.textContent = clock.format(at);
    time.title = exact.format(at);
    time.removeAttribute("data-local");
  }
  for (const hidden of all("[data-needs-script], [data-theme-switch]", part)) hidden.hidden = false;
  all("[data-focus]", part)[0]?.focus();
}

document.addEventListener("htmx:load", (event) => prepare(event.detail.elt));
applyTheme(root.dataset.theme ?? "system");
prepare(document);
