// Open sections survive a reload. The page of a run that still trains reloads itself, and stays where the reader was.
const details = [...document.querySelectorAll("details")], titleOf = (box) => box.id || box.querySelector("summary").textContent;
for (const box of details) {
  if (state.get("open", []).includes(titleOf(box))) box.open = true;
  box.addEventListener("toggle", () => state.set("open", details.filter((other) => other.open).map(titleOf)));
}
const banner = document.querySelector(".banner");
if (banner) {
  const written = 1000 * Number(banner.dataset.written), next = 1000 * Number(banner.dataset.next), IDLE = 4000;  // ms
  const anchors = [...document.querySelectorAll("main h2[id], main section[id]")];
  const back = state.get("place");
  history.scrollRestoration = "manual";
  if (back) {
    const anchor = back.id ? document.getElementById(back.id) : null;
    window.scrollTo(0, anchor ? window.scrollY + anchor.getBoundingClientRect().top - back.top : back.top);
    state.set("place", null);
  }
  if (Date.now() - written > 5 * next + 120000) banner.append(element("p", { textContent: `This page is ${Math.round((Date.now() - written) / 60000)} minutes old: the run may have been interrupted. It is the last page that was complete.` }));
  let touched = 0;
  for (const kind of ["pointerdown", "pointermove", "wheel", "keydown", "input"]) addEventListener(kind, () => { touched = Date.now(); }, { passive: true });
  const reload = () => {
    if (document.hidden || dialog.open || Date.now() - touched < IDLE) return void setTimeout(reload, IDLE);
    const above = anchors.filter((anchor) => anchor.getBoundingClientRect().top <= 80).at(-1);
    state.set("place", above ? { id: above.id, top: above.getBoundingClientRect().top } : { top: window.scrollY });
    location.reload();
  };
  setTimeout(reload, Math.min(Math.max(next, 5000), 600000));
}
