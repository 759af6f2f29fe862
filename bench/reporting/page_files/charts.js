// Charts: each <div class="chart"> holds its data as JSON (charts.py) and a static image, which stays if plotly cannot run.
const charts = (() => {
  const dark = matchMedia("(prefers-color-scheme: dark)"), touch = matchMedia("(pointer: coarse)");
  const picked = new EventTarget();  // a point of a trial, by a click or a key
  let loading = null;

  // Plotly is compressed in the page, and started when the first chart comes near the screen.
  const plotly = () => loading ??= (async () => {
    const bytes = Uint8Array.from(atob(document.getElementById("plotly").textContent.trim()), (c) => c.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    document.head.append(element("script", { textContent: await new Response(stream).text() }));
    return window.Plotly;
  })();

  // Plotly reads labels as HTML.
  const plain = (text) => String(text).replace(/[&<>]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;" })[c]).replaceAll("\n", "<br>");
  const wrapped = (text, most = 40) => plain(text).split("<br>").map((line) => line.replace(new RegExp(`(.{1,${most}})(\\s|$)`, "g"), "$1<br>").replace(/<br>$/, "")).join("<br>");
  const number = (value) => value === null || value === undefined ? "-" : Number(value.toPrecision(4)).toLocaleString("en", { maximumSignificantDigits: 4 });
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  // Dark colours are mixed with white on a dark page, greys most: black becomes white, so that it is not another grey.
  const seen = (hex, alpha = 1) => {
    let rgb = [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
    const luminance = 0.2126 * rgb[0] + 0.7152 * rgb[1] + 0.0722 * rgb[2], darkness = 1 - luminance / 130;
    const greyness = (1 - (Math.max(...rgb) - Math.min(...rgb)) / 255) ** 8;  // 0 for colours
    if (dark.matches && darkness > 0) rgb = rgb.map((c) => Math.round(c + (255 - c) * (0.25 + 0.35 * darkness * (1 + greyness))));
    return `rgba(${rgb},${alpha})`;
  };

  const LETTER = 6.6, TITLE_LETTER = 7.8, LINE = 14;  // pixels of a letter, of an axis title's, and of a line, on average
  const TAP = 500;  // ms
  const MARGIN = { l: 56, r: 16, t: 30, b: 44 };  // pixels around a plot
  const hollow = (look) => look.dash === "solid" ? look.symbol : `${look.symbol}-open`;  // as lines are dashed
  const OUTLINES = {  // of symbols, as SVG paths from -6 to 6; plotly draws its own in plots
    "circle": "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0z", "square": "M-4-4h8v8h-8z", "triangle-up": "M0-5L5 4H-5z", "triangle-down": "M0 5L5-4H-5z",
    "diamond": "M0-5.5L5.5 0L0 5.5L-5.5 0z", "pentagon": "M0-5L4.8-1.5L2.9 4.1H-2.9L-4.8-1.5z", "star": "M0-5.5L1.4-1.9L5.2-1.7L2.2.7L3.2 4.4L0 2.3L-3.2 4.4L-2.2.7L-5.2-1.7L-1.4-1.9z",
    "cross": "M-1.7-5h3.4v3.3h3.3v3.4h-3.3v3.3h-3.4v-3.3h-3.3v-3.4h3.3z", "x": "M-4.7-2.4l2.3-2.3L0-2.3l2.4-2.4l2.3 2.3L2.3 0l2.4 2.4l-2.3 2.3L0 2.3l-2.4 2.4l-2.3-2.3L-2.3 0z",
  };

  // Round numbers at even distances.
  const even = (low, high) => {
    const least = (high - low) / 7, power = 10 ** Math.floor(Math.log10(least)), step = [1, 2, 5, 10].find((m) => m * power >= least) * power;
    return Array.from({ length: 8 }, (_, i) => (Math.ceil(low / step) + i) * step).filter((v) => v <= high);
  };

  // Ticks of a logarithmic axis at round numbers, at least four if there is room.
  const ticks = ([low, high]) => {
    const sets = [[1], [1, 2, 5], [1, 1.5, 2, 3, 4, 5, 6, 8], [1, 1.2, 1.4, 1.6, 1.8, 2, 2.5, 3, 3.5, 4, 4.5, 5, 5.5, 6, 6.5, 7, 7.5, 8, 8.5, 9, 9.5]];
    let found = [];
    for (const set of sets) {
      found = [];
      for (let k = Math.floor(low) - 1; k <= high; k++) for (const m of set) {
        const place = k + Math.log10(m);
        if (place >= low && place <= high) found.push(m * 10 ** k);
      }
      if (found.length >= 4) break;
    }
    if (found.length < 4) found = even(10 ** low, 10 ** high);
    const text = (v, digits) => v >= 1000 ? `${(v / 1000).toLocaleString("en", { maximumSignificantDigits: digits })}k` : String(Number(v.toPrecision(digits)));
    const texts = [4, 6, 8].map((digits) => found.map((v) => text(v, digits)));
    return { tickvals: found, ticktext: texts.find((all) => new Set(all).size === all.length) ?? texts.at(-1) };
  };

  const range = (values, isLog, near = [], blank = 0) => {
    let numbers = values.filter((v) => v !== null && (!isLog || v > 0));
    if (isLog) numbers = numbers.map(Math.log10);
    if (!numbers.length) return isLog ? [0, 1] : [0, 1];
    let low = numbers.reduce((a, b) => Math.min(a, b)), high = numbers.reduce((a, b) => Math.max(a, b));
    const room = blank * Math.max(high - low, isLog ? 0.4 : 0);
    for (const value of near) {
      const place = isLog ? Math.log10(value) : value;
      if (place < low && place >= low - room) low = place;
      if (place > high && place <= high + room) high = place;
    }
    const margin = 0.04 * (high - low) || (isLog ? 0.05 : 0.5);
    return [low - margin, high + margin];
  };

  // room: pixels for the title.
  const axis = (title, type, limits, room) => ({
    title: { text: wrapped(title, Math.max(20, Math.floor((room - LINE) / TITLE_LETTER))), standoff: 8 }, type, range: limits, gridcolor: colour("--line"), linecolor: colour("--faint"),
    zeroline: false, automargin: true, ticks: "outside", tickcolor: colour("--faint"), ...(type === "log" ? ticks(limits) : {}),
  });

  const layout = (extra) => ({
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", font: { color: colour("--ink"), family: "system-ui, sans-serif", size: 12 },
    margin: MARGIN, showlegend: false, hovermode: "closest", dragmode: touch.matches ? false : "zoom",
    hoverlabel: { bgcolor: colour("--paper"), bordercolor: colour("--faint"), font: { color: colour("--ink") }, align: "left" },
    modebar: { color: colour("--faint"), activecolor: colour("--link"), bgcolor: "rgba(0,0,0,0)" }, ...extra,
  });

  // Values to compare with: a line, or an arrow at the edge if it lies beyond the axis. Their texts are on the left, as most
  // curves fall: on the right they would lie on their ends.
  const levels = (chart, isLog, limits) => {
    const shapes = [], annotations = [];
    for (const level of chart.levels ?? []) {
      const place = isLog ? Math.log10(level.value) : level.value, inside = place >= limits[0] && place <= limits[1], below = place < limits[0];
      if (inside) shapes.push({ type: "line", xref: "paper", x0: 0, x1: 1, y0: level.value, y1: level.value, line: { color: colour("--faint"), width: 1, dash: level.dashed ? "dash" : "dot" } });
      annotations.push({
        xref: "paper", x: 0, xanchor: "left", showarrow: false, font: { size: 11, color: colour("--faint") },
        yref: inside ? "y" : "paper", y: inside ? place : below ? 0 : 1, yanchor: inside || below ? "bottom" : "top",
        text: plain(`${inside ? "" : below ? "↓ " : "↑ "}${level.text}, ${number(level.value)}`),
      });
    }
    return { shapes, annotations };
  };

  // Where each label goes: beside, above or below its point, inside the plot and clear of the others; null if nowhere, since
  // the legend has it too. points: [{x, y, lines}], in units of the axes; plot: {x: limits, y: limits, width, height}.
  const placed = (points, plot) => {
    const pixel = (value, [low, high], length) => (value - low) / (high - low) * length, GAP = 8;
    const centres = points.map(({ x, y }) => [pixel(x, plot.x, plot.width), pixel(y, plot.y, plot.height)]);
    const taken = centres.map(([x, y]) => [x - GAP, y - GAP, x + GAP, y + GAP]);
    const isFree = ([left, low, right, high]) => left >= 0 && low >= 0 && right <= plot.width && high <= plot.height && !taken.some((box) => left < box[2] && right > box[0] && low < box[3] && high > box[1]);
    return points.map(({ lines }, i) => {
      const [x, y] = centres[i], w = LETTER * Math.max(...lines.map((line) => line.length)), h = LINE * lines.length;
      const boxes = {
        "top center": [x - w / 2, y + GAP, x + w / 2, y + GAP + h], "middle right": [x + GAP, y - h / 2, x + GAP + w, y + h / 2],
        "middle left": [x - GAP - w, y - h / 2, x - GAP, y + h / 2], "bottom center": [x - w / 2, y - GAP - h, x + w / 2, y - GAP],
      };
      const place = Object.keys(boxes).find((name) => isFree(boxes[name])) ?? null;
      if (place) taken.push(boxes[place]);
      return place;
    });
  };

  // A kind makes traces and a layout of a chart, for a size in pixels.
  // kinds.lines: {axes: {column: label}, title, lines: [{variant, seed?, trial?, n?, below?: curves that cover it, y, low?, high?, [column]: values}], levels, blank}
  // kinds.clouds: {x: label, title, clouds: [{variant, trials, seeds, x, y, mean: [x, y], ellipse: [[x], [y]], far: [is it far outside of x, of y]}], front: [[x], [y]]}
  // kinds.ranks: {metrics: [label], lines: [{variant, ranks, values}]}
  const kinds = {
    lines(chart, view, isShown, size) {
      const traces = [], xs = [], ys = [];
      for (const [variant, look] of Object.entries(chart.variants)) {
        if (!isShown(variant)) continue;
        const own = chart.lines.filter((line) => line.variant === variant), seeds = own.filter((line) => "seed" in line);
        const thin = { x: [], y: [], text: [], customdata: [] };
        for (const line of seeds) {
          line.y.forEach((y, i) => {
            thin.x.push(line[view.x][i]); thin.y.push(y); thin.customdata.push([line.trial, line.step?.[i]]);
            thin.text.push(`<b>${plain(variant)}</b> seed ${line.seed}${line.done === false ? " (not finished)" : ""}<br>${plain(chart.axes[view.x])}: ${number(line[view.x][i])}<br>value: <b>${number(y)}</b>`);
          });
          for (const values of Object.values(thin)) values.push(null);
        }
        xs.push(...thin.x); ys.push(...thin.y);
        const few = seeds.length === own.length, first = seeds.find((line) => line.done !== false);  // it stands for the mean
        if (seeds.length) traces.push({ ...thin, mode: few ? "lines+markers" : "lines", hoverinfo: "text", line: { color: seen(look.colour, few ? 0.8 : 0.38), width: 1, dash: look.dash }, marker: { color: seen(look.colour), symbol: look.symbol, size: 4 } });
        for (const line of own.filter((other) => !("seed" in other))) {
          const x = line[view.x];
          if (line.low) {
            const known = x.map((_, i) => i).filter((i) => line.low[i] !== null && line.high[i] !== null);
            const low = known.map((i) => view.y === "log" ? Math.max(line.low[i], line.y[i] / 3) : line.low[i]);
            traces.push({ x: [...known.map((i) => x[i]), ...known.map((i) => x[i]).reverse()], y: [...known.map((i) => line.high[i]), ...low.reverse()], mode: "lines", fill: "toself", fillcolor: seen(look.colour, 0.1), line: { width: 0 }, hoverinfo: "skip" });
          }
          xs.push(...x); ys.push(...line.y);
          const customdata = x.map((_, i) => [first?.trial, line.step?.[i]]);
          const text = line.y.map((y, i) => `<b>${plain(variant)}</b>${line.n ? `, mean of ${line.n} seed${line.n > 1 ? "s" : ""}` : ""}<br>${plain(chart.axes[view.x])}: ${number(x[i])}<br>value: <b>${number(y)}</b>${line.low && line.low[i] !== null ? ` [${number(line.low[i])}, ${number(line.high[i])}]` : ""}`);
          traces.push({ x, y: line.y, text, customdata, hoverinfo: "text", mode: "lines+markers", line: { color: seen(look.colour), width: 2.2 + 2 * (line.below ?? 0), dash: look.dash }, marker: { color: seen(look.colour), symbol: hollow(look), size: 7 + 2 * (line.below ?? 0) } });
        }
      }
      const isLog = view.y === "log", limits = range(ys, isLog, (chart.levels ?? []).map((level) => level.value), chart.blank);
      return { traces, layout: layout({ xaxis: axis(chart.axes[view.x], view.xscale, range(xs, view.xscale === "log"), size.width), yaxis: axis(chart.title, view.y, limits, size.height), ...levels(chart, isLog, limits) }) };
    },
    clouds(chart, view, isShown, size) {
      const shownClouds = chart.clouds.filter((cloud) => isShown(cloud.variant)), traces = [];
      const near = (side) => shownClouds.some((cloud) => !cloud.far[side]) ? shownClouds.filter((cloud) => !cloud.far[side]) : shownClouds;
      const xs = near(0).flatMap((cloud) => [...cloud.x, ...cloud.far[1] ? [] : cloud.ellipse[0] ?? []]), ys = near(1).flatMap((cloud) => [...cloud.y, ...cloud.far[0] ? [] : cloud.ellipse[1] ?? []]);
      const across = range(xs, view.xscale === "log"), up = range(ys, view.y === "log"), position = (value, scale) => scale === "log" ? Math.log10(value) : value;
      const texts = shownClouds.map((cloud) => wrapped(cloud.variant.replaceAll(",", ", "), 22));
      const means = shownClouds.map(({ mean: [x, y] }, i) => ({ x: position(x, view.xscale), y: position(y, view.y), lines: texts[i].split("<br>") }));
      const places = placed(means, { x: across, y: up, width: size.width - MARGIN.l - MARGIN.r - LINE, height: size.height - MARGIN.t - MARGIN.b });
      const lines = {}, beyond = means.map(({ x, y }) => [[x, across], [y, up]].map(([value, [low, high]]) => (value > high) - (value < low)));
      const annotations = shownClouds.flatMap((cloud, i) => {
        const [h, v] = beyond[i];
        if (!h && !v) return [];
        const values = cloud.mean.filter((_, side) => beyond[i][side]).map(number).join(", "), inside = (value, [low, high]) => Math.min(Math.max(value, low), high);
        lines[v] = (lines[v] ?? -1) + 1;
        return [{
          x: inside(means[i].x, across), y: inside(means[i].y, up), xanchor: ["left", "center", "right"][h + 1], yanchor: v < 0 ? "bottom" : "top", yshift: (v < 0 ? 1 : -1) * LINE * lines[v], showarrow: false,
          font: { size: 11, color: seen(chart.variants[cloud.variant].colour) }, text: `${["↙↓↘", "← →", "↖↑↗"][v + 1][h + 1]} ${plain(cloud.variant)}: ${values}`,
        }];
      });
      const everyone = shownClouds.length === chart.clouds.length;  // the front is that of all variants
      if (everyone) traces.push({ x: chart.front[0], y: chart.front[1], mode: "lines", line: { color: colour("--faint"), width: 1 }, hoverinfo: "skip" });
      for (const [i, cloud] of shownClouds.entries()) {
        const look = chart.variants[cloud.variant], symbol = hollow(look), values = (x, y) => `<br>${plain(chart.x)}: <b>${number(x)}</b><br>${plain(chart.title)}: <b>${number(y)}</b>`;
        traces.push({
          x: cloud.x, y: cloud.y, mode: "markers", hoverinfo: "text", customdata: cloud.trials.map((trial) => [trial]), marker: { color: seen(look.colour, 0.5), symbol, size: 6 },
          text: cloud.x.map((x, i) => `<b>${plain(cloud.variant)}</b> seed ${cloud.seeds[i]}${values(x, cloud.y[i])}`),
        });
        if (cloud.ellipse.length) traces.push({ x: cloud.ellipse[0], y: cloud.ellipse[1], mode: "lines", line: { color: seen(look.colour), width: 1.2, dash: look.dash }, fill: "toself", fillcolor: seen(look.colour, 0.08), hoverinfo: "skip" });
        const [x, y] = cloud.mean, n = cloud.seeds.length;
        traces.push({ x: [x], y: [y], mode: "markers+text", hoverinfo: "text", text: [places[i] ? texts[i] : ""], textposition: places[i] ?? "top center", textfont: { size: 11, color: seen(look.colour) }, hovertext: [`<b>${plain(cloud.variant)}</b>, mean of ${n} seed${n > 1 ? "s" : ""}${values(x, y)}`], marker: { color: seen(look.colour), symbol, size: 12, line: symbol === look.symbol ? { color: colour("--paper"), width: 1.5 } : { width: 2.5 } } });
      }
      return { traces, layout: layout({ xaxis: axis(chart.x, view.xscale, across, size.width), yaxis: axis(chart.title, view.y, up, size.height), annotations }) };
    },
    ranks(chart, view, isShown, size) {
      const places = chart.metrics.map((_, i) => i), most = chart.lines.length;
      const traces = chart.lines.filter((line) => isShown(line.variant)).map((line) => {
        const look = chart.variants[line.variant], symbol = hollow(look);
        return {
          x: places, y: line.ranks, mode: "lines+markers", hoverinfo: "text", line: { color: seen(look.colour), width: 2, dash: look.dash }, marker: { color: seen(look.colour), symbol, size: 9 },
          text: places.map((i) => `<b>${plain(line.variant)}</b><br>${plain(chart.metrics[i])}: <b>${number(line.values[i])}</b><br>rank ${number(line.ranks[i])} of ${most}`),
        };
      });
      const across = { ...axis("", "linear", [-0.4, chart.metrics.length - 0.6], size.width), tickvals: places, ticktext: chart.metrics.map(plain), tickangle: -35 };
      const down = { ...axis("rank (1: best)", "linear", [most + 0.5, 0.5], size.height), tickvals: Array.from({ length: most }, (_, i) => i + 1) };
      return { traces, layout: layout({ xaxis: across, yaxis: down, margin: { l: 110, r: 30, t: 30, b: 90 } }) };
    },
  };

  const select = (text, options, value, change) => {
    const list = element("select", {}, ...options.map(([name, label]) => element("option", { value: name, textContent: label, selected: name === value })));
    list.addEventListener("change", () => change(list.value));
    return element("label", {}, `${text} `, list);
  };
  const SCALES = [["log", "logarithmic"], ["linear", "linear"]];

  const controls = (chart, view, change) => {
    const set = (name) => (value) => { view[name] = value; change(); }, bar = element("div", { className: "controls" });
    if (chart.axes && Object.keys(chart.axes).length > 1) bar.append(select("against", Object.entries(chart.axes), view.x, set("x")));
    if (chart.kind !== "ranks") bar.append(select("horizontal", SCALES, view.xscale, set("xscale")), select("vertical", SCALES, view.y, set("y")));
    return bar;
  };

  const legend = (chart) => {
    const all = Object.keys(chart.variants), box = element("div", { className: "legend", role: "group", ariaLabel: "Variants" });
    const buttons = all.map((variant) => {
      const look = chart.variants[variant], button = element("button", { type: "button", ariaLabel: variant, title: "Click: hide or show. Shift-click or double click: show this one alone." });
      const swatch = element("span", { className: `swatch ${look.dash}`, ariaHidden: "true" });
      swatch.innerHTML = `<svg viewBox="-6 -6 12 12" class="${look.dash === "solid" ? "filled" : "hollow"}"><path d="${OUTLINES[look.symbol]}"/></svg>`;
      button.append(swatch, labelled(variant));
      button.addEventListener("click", (event) => event.shiftKey ? variants.isolate(variant, all) : variants.toggle(variant));
      button.addEventListener("dblclick", () => variants.isolate(variant, all));
      return button;
    });
    const reset = element("button", { type: "button", className: "reset", textContent: "show all" });
    reset.addEventListener("click", () => { variants.showAll(); buttons[0]?.focus(); });
    const update = () => {
      buttons.forEach((button, i) => { button.ariaPressed = String(!variants.hidden.has(all[i])); button.firstChild.style.setProperty("--swatch", seen(chart.variants[all[i]].colour)); });
      reset.hidden = !all.some((variant) => variants.hidden.has(variant));
    };
    box.append(...buttons, reset);
    return { box, update };
  };

  const setUp = (box, chart) => {
    const place = box.querySelector(".plot"), key = `axes ${box.closest("section").id}`;
    const view = { x: Object.keys(chart.axes ?? {})[0], xscale: "log", y: "log", ...chart.view, ...state.get(key, {}) };
    if (chart.axes && !(view.x in chart.axes)) view.x = Object.keys(chart.axes)[0];
    const { box: buttons, update } = legend(chart);
    let drawn = false;
    const draw = async () => {
      update();
      if (!drawn) return;
      try {
        const Plotly = await plotly(), { traces, layout: design } = kinds[chart.kind](chart, view, (variant) => !variants.hidden.has(variant), { width: place.clientWidth, height: place.clientHeight });
        const isNew = !place.classList.contains("js-plotly-plot");
        await Plotly.react(place, traces, design, { responsive: true, displaylogo: false, modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"] });
        if (!isNew) return;
        const pick = ([trial, step] = []) => trial && picked.dispatchEvent(new CustomEvent("pick", { detail: { box, trial, step } }));
        let clicked = -Infinity;
        place.on("plotly_click", ({ points: [point] }) => {  // a tap is two clicks, perhaps on two points
          if (performance.now() - clicked < TAP) return;
          clicked = performance.now();
          pick(point.customdata);
        });
        points.setUp(place, Plotly, pick);
        place.on("plotly_relayout", (change) => {  // after zooming, the ticks of the whole range are too few
          const zoomed = ["xaxis", "yaxis"].filter((name) => `${name}.range[0]` in change);
          if (zoomed.length) Plotly.relayout(place, Object.fromEntries(zoomed.flatMap((name) => [[`${name}.tickvals`, null], [`${name}.ticktext`, null], [`${name}.tickmode`, "auto"]])));
        });
      } catch (error) {
        box.classList.add("static");
        console.error(error);
      }
    };
    box.prepend(controls(chart, view, () => { state.set(key, view); draw(); }));
    place.after(buttons);
    variants.changed.addEventListener("change", draw);
    dark.addEventListener("change", draw);
    update();
    const observer = new IntersectionObserver((entries) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      observer.disconnect();
      drawn = true;
      draw();
    }, { rootMargin: "600px" });
    observer.observe(box);
  };
  return { picked, setUp };
})();
