// SPDX-License-Identifier: Apache-2.0
// The course of a visit: which page comes next, kept so that a reload or a crash continues at the same place.
"use strict";

const PLATFORMS = { prolific: "PROLIFIC_PID", mturk: "workerId" };

const Session = {
  key: "",
  state: null,

  // Who the platform says is here. The parameters leave the address bar once they are kept.
  visitor() {
    const query = Config.mode === "jatos" ? new URLSearchParams(jatos.urlQueryParameters) : new URLSearchParams(location.search);
    const platform = Object.keys(PLATFORMS).find((name) => query.get(PLATFORMS[name])) ?? "";
    return {
      platform,
      participant: platform ? query.get(PLATFORMS[platform]).slice(0, 200) : "",
      language: query.get("lang"),
      slot: query.get("slot"),
      isPreview: query.get("assignmentId") === "ASSIGNMENT_ID_NOT_AVAILABLE",
    };
  },

  async begin() {
    const visitor = this.visitor();
    Language.choose(visitor.language);
    if (visitor.isPreview) return Pages.end(Config.title, say("preview"));
    await Store.open(`rating-${Config.pack}`);
    if (Tabs.isTaken()) await Pages.otherTab();
    Tabs.take(() => this.stop());
    const last = await Store.load("last");
    this.key = this.keyOf(visitor) ?? last?.key ?? randomHex(8);
    await Store.save("last", { key: this.key });
    if (Store.isDurable && location.search && Config.mode === "server") history.replaceState(null, "", location.pathname);
    this.state = (await Store.load(this.key)) ?? (await this.fresh(visitor));
    if (this.state.language) Language.use(this.state.language);
    this.state.visits += 1;
    await this.keep();
    return this.run();
  },

  // Whom the kept state belongs to; null for the last one of this browser. Each run of JATOS is another rater's.
  keyOf({ platform, participant }) {
    if (platform) return `${platform}|${participant}`;
    return Config.mode === "jatos" ? `jatos|${jatos.studyResultId}` : null;
  },

  async fresh(visitor) {
    const state = {
      session: randomHex(16),
      stage: "consent",
      platform: visitor.platform,
      participant: visitor.participant,
      wanted_slot: visitor.slot,
      trials: [],
      done: [],
      checks: {},
      consent: null,
      started: new Date().toISOString(),
      finished: null,
      status: "partial",
      visits: 0,
      said: {},
    };
    if (Config.mode === "server" && visitor.platform) {
      const { platform, participant } = visitor;
      const known = await Delivery.insist("api/resume", { platform, participant });
      if (known.session) Object.assign(state, known, { stage: known.status === "partial" ? "sound" : "end" });
    }
    return state;
  },

  keep() {
    return Tabs.mine() ? Store.save(this.key, this.state) : Promise.resolve();
  },

  stop() {
    this.isStopped = true;
    Pages.end(Config.title, say("moved"));
    document.querySelectorAll("video, audio").forEach((media) => media.pause());
  },

  async enter(stage) {
    this.state.stage = stage;
    await this.keep();
  },

  async run() {
    Delivery.flush(this.record());
    while (!this.isStopped && this.state.stage !== "end") await this[this.state.stage]();
    if (!this.isStopped) await this.end();
  },

  async consent() {
    const { state } = this;
    const slots = Config.mode === "file" && !state.wanted_slot ? Config.slots : [];
    const { agrees, slot } = await Pages.consent(slots);
    if (this.isStopped) return;
    state.language = Language.current;
    if (!agrees) {
      state.status = "no-consent";
      await this.enter("end");
      return;
    }
    state.consent = { sha256: Config.consent_sha256[Language.current], utc: new Date().toISOString() };
    if (!(await this.lease(slot))) return;
    Films.prepare(state.trials.slice(0, 2));
    await this.enter("sound");
  },

  // Get a slot of the plan: from the server, or chosen here.
  async lease(slot) {
    const { state } = this;
    if (Config.mode !== "server") {
      const wanted = Config.slots.find((one) => one.id === state.wanted_slot);
      const counted = Config.mode === "jatos" ? Number(jatos.studyResultId) % Config.slots.length : randomInteger(0, Config.slots.length - 1);
      const chosen = slot ?? wanted ?? Config.slots[counted];
      Object.assign(state, { slot: chosen.id, trials: chosen.trials });
      return true;
    }
    try {
      Object.assign(state, await Delivery.insist("api/session", this.record()));
    } catch (error) {
      const words = { full: say("full"), closed: say("closed") }[error.message] ?? say("error", { reason: error.message });
      this.isStopped = true;
      Pages.end(Config.title, words);
      return false;
    }
    return true;
  },

  async sound() {
    if (Config.questions.some((question) => question.sound)) {
      this.state.checks.sound = await Pages.sound();
      if (!this.state.checks.sound.passed) return this.fail();
    }
    return this.enter("picture");
  },

  async picture() {
    this.state.checks.picture = await Pages.picture(this.state.trials[0].clips[0]);
    if (!this.state.checks.picture.passed) return this.fail();
    return this.enter("instructions");
  },

  fail() {
    this.state.status = "failed";
    return this.enter("end");
  },

  async instructions() {
    await Pages.instructions();
    await this.enter("items");
  },

  async items() {
    const { state } = this;
    const trial = state.trials.find((one) => !state.done.includes(one.index));
    if (!trial) {
      state.status = "complete";
      state.finished = new Date().toISOString();
      await this.enter("end");
      return;
    }
    const vote = await new Item(state, trial).run();
    if (this.isStopped || !Tabs.mine()) return;
    state.done.push(trial.index);
    await Store.saveVote(this.key, state, vote);
    Delivery.flush(this.record());
  },

  // What is known of the session, as the owner's files have it.
  record() {
    const { session, platform, participant, language, consent, checks, started, finished, status, visits } = this.state;
    return {
      session, plan: Config.plan, pack: Config.pack, slot: this.state.slot ?? null, platform, participant, language,
      browser: browserName(), os: systemName(), consent, checks: { ...checks, visits }, started, finished, status,
    };
  },

  async end() {
    const { state } = this;
    // A second run of JATOS by one participant has a separate result, which is given the answers too.
    if (!state.isDelivered || Config.mode === "jatos") {
      if (state.status === "complete") Pages.sending(this.record());
      if (state.status === "complete" || Config.mode === "server") {
        try {
          state.said = await Delivery.finish(this.record());
          state.isDelivered = true;
        } catch (error) {
          return Pages.undelivered(this.record(), error.message);
        }
        await this.keep();
      }
    }
    if (state.status === "no-consent") return Pages.end(Config.title, say("declined"), state.said, state.platform);
    if (state.status === "failed") return Pages.end(say("failed_title"), say("failed_text"), state.said, state.platform);
    if (state.status !== "complete") return Pages.end(Config.title, say("closed"));
    Pages.thanks(this.record(), state.said, () => this.another());
    return Config.mode === "jatos" ? jatos.endStudy() : null;
  },

  // Answers of the person before stay in the browser's storage under their session.
  async another() {
    await Store.forget("last");
    location.reload();
  },
};

function browserName() {
  const found = /(Firefox|Edg|OPR|Chrome|Version)\/(\d+)/.exec(navigator.userAgent.replace(/Chrome\/(\d+)(?=.*(Edg|OPR)\/)/, ""));
  return found ? `${{ Version: "Safari", Edg: "Edge", OPR: "Opera" }[found[1]] ?? found[1]} ${found[2]}` : "other";
}

function systemName() {
  const found = /(Android|iPhone|iPad|Windows|Mac OS X|CrOS|Linux)/.exec(navigator.userAgent);
  return found ? found[1] : "other";
}

addEventListener("DOMContentLoaded", () => {
  const start = () => Session.begin().catch((error) => Pages.end(Config.title, say("error", { reason: error.message })));
  if (Config.mode === "jatos") jatos.onLoad(start);
  else start();
});
