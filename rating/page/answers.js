// SPDX-License-Identifier: Apache-2.0
// The controls of an answer, by design. Each has `element` and `value()`, which is null until it is complete.
"use strict";

const Answers = {
  for(trial, onChange) {
    if (trial.check) return this.typed(trial.check.answer, onChange);
    if (Config.design === "best-worst") return this.bestWorst(trial, onChange);
    if (Config.design === "sliders") return this.sliders(trial, onChange);
    if (Config.design === "acr") return this.scale([1, 2, 3, 4, 5].map((n) => [n, say(`acr_${n}`)]), onChange);
    const words = Config.points === 5 ? null : { "-1": say("first"), 0: say("pair_0"), 1: say("second") };
    const steps = { 2: [-1, 1], 3: [-1, 0, 1], 5: [-2, -1, 0, 1, 2] }[Config.points];
    return this.scale(steps.map((n) => [n, words ? words[n] : say(`pair_${n}`)]), onChange);
  },

  radios(name, title, options, onChange) {
    const labels = options.map(([value, text]) =>
      make("label", {}, make("input", { type: "radio", name, value, onchange: onChange }), text),
    );
    return make("fieldset", {}, make("legend", {}, title), make("div", { className: "choices" }, ...labels));
  },

  chosen: (element) => element.querySelector("input:checked")?.value ?? null,

  scale(options, onChange) {
    const element = this.radios("answer", say("your_answer"), options, onChange);
    return {
      element,
      value: () => {
        const chosen = this.chosen(element);
        return chosen === null ? null : Number(chosen);
      },
    };
  },

  bestWorst(trial, onChange) {
    const options = trial.clips.map((clip, n) => [clip, String.fromCharCode(65 + n)]);
    const best = this.radios("best", say("best"), options, (event) => this.exclude(worst, event.target.value, onChange));
    const worst = this.radios("worst", say("worst"), options, (event) => this.exclude(best, event.target.value, onChange));
    return {
      element: make("div", {}, best, worst),
      value: () => {
        const answer = { best: this.chosen(best), worst: this.chosen(worst) };
        return answer.best && answer.worst ? answer : null;
      },
    };
  },

  // A clip is not the best and the worst: the later choice counts.
  exclude(element, value, onChange) {
    for (const input of element.querySelectorAll("input:checked")) if (input.value === value) input.checked = false;
    onChange();
  },

  sliders(trial, onChange) {
    const moved = new Set();
    const inputs = trial.clips.map((clip, n) => {
      const label = String.fromCharCode(65 + n);
      const shown = make("output", {}, "–");
      const touch = () => {
        moved.add(clip);
        shown.textContent = input.value;
        onChange();
      };
      const input = make("input", { type: "range", min: 0, max: 100, step: 1, value: 50, oninput: touch, onchange: touch });
      input.setAttribute("aria-label", say("slider", { clip: label }));
      // A slider left in the middle on purpose counts as moved after a key or a click.
      input.addEventListener("keyup", (event) => event.key !== "Tab" && touch());
      input.addEventListener("pointerup", touch);
      return { clip, input, row: make("div", { className: "slider" }, make("strong", {}, label), input, shown) };
    });
    // The five intervals of the scale of ITU-R BS.1534; screen readers have them in the names of the sliders.
    const words = [1, 2, 3, 4, 5].map((n) => make("span", {}, say(`acr_${n}`)));
    const scale = make("div", { className: "slider scale", "aria-hidden": "true" }, make("div", {}, ...words));
    return {
      element: make("fieldset", {}, make("legend", {}, say("your_answer")), scale, ...inputs.map(({ row }) => row)),
      value: () =>
        moved.size < inputs.length ? null
          : Object.fromEntries(inputs.map(({ clip, input }) => [clip, Number(input.value)])),
    };
  },

  // The answer to a check that is no step of the scale: a word, or a number.
  typed(kind, onChange) {
    const inputMode = kind === "number" ? "decimal" : "text";
    const input = make("input", { type: "text", inputMode, maxLength: 80, autocomplete: "off", oninput: onChange });
    const element = make("fieldset", {}, make("legend", {}, say("your_answer")),
      make("label", { className: "field" }, say("typed"), input));
    const value = () => {
      const words = input.value.normalize("NFKC").trim();
      const isNumber = kind === "number" && words !== "" && Number.isFinite(Number(words));
      return isNumber ? Number(words) : words || null;
    };
    return { element, value };
  },
};
