// Fetches the page's text again every second and exchanges the sections that have changed. Without it the page reloads
// itself every five seconds.
"use strict";

const lost = document.getElementById("lost");
let failures = 0;

function busy(section) {
  // Nothing is exchanged under a finger, or under a selection.
  const focus = document.activeElement;
  const chosen = window.getSelection();
  const selects = chosen && !chosen.isCollapsed && section.contains(chosen.anchorNode);
  return selects || (focus && focus !== document.body && section.contains(focus)) || section.querySelector(":active");
}

async function refresh() {
  try {
    const answer = await fetch("live", { cache: "no-store", signal: AbortSignal.timeout(4000) });
    if (!answer.ok) throw new Error(answer.status);
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    const here = new Map([...document.querySelectorAll("[data-live]")].map((one) => [one.id, one]));
    for (const section of fresh.querySelectorAll("[data-live]")) {
      const old = here.get(section.id);
      if (old && old.outerHTML !== section.outerHTML && !busy(old)) old.replaceWith(document.adoptNode(section));
    }
    failures = 0;
  } catch {
    failures += 1;
  }
  const stale = failures > 1;
  lost.hidden = !stale;
  document.body.classList.toggle("stale", stale);
  setTimeout(refresh, document.hidden ? 5000 : 1000);
}

document.documentElement.classList.add("live");
setTimeout(refresh, 1000);
