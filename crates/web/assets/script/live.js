// The log as it grows. One connection, only while the page is seen. Rows come to stand on top while nobody reads further
// down, selects text or paused; else they wait behind a button. A lost connection says so, and goes on where it was.
(() => {
  "use strict";
  const bar = document.querySelector("#live");
  if (!bar || !window.EventSource) return;
  const ROWS_MAX = 200;
  const SILENCE_MAX = 15000;
  const SAY_EVERY = 10000;
  const $ = (selector, within = document) => within.querySelector(selector);
  const [pause, state, news, say] = ["#live-pause", "#live-state", "#live-news", "#live-say"].map((id) => $(id));
  const address = new URL(bar.dataset.live, location.href);
  const filled = (text, value) => text.replace("#", value);
  let cursor = address.searchParams.get("from");
  let source, isPaused = false, lostAt = 0, heardAt = 0, tries = 0, timer = 0;
  let waiting = [], unsaid = 0, saidAt = 0;
  bar.hidden = false;

  const rests = () => {
    const selection = getSelection();
    const selects = !selection.isCollapsed && $("#log").contains(selection.anchorNode);
    return isPaused || document.hidden || selects || scrollY > 200;
  };

  const show = () => {
    const lost = lostAt && !isPaused;
    bar.dataset.state = isPaused ? "off" : lost ? "lost" : "on";
    const secs = Math.max(1, Math.round((Date.now() - lostAt) / 1000));
    state.textContent = isPaused ? bar.dataset.off : lost ? filled(bar.dataset.lost, secs) : bar.dataset.on;
    pause.setAttribute("aria-pressed", String(isPaused));
    news.hidden = waiting.length === 0;
    news.textContent = "\u25b2 " + filled(bar.dataset.new, waiting.length);
  };

  // Counts, and no more often than every ten seconds.
  const announce = () => {
    if (!unsaid || Date.now() - saidAt < SAY_EVERY) return;
    say.textContent = filled(bar.dataset.new, unsaid);
    saidAt = Date.now();
    unsaid = 0;
  };

  // The page as it is now: where there was no table yet, and for what became of rows that are shown.
  let refreshing = 0;
  const refresh = () => {
    clearTimeout(refreshing);
    refreshing = setTimeout(async () => {
      const answer = await fetch(location.href, { headers: { accept: "text/html" } }).catch(() => null);
      if (!answer?.ok) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = $("#log", page);
      if (!fresh) return;
      const lines = $("#lines");
      if (!lines) return $("#log").replaceChildren(...fresh.childNodes);
      for (const row of fresh.querySelectorAll("tr[data-id]")) {
        const shown = $(`tr[data-id="${row.dataset.id}"]`, lines);
        if (shown && shown.innerHTML !== row.innerHTML && !shown.contains(document.activeElement)) shown.replaceWith(row);
      }
    }, 400);
  };

  const put = (rows) => {
    const lines = $("#lines");
    if (!lines) return refresh();
    const fresh = rows.filter((row) => !$(`tr[data-id="${row.dataset.id}"]`, lines));
    const known = new Set([...lines.rows].map((row) => row.dataset.of));
    lines.prepend(...fresh);
    while (lines.rows.length > ROWS_MAX) lines.rows[lines.rows.length - 1].remove();
    if (fresh.some((row) => known.has(row.dataset.of))) refresh();
  };

  const flush = () => {
    // More than a page holds: the page is read anew.
    if (waiting.length > ROWS_MAX) return location.reload();
    const rows = waiting;
    waiting = [];
    put(rows);
    show();
  };

  const close = () => {
    source?.close();
    source = null;
    clearTimeout(timer);
  };

  const lose = () => {
    close();
    lostAt ||= Date.now();
    timer = setTimeout(open, Math.min(1000 * 2 ** tries++, 8000));
    show();
  };

  const heard = (event) => {
    if (event.lastEventId) cursor = event.lastEventId;
    heardAt = Date.now();
    lostAt = tries = 0;
    show();
  };

  function open() {
    close();
    if (isPaused || document.hidden) return;
    address.searchParams.set("from", cursor);
    heardAt = Date.now();
    source = new EventSource(address);
    source.onerror = lose;
    source.addEventListener("at", heard);
    source.addEventListener("rows", (event) => {
      const template = document.createElement("template");
      template.innerHTML = event.data;
      const rows = [...template.content.querySelectorAll("tr")];
      unsaid += rows.length;
      // Beyond what is ever shown only the count matters.
      waiting = rows.concat(waiting).slice(0, 10 * ROWS_MAX);
      heard(event);
      if (!rests()) flush();
      announce();
    });
  }

  const toggle = () => {
    isPaused = !isPaused;
    if (isPaused) close();
    else {
      lostAt = 0;
      open();
      if (waiting.length) flush();
    }
    show();
  };

  pause.addEventListener("click", toggle);
  news.addEventListener("click", () => {
    scrollTo(0, 0);
    flush();
  });
  document.addEventListener("keydown", (event) => {
    const isPlain = !event.ctrlKey && !event.metaKey && !event.altKey;
    if (isPlain && event.key === "p" && !event.target.closest?.("input, textarea, select")) toggle();
  });
  // A page that nobody sees holds no connection. It goes on where it was.
  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  addEventListener("pagehide", close);
  addEventListener("scroll", () => scrollY <= 200 && waiting.length && !rests() && flush(), { passive: true });
  setInterval(() => {
    if (source && Date.now() - heardAt > SILENCE_MAX) lose();
    if (lostAt) show();
    if (waiting.length && !rests()) flush();
    announce();
  }, 1000);
  show();
  open();
})();
