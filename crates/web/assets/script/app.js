// What pages gain with script: copying, keys, the look of what is new. Every page works without.
(() => {
  "use strict";
  const root = document.documentElement;
  root.classList.add("js");
})();
