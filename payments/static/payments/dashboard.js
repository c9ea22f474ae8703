/* The dashboard: draws its pictures again while it is looked at, and shows the figures at the pointer. */
"use strict";

(() => {
  const pictures = document.getElementById("ct-pictures");
  if (!pictures) return;
  const notFresh = document.getElementById("ct-not-fresh");
  const tip = document.createElement("div");
  tip.className = "ct-tip";
  tip.hidden = true;
  document.body.append(tip);
  const known = new WeakMap();

  async function drawAgain() {
    if (document.hidden) return;
    try {
      const answer = await fetch(pictures.dataset.address, { credentials: "same-origin", redirect: "error" });
      if (!answer.ok) throw new Error(answer.status);
      const text = await answer.text();
      const place = window.scrollY;
      pictures.innerHTML = text;
      window.scrollTo({ top: place, behavior: "instant" });
      notFresh.hidden = true;
      hide();
    } catch {
      notFresh.hidden = false;
    }
  }

  function read(element) {
    if (!known.has(element)) known.set(element, JSON.parse(element.textContent));
    return known.get(element);
  }

  function line(words, tone) {
    const row = document.createElement("p");
    if (tone) {
      const key = document.createElement("i");
      key.className = `ct-key ct-series ct-${tone}`;
      row.append(key);
    }
    for (const [tag, text] of words) {
      const part = document.createElement(tag);
      part.textContent = text;
      row.append(part);
    }
    return row;
  }

  function show(event) {
    const canvas = event.target.closest ? event.target.closest(".ct-canvas") : null;
    const times = document.getElementById("ct-times");
    if (!canvas || !times || !pictures.contains(canvas)) return hide();
    const box = canvas.getBoundingClientRect();
    const starts = read(times);
    const share = (event.clientX - box.left) / box.width;
    const at = Math.min(starts.length - 1, Math.max(0, Math.floor(share * starts.length)));
    const hover = read(canvas.querySelector(".ct-hover script"));
    const rows = hover.map((one) =>
      typeof one === "string" ? null : line([["span", one.name], ["b", one.values[at]]], one.tone));
    const words = typeof hover[0] === "string" ? [line([["b", hover[at]]])] : rows;
    tip.replaceChildren(line([["small", starts[at]]]), ...words);
    tip.hidden = false;
    const left = event.clientX + 16 + tip.offsetWidth > window.innerWidth
      ? Math.max(4, event.clientX - 16 - tip.offsetWidth) : event.clientX + 16;
    tip.style.left = `${left}px`;
    tip.style.top = `${Math.max(4, Math.min(event.clientY + 12, window.innerHeight - tip.offsetHeight - 8))}px`;
    canvas.style.setProperty("--at", `${(at + 0.5) * 100 / starts.length}%`);
    if (show.last && show.last !== canvas) show.last.classList.remove("ct-pointed");
    canvas.classList.add("ct-pointed");
    show.last = canvas;
  }

  function hide() {
    tip.hidden = true;
    if (show.last) show.last.classList.remove("ct-pointed");
  }

  pictures.addEventListener("pointermove", show);
  pictures.addEventListener("pointerdown", show);
  pictures.addEventListener("pointerleave", hide);
  window.addEventListener("scroll", hide, { passive: true });
  document.addEventListener("visibilitychange", drawAgain);
  setInterval(drawAgain, Number(pictures.dataset.every) * 1000);
})();
