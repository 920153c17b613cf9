// SPDX-License-Identifier: Apache-2.0
// The clips of one item with their buttons: one plays at a time, or two silent ones together.
"use strict";

class Stage {
  constructor({ clips, isMuted, prompt, spoken, onChange, onProblem }) {
    Object.assign(this, { onChange, onProblem });
    this.hidden = 0;
    this.clips = clips.map((name, n) => {
      const label = clips.length > 1 ? String.fromCharCode(65 + n) : "";
      const asked = n === 0 ? { prompt, spoken } : {};
      return new Clip({ name, label, isMuted, ...asked, onChange: () => this.update() });
    });
    this.buttons = this.clips.map((clip) => make("button", { type: "button", onclick: () => this.toggle([clip]) }));
    this.clips.forEach((clip, n) => clip.caption.append(this.buttons[n]));
    this.together = null;
    if (isMuted && clips.length === 2) {
      this.together = make("button", { type: "button", onclick: () => this.toggle(this.clips) });
    }
    const size = clips.length === 1 ? "one" : clips.length > 2 ? "many" : "";
    this.element = make("div", { className: `clips ${size}` }, ...this.clips.map((clip) => clip.figure));
    if (this.together) this.clips[1].caption.append(this.together);
    this.onHidden = () => {
      if (document.hidden) {
        this.hidden += 1;
        this.clips.forEach((clip) => clip.pause());
      }
    };
    document.addEventListener("visibilitychange", this.onHidden);
    this.timer = setInterval(() => this.synchronise(), 100);
    this.update();
  }

  // Load every clip; resolves when all can be played.
  async prepare(onProgress) {
    const shares = this.clips.map(() => 0);
    await Promise.all(
      this.clips.map((clip, n) =>
        clip.prepare((share) => {
          shares[n] = share;
          onProgress(shares.reduce((sum, one) => sum + one, 0) / shares.length);
        }),
      ),
    );
    this.update();
  }

  async toggle(clips) {
    const isPause = clips.every((clip) => clip.isPlaying());
    this.clips.forEach((clip) => clip.pause());
    this.joined = null;
    if (isPause) return;
    if (clips.length > 1) {
      // Both from the beginning, unless both were stopped at the same place.
      const times = clips.map((clip) => clip.video.currentTime);
      if (Math.abs(times[0] - times[1]) > 0.2) clips.forEach((clip) => (clip.video.currentTime = 0));
      this.joined = clips;
    }
    try {
      await Promise.all(clips.map((clip) => clip.play()));
      this.onProblem("");
    } catch (error) {
      clips.forEach((clip) => clip.pause());
      this.joined = null;
      if (error.name !== "AbortError") {
        clips[0].problems.push(error.name);
        this.onProblem(say("blocked"));
      }
    }
  }

  // Two films that play together wait for one another.
  synchronise() {
    if (!this.joined) return;
    const [one, other] = this.joined;
    if (one.video.ended || other.video.ended) return;
    const lead_s = one.video.currentTime - other.video.currentTime;
    const [ahead, behind] = lead_s > 0 ? [one, other] : [other, one];
    if (Math.abs(lead_s) > 0.1 && ahead.isPlaying() && behind.isPlaying()) {
      ahead.isWaiting = true;
      ahead.pause();
    } else if (Math.abs(lead_s) < 0.04) {
      for (const clip of this.joined) {
        if (clip.isWaiting) {
          clip.isWaiting = false;
          clip.play().catch(() => {});
        }
      }
    }
  }

  isWatched() {
    return this.clips.every((clip) => clip.isWatched());
  }

  update() {
    if (!this.buttons) return;
    this.clips.forEach((clip, n) => this.name(this.buttons[n], [clip], clip.label));
    if (this.together) this.name(this.together, this.clips, say("both"));
    this.onChange();
  }

  name(button, clips, clip) {
    const key = clips.every((one) => one.isPlaying() || one.isWaiting) ? "pause"
      : clips.every((one) => one.video.ended) ? "replay" : "play";
    const text = say(key, { clip }).trim();
    if (button.textContent !== text) button.textContent = text;
  }

  measures() {
    return {
      coverage: this.clips.map((clip) => Math.round(1000 * clip.coverage()) / 1000),
      plays: this.clips.map((clip) => clip.plays),
      stalls: this.clips.reduce((sum, clip) => sum + clip.stalls, 0),
      dropped_frames: this.clips.reduce((sum, clip) => sum + clip.dropped(), 0),
      hidden: this.hidden,
      problems: this.clips.flatMap((clip) => clip.problems).slice(0, 20),
    };
  }

  remove() {
    clearInterval(this.timer);
    document.removeEventListener("visibilitychange", this.onHidden);
    this.clips.forEach((clip) => clip.remove());
  }
}
