// What pages gain with script: copying, narrowing lists, keys, live parts that wait while they are read. Every page works
// without.
(() => {
  "use strict";
  const root = document.documentElement;
  root.classList.add("js");
  const $ = (selector, within = document) => within.querySelector(selector);
  const isField = (element) => element?.closest?.("input, textarea, select, [contenteditable]");

  // Copying: the text of what the button names.
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    const source = $(button.dataset.copy);
    if (!source) return;
    try {
      await navigator.clipboard.writeText(source.textContent);
      button.classList.add("done");
      setTimeout(() => button.classList.remove("done"), 1200);
    } catch {
      const range = document.createRange();
      range.selectNodeContents(source);
      getSelection().removeAllRanges();
      getSelection().addRange(range);
    }
  });

  // Narrowing a list that is on the page.
  document.addEventListener("input", (event) => {
    const wanted = event.target.dataset?.filter;
    if (!wanted) return;
    const text = event.target.value.trim().toLowerCase();
    for (const item of document.querySelectorAll(wanted)) {
      item.hidden = !(item.textContent + " " + (item.title ?? "")).toLowerCase().includes(text);
    }
    for (const group of document.querySelectorAll(".kinds")) group.hidden = !group.querySelector("label:not([hidden])");
  });

  // A choice that needs no button.
  document.addEventListener("change", (event) => {
    if (event.target.dataset?.submit !== undefined) event.target.form?.requestSubmit();
  });

  // Live parts rest while somebody selects text in them, has them in the background, or scrolled away from the top.
  document.addEventListener("htmx:before:request", (event) => {
    const part = event.target.closest?.("[hx-trigger^=every]");
    if (!part) return;
    const selected = getSelection();
    const reads = !selected.isCollapsed && part.contains(selected.anchorNode);
    const away = part.hasAttribute("data-live") && scrollY > 200;
    if (document.hidden || reads || away) event.preventDefault();
  });

  // Keys. Never within fields.
  const places = { u: "/urls", l: "/logs", c: "/configuration", t: "/test/send", o: "" };
  let going = 0;
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || isField(event.target)) return;
    const base = $(".where")?.getAttribute("href");
    if (going && event.timeStamp - going < 1500 && base && event.key in places) {
      going = 0;
      location.href = base + places[event.key];
      return;
    }
    going = 0;
    const rows = [...document.querySelectorAll("a.row")];
    const at = rows.indexOf(document.activeElement);
    switch (event.key) {
      case "g":
        going = event.timeStamp;
        return;
      case "/": {
        const field = $("[role=search] input:not([type=hidden])");
        if (field) {
          event.preventDefault();
          field.focus();
        }
        return;
      }
      case "j":
        rows[Math.min(at + 1, rows.length - 1)]?.focus();
        return;
      case "k":
        rows[Math.max(at - 1, 0)]?.focus();
        return;
      case "Escape":
        if (location.hash === "#menu") location.hash = "";
    }
  });

  // What is wrong with a form is read first.
  $(".faults")?.focus();
})();
