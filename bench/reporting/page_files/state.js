// What a reader has changed (hidden variants, axes, order of rows) survives a reload of the page in its tab.
const state = (() => {
  const key = `bench.report ${location.pathname}`;
  let saved = {};
  try { saved = JSON.parse(sessionStorage.getItem(key)) ?? {}; } catch { /* storage may be switched off */ }
  return {
    get: (name, otherwise) => saved[name] ?? otherwise,
    set: (name, value) => {
      saved[name] = value;
      try { sessionStorage.setItem(key, JSON.stringify(saved)); } catch { /* storage may be switched off */ }
    },
  };
})();

// A label breaks between its settings, not inside them.
const labelled = (label) => element("code", {}, ...label.split(/(?<=[[,|])(?! )/).map((part) => element("span", { className: "part", textContent: part })));

const element = (tag, attributes = {}, ...children) => {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) name in made && name !== "list" ? made[name] = value : made.setAttribute(name, value);
  made.append(...children);
  return made;
};

// Variants that are hidden, in all charts of the page alike.
const variants = {
  hidden: new Set(state.get("hidden", [])),
  changed: new EventTarget(),
  toggle(variant) { this.hidden.has(variant) ? this.hidden.delete(variant) : this.hidden.add(variant); this.tell(); },
  isolate(variant, all) {
    const isAlone = all.every((other) => this.hidden.has(other) === (other !== variant));
    for (const other of all) isAlone || other === variant ? this.hidden.delete(other) : this.hidden.add(other);
    this.tell();
  },
  showAll() { this.hidden.clear(); this.tell(); },
  tell() { state.set("hidden", [...this.hidden]); this.changed.dispatchEvent(new Event("change")); },
};
