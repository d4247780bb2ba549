"use strict";
// Live: whatever is told as an event, the server renders the page's main part anew. Without it the page is as it was.
(() => {
  const KINDS = ["reset", "node", "state", "gone", "lane-began", "lane-ended", "accepted", "rejected", "result", "hold"];
  const QUIET = 150;
  const SLOW = 3000;
  const main = document.getElementById("main");
  const live = document.getElementById("live");
  let words = "";
  let timer = 0;
  let asking = false;
  let again = false;

  const age = (seconds) => {
    for (const [size, unit] of [[86400, "d"], [3600, "h"], [60, "m"]]) {
      if (seconds >= size) return Math.floor(seconds / size) + unit;
    }
    return Math.max(0, Math.floor(seconds)) + "s";
  };

  const tick = () => {
    for (const one of main.querySelectorAll("time")) {
      one.textContent = age((Date.now() - Date.parse(one.dateTime)) / 1000);
    }
  };

  const filter = () => {
    const box = document.getElementById("filter");
    if (!box) return;
    box.hidden = false;
    box.value = words;
    box.oninput = () => { words = box.value; hide(); };
    hide();
  };

  const hide = () => {
    const wanted = words.toLowerCase();
    for (const row of document.querySelectorAll("#containers tbody tr")) {
      row.hidden = !row.textContent.toLowerCase().includes(wanted);
    }
  };

  const show = (text) => {
    const open = [...main.querySelectorAll("details")].map((one) => one.open);
    const typing = document.activeElement && document.activeElement.id === "filter";
    main.innerHTML = text;
    main.querySelectorAll("details").forEach((one, place) => { one.open = open[place] || false; });
    filter();
    if (typing) document.getElementById("filter").focus();
    tick();
  };

  const refresh = async () => {
    again = asking || document.hidden;
    if (again) return;
    asking = true;
    let answered = false;
    try {
      const answer = await fetch(location.pathname + "?part", { cache: "no-store" });
      answered = answer.ok;
      if (answered) show(await answer.text());
    } catch (error) {
      console.debug("the page could not be asked for", error);
    }
    asking = false;
    if (again || !answered) soon(answered ? QUIET : SLOW);
  };

  const soon = (pause) => { clearTimeout(timer); timer = setTimeout(refresh, pause); };

  const events = new EventSource("/v1/events?last_event_id=" + encodeURIComponent(document.body.dataset.lastEventId));
  for (const kind of KINDS) events.addEventListener(kind, () => soon(QUIET));
  events.onopen = () => { live.textContent = "live"; live.className = "on"; };
  events.onerror = () => { live.textContent = "not connected, last seen " + new Date().toLocaleTimeString(); live.className = "off"; };
  document.addEventListener("visibilitychange", () => { if (!document.hidden && again) soon(QUIET); });
  filter();
  setInterval(tick, 1000);
})();
