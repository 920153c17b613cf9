// SPDX-License-Identifier: Apache-2.0
// One film on the page: played by buttons only, never ahead of what was watched, and measured while it plays.
"use strict";

const COVERAGE_NEEDED = 0.95;
// The sound of a file may be a little longer than its pictures.
const TAIL_S = 0.1;
const AHEAD_S = 0.3;
const LOAD_MS = 8000;

class Clip {
  constructor({ name, label, isMuted, prompt, spoken, onChange }) {
    Object.assign(this, { name, label, spoken, onChange });
    this.plays = 0;
    this.stalls = 0;
    this.problems = [];
    this.hasFailed = false;
    this.isSeeking = false;
    const video = make("video", { muted: isMuted, playsInline: true, controls: false, preload: "auto", tabIndex: -1 });
    video.setAttribute("playsinline", "");
    video.setAttribute("aria-label", label);
    video.disablePictureInPicture = true;
    video.disableRemotePlayback = true;
    this.video = video;
    this.bar = make("progress", { max: 1, value: 0, "aria-label": say("watched", { clip: label }) });
    this.caption = make("figcaption", {}, label ? make("strong", {}, label) : null, this.bar);
    this.over = prompt ? make("p", { className: "over", hidden: true }, prompt) : null;
    this.figure = make("figure", {}, make("div", { className: "screen" }, video, this.over), this.caption);
    this.listen();
  }

  listen() {
    const { video } = this;
    video.addEventListener("contextmenu", (event) => event.preventDefault());
    video.addEventListener("timeupdate", () => {
      // A check comes in the second quarter, so that only those who watch notice it.
      if (this.over && video.currentTime > video.duration / 4) this.ask();
      this.update();
    });
    for (const kind of ["play", "pause", "ended"]) video.addEventListener(kind, () => this.update());
    video.addEventListener("seeking", () => {
      const limit = this.furthest() + AHEAD_S;
      if (video.currentTime > limit) video.currentTime = this.furthest();
    });
    video.addEventListener("ratechange", () => {
      if (video.playbackRate !== 1) video.playbackRate = 1;
    });
    video.addEventListener("waiting", () => {
      if (!video.paused && video.currentTime > 0) this.stalls += 1;
    });
    video.addEventListener("error", () => {
      this.hasFailed = true;
      this.problems.push(`error ${video.error ? video.error.code : 0}`);
      this.onChange();
    });
  }

  // Show the prompt of a check, or speak it over the lowered sound; where speaking fails it is shown.
  async ask() {
    const { over } = this;
    if (!this.spoken) {
      over.hidden = false;
      return;
    }
    if (this.isSpeaking) return;
    this.isSpeaking = true;
    try {
      const audio = make("audio", { src: await Films.get(this.spoken) });
      audio.addEventListener("ended", () => {
        this.video.volume = 1;
        this.isSpeaking = false;
      });
      this.video.volume = 0.2;
      await audio.play();
    } catch {
      this.video.volume = 1;
      over.hidden = false;
    }
  }

  // Resolves when the film can be played to its end without waiting.
  async prepare(onProgress) {
    const address = await Films.get(this.name, onProgress);
    await new Promise((done, failed) => {
      this.video.addEventListener("canplaythrough", done, { once: true });
      setTimeout(done, LOAD_MS); // phones that save data load nothing before the first touch
      this.video.addEventListener("error", () => failed(new Error("unreadable film")), { once: true });
      this.video.src = address;
      this.video.load();
    });
  }

  // End of what was watched from the beginning without a gap, in seconds.
  furthest() {
    const { played } = this.video;
    return played.length && played.start(0) < TAIL_S ? played.end(0) : 0;
  }

  // Share of the film that was played: the union of the ranges, which a seek to the end does not fill.
  coverage() {
    const { played, duration } = this.video;
    if (!duration) return 0;
    let watched_s = 0;
    for (let n = 0; n < played.length; n += 1) watched_s += played.end(n) - played.start(n);
    return Math.min(1, watched_s / Math.max(duration - TAIL_S, 0.1));
  }

  isWatched() {
    return this.coverage() >= COVERAGE_NEEDED;
  }

  dropped() {
    const quality = this.video.getVideoPlaybackQuality?.();
    return quality ? quality.droppedVideoFrames : 0;
  }

  // Start or go on; throws where the browser does not let it.
  async play() {
    const { video } = this;
    if (video.ended) video.currentTime = 0;
    const isStart = video.ended || video.currentTime < 0.05;
    await video.play();
    if (isStart) this.plays += 1;
  }

  pause() {
    this.video.pause();
  }

  isPlaying() {
    return !this.video.paused && !this.video.ended;
  }

  update() {
    this.bar.value = this.coverage();
    this.caption.classList.toggle("full", this.isWatched());
    this.onChange();
  }

  remove() {
    this.video.pause();
    this.video.removeAttribute("src");
    this.video.load();
  }
}
