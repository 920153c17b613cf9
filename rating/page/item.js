// SPDX-License-Identifier: Apache-2.0
// The page of one item: watch every clip, answer, go on. Resolves with the vote.
"use strict";

function itemTitle(trial, trials) {
  const alike = trials.filter((one) => one.training === trial.training);
  return say(trial.training ? "practice" : "item", { n: alike.indexOf(trial) + 1, count: alike.length });
}

class Item {
  constructor(state, trial) {
    Object.assign(this, { state, trial, opened_ms: null });
    this.question = Config.questions.find((one) => one.id === trial.question);
  }

  run() {
    return new Promise((done) => {
      this.done = done;
      this.draw();
    });
  }

  draw() {
    const { trial } = this;
    this.status = make("p", { className: "quiet", role: "status" });
    this.problem = make("div", { role: "alert" });
    this.connection = make("p", { className: "notice problem", role: "status", hidden: true }, say("send_failed"));
    this.stage = new Stage({
      clips: trial.clips,
      isMuted: !this.question.sound,
      prompt: trial.check ? inLanguage(trial.check.prompt) : "",
      spoken: trial.check ? inLanguage(trial.check.spoken) : "",
      onChange: () => this.update(),
      onProblem: (words) => this.problem.replaceChildren(words ? text(words, "notice problem") : ""),
    });
    this.answer = Answers.for(trial, () => this.update());
    this.controls = make("fieldset", { disabled: true, className: "answers" }, this.answer.element);
    this.next = make("button", { className: "main", disabled: true }, say("next"));
    const submit = (event) => {
      event.preventDefault();
      if (!this.next.disabled) this.leave(this.answer.value());
    };
    const trials = this.state.trials;
    const progress = make("progress", { max: trials.length, value: trials.indexOf(trial), "aria-label": itemTitle(trial, trials) });
    show(inLanguage(this.question.text), this.problem, this.stage.element,
      make("form", { onsubmit: submit }, this.controls, make("div", { className: "foot" }, this.status, this.next)), this.connection);
    const page = document.getElementById("page");
    page.className = "wide";
    const where = `${itemTitle(trial, trials)} · ${say(this.question.sound ? "sound_on" : "sound_off")}`;
    page.prepend(make("div", { className: "head" }, make("span", { className: "quiet" }, where), progress));
    Delivery.onChange = () => (this.connection.hidden = !Delivery.isFailing);
    Delivery.onChange();
    this.load();
  }

  async load() {
    const trials = this.state.trials;
    const position = trials.indexOf(this.trial);
    this.isReady = false;
    this.setPlayable(false);
    const report = (share) => (this.status.textContent = say("loading", { percent: Math.floor(100 * Math.min(1, share)) }));
    report(0);
    try {
      for (let attempt = 1; ; attempt += 1) {
        try {
          await this.stage.prepare(report);
          break;
        } catch (error) {
          if (attempt === 3) throw error;
          await later(700 * attempt);
        }
      }
      this.isReady = true;
      this.setPlayable(true);
      this.update();
      Films.prepare(trials.slice(position, position + 3));
    } catch (error) {
      this.fail(error.message);
    }
  }

  setPlayable(isPlayable) {
    for (const one of [...this.stage.buttons, this.stage.together]) if (one) one.disabled = !isPlayable;
  }

  update() {
    if (!this.next || !this.isReady) return;
    if (this.stage.clips.some((clip) => clip.hasFailed)) {
      this.fail("the film could not be played");
      return;
    }
    const isOpen = this.opened_ms !== null;
    if (!isOpen && this.stage.isWatched()) {
      this.opened_ms = performance.now();
      this.controls.disabled = false;
    }
    const words = say(this.opened_ms === null ? "watch_first" : "answer_now");
    if (this.status.textContent !== words) this.status.textContent = words;
    this.next.disabled = this.opened_ms === null || this.answer.value() === null;
  }

  // A film is missing or damaged: say so, and let the rater decide.
  fail(reason) {
    this.isReady = false;
    this.setPlayable(false);
    this.reason = reason;
    this.status.textContent = "";
    const again = () => {
      for (const clip of this.stage.clips) {
        Films.loading.delete(clip.name);
        Films.addresses.delete(clip.name);
      }
      this.stage.remove();
      this.draw();
    };
    this.problem.replaceChildren(text(say("missing"), "notice problem"),
      row(button("again", again, true), button("skip", () => this.leave(null))));
  }

  leave(answer) {
    const { state, trial } = this;
    const measures = this.stage.measures();
    if (answer === null) measures.problems.push(`missing: ${this.reason}`.slice(0, 200));
    this.stage.remove();
    this.done({
      plan: Config.plan,
      session: state.session,
      slot: state.slot,
      trial: trial.index,
      question: trial.question,
      clips: trial.clips,
      answer,
      response_ms: this.opened_ms === null ? null : Math.round(performance.now() - this.opened_ms),
      ...measures,
      viewport: [window.innerWidth, window.innerHeight],
      utc: new Date().toISOString(),
    });
  }
}
