// Points of a chart by keyboard: left and right go along a trace, up and down to another trace, Enter picks the trial.
const points = (() => {
  const HELP = "Arrow keys go from point to point and from line to line, Enter shows samples of a trial.";
  const words = (html) => new DOMParser().parseFromString(html.replaceAll("<br>", ", "), "text/html").body.textContent;

  // The places of a trace that can be hovered; null stands between the lines of seeds.
  const places = (trace) => trace.hoverinfo === "text" ? [...trace.x.keys()].filter((i) => trace.x[i] !== null && trace.y[i] !== null) : [];
  const step = (list, value, by) => list[Math.min(Math.max(list.indexOf(value) + by, 0), list.length - 1)];

  const setUp = (place, Plotly, pick) => {
    const said = element("div", { className: "unseen", ariaLive: "polite" });
    let at = null;  // {trace, point, name, trial}
    const show = (trace, point) => {
      const { hovertext, text, name, customdata } = place.data[trace];
      at = { trace, point, name, trial: customdata?.[point] };
      said.textContent = words([].concat(hovertext ?? text)[point]);
      Plotly.Fx.hover(place, [{ curveNumber: trace, pointNumber: point }]);
    };
    const move = (along, across) => {
      const traces = [...place.data.keys()].filter((i) => places(place.data[i]).length);
      if (!traces.length) return;
      if (!at || !traces.includes(at.trace)) return show(traces[0], places(place.data[traces[0]])[0]);
      const trace = step(traces, at.trace, across), own = places(place.data[trace]);
      const near = trace === at.trace ? at.point : own.reduce((best, i) => Math.abs(place.data[trace].x[i] - place.data[at.trace].x[at.point]) < Math.abs(place.data[trace].x[best] - place.data[at.trace].x[at.point]) ? i : best);
      show(trace, step(own, near, along));
    };
    const keys = {
      ArrowRight: () => move(1, 0), ArrowLeft: () => move(-1, 0), ArrowDown: () => move(0, 1), ArrowUp: () => move(0, -1),
      Enter: () => at && pick(at.trial),
      Escape: () => { at = null; said.textContent = ""; Plotly.Fx.unhover(place); },
    };
    place.tabIndex = 0;
    place.setAttribute("role", "application");
    place.ariaLabel = `${place.ariaLabel}. ${HELP}`;
    place.after(said);
    place.addEventListener("keydown", (event) => {
      if (event.target !== place || !keys[event.key]) return;
      event.preventDefault();
      keys[event.key]();
    });
    const isThere = ({ trace, point, name, trial }) => {  // a variant that is hidden shifts the traces after it
      const now = place.data[trace];
      return now?.name === name && now.x?.[point] !== undefined && now.customdata?.[point] === trial;
    };
    place.on("plotly_afterplot", () => { if (at && !isThere(at)) at = null; });
  };
  return { setUp };
})();
