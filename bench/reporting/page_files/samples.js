// Samples over training. Two trials stand side by side, at one moment; a click on a point of a chart shows that trial's.
// kind "samples": {trainings: [{variant, seed, trial, pictures: {step: image}}]}
const samples = (() => {
  const viewers = [];
  const nearest = (training, step) => {
    const steps = Object.keys(training.pictures).map(Number);
    if (step === Infinity) return Math.max(...steps);
    return steps.reduce((best, other) => Math.abs(other - step) < Math.abs(best - step) ? other : best);
  };
  const picture = (training, step) => {
    const shown = nearest(training, step);
    const name = `${training.variant} seed ${training.seed}`, image = element("img", { src: training.pictures[shown], alt: `samples of ${name} at step ${shown}` });
    return element("figure", {}, image, element("figcaption", {}, labelled(training.variant), ` seed ${training.seed}, step ${shown.toLocaleString("en")}`));
  };

  const viewer = (box, chart) => {
    const key = `samples ${box.closest("section").id}`, trainings = chart.trainings, place = box.querySelector(".plot");
    const steps = [...new Set(trainings.flatMap((training) => Object.keys(training.pictures).map(Number)))].sort((a, b) => a - b);
    const other = trainings.find((training) => training.variant !== trainings[0].variant) ?? trainings.at(-1);
    const view = { left: trainings[0].trial, right: other.trial, moment: steps.length - 1, ...state.get(key, {}) };
    const find = (trial) => trainings.find((training) => training.trial === trial) ?? trainings[0];
    const slider = element("input", { type: "range", min: 0, max: steps.length - 1, step: 1, ariaLabel: "Moment of the training" });
    const output = element("output"), sides = {};
    const draw = () => {
      view.moment = Math.min(view.moment, steps.length - 1);
      slider.value = view.moment;
      output.textContent = `step ${steps[view.moment].toLocaleString("en")}`;
      slider.setAttribute("aria-valuetext", output.textContent);
      for (const [side, { list, shown }] of Object.entries(sides)) {
        list.value = find(view[side]).trial;
        shown.replaceChildren(picture(find(view[side]), steps[view.moment]));
      }
      state.set(key, view);
    };
    slider.addEventListener("input", () => { view.moment = Number(slider.value); draw(); });
    const columns = ["left", "right"].map((side) => {
      const list = element("select", { ariaLabel: `Trial on the ${side}` }, ...trainings.map((t) => element("option", { value: t.trial, textContent: `${t.variant} seed ${t.seed}` })));
      list.addEventListener("change", () => { view[side] = list.value; draw(); });
      sides[side] = { list, shown: element("div") };
      return element("div", { className: "side" }, list, sides[side].shown);
    });
    place.classList.add("samples");
    place.removeAttribute("role");
    place.replaceChildren(element("div", { className: "controls moment" }, slider, output), element("div", { className: "sides" }, ...columns));
    draw();
    viewers.push({ trainings, show: (trial, step) => { view.left = trial; if (step) view.moment = steps.indexOf(nearest(find(trial), step)); draw(); } });
  };

  // The last two trials that were clicked stay below the chart.
  charts.picked.addEventListener("pick", ({ detail: { box, trial, step } }) => {
    for (const { trainings, show } of viewers) {
      const training = trainings.find((each) => each.trial === trial);
      if (!training) continue;
      let panel = box.querySelector(".picked");
      if (!panel) box.append(panel = element("div", { className: "picked", ariaLive: "polite" }));
      panel.append(picture(training, step ?? Infinity));
      while (panel.children.length > 2) panel.firstChild.remove();
      show(trial, step);
      return;
    }
  });
  return { viewer };
})();
