// SPDX-License-Identifier: Apache-2.0
// The pages around the items. Each shows itself and resolves with what the rater chose.
"use strict";

// Replace the page. The heading takes the focus, so that screen readers and the Tab key begin there.
function show(title, ...children) {
  const page = document.getElementById("page");
  page.className = "";
  const heading = make("h1", { tabIndex: -1 }, title);
  page.replaceChildren(heading, ...children.filter((child) => child));
  heading.focus();
  window.scrollTo(0, 0);
}

function button(key, onclick, isMain = false) {
  return make("button", { type: "button", className: isMain ? "main" : "", onclick }, say(key));
}

const row = (...children) => make("div", { className: "row" }, ...children);
const text = (words, className = "") => make("p", { className }, words);

const Pages = {
  // Resolves with {agrees, slot}.
  consent(slots) {
    return new Promise((done) => {
      const draw = () => {
        const choice = make("select", { onchange: () => (Language.use(choice.value), draw()) });
        const names = new Map(Config.languages.map((one) => [one, new Intl.DisplayNames([one], { type: "language" }).of(one)]));
        for (const [value, name] of names) {
          choice.append(make("option", { value, lang: value, selected: value === Language.current }, name));
        }
        const number = make("input", { type: "text", inputMode: "numeric", maxLength: 6, autocomplete: "off" });
        const chosen = () => slots.find((_slot, n) => n + 1 === Number(number.value)) ?? null;
        show(
          Config.title,
          Config.languages.length > 1 ? make("label", { className: "field" }, `${say("language")} `, choice) : null,
          make("h2", {}, say("consent_title")),
          make("div", { className: "text" }, inLanguage(Config.texts.consent)),
          slots.length > 1 ? make("label", { className: "field" }, say("number_label", { count: slots.length }), number) : null,
          Store.isDurable ? null : text(say("not_kept"), "notice problem"),
          row(button("consent_agree", () => done({ agrees: true, slot: chosen() }), true),
            button("consent_decline", () => done({ agrees: false, slot: null }))),
        );
      };
      draw();
    });
  },

  // Count tones. Resolves with {passed, tries}.
  sound() {
    return new Promise((done) => {
      let count = randomInteger(3, 7);
      let tries = 0;
      const audio = make("audio", { preload: "auto" });
      const problem = make("p", { className: "notice problem", role: "alert", hidden: true });
      const input = make("input", { type: "text", inputMode: "numeric", maxLength: 3, autocomplete: "off" });
      const play = () => {
        if (audio.src) URL.revokeObjectURL(audio.src);
        audio.src = URL.createObjectURL(tones(count));
        audio.play().catch(() => {
          problem.textContent = say("blocked");
          problem.hidden = false;
        });
      };
      const submit = (event) => {
        event.preventDefault();
        if (input.value.trim() === "") return input.focus();
        tries += 1;
        if (Number(input.value) === count) {
          audio.pause();
          return done({ passed: true, tries });
        }
        const before = count;
        while (count === before) count = randomInteger(3, 7);
        problem.textContent = say("sound_wrong");
        problem.hidden = false;
        input.value = "";
        return input.focus();
      };
      show(
        say("sound_title"),
        text(say("sound_text")),
        row(button("sound_play", play)),
        make("form", { onsubmit: submit },
          make("label", { className: "field" }, say("sound_label"), input),
          problem,
          row(make("button", { className: "main" }, say("check")), button("sound_none", () => done({ passed: false, tries })))),
      );
    });
  },

  // Play a film of the study without sound. Resolves with what was measured, or {passed: false}.
  picture(name) {
    return new Promise((done) => {
      const small = make("p", { className: "notice" });
      const measure = () => {
        const [width, height] = [window.innerWidth, window.innerHeight];
        small.hidden = width >= 700 && height >= 450;
        small.textContent = say("picture_small", { width, height });
      };
      const verdict = make("p", { className: "notice", role: "status", hidden: true });
      const next = button("continue", () => leave(true), true);
      next.disabled = true;
      let stage = null; // it reports before it is made
      stage = new Stage({
        clips: [name],
        isMuted: true,
        onChange: () => {
          const clip = stage?.clips[0];
          if (!clip || !next.disabled || !(clip.isWatched() || clip.video.currentTime >= 4)) return;
          const isGood = clip.stalls === 0 && clip.dropped() <= 0.05 * (clip.video.getVideoPlaybackQuality?.().totalVideoFrames ?? 0);
          verdict.textContent = say(isGood ? "picture_good" : "picture_bad");
          verdict.hidden = false;
          next.disabled = false;
        },
        onProblem: (words) => {
          verdict.textContent = words;
          verdict.hidden = !words;
        },
      });
      const leave = (passed) => {
        const { stalls, dropped_frames } = stage.measures();
        const frames = stage.clips[0].video.getVideoPlaybackQuality?.().totalVideoFrames ?? 0;
        stage.remove();
        removeEventListener("resize", measure);
        done({ passed, frames, dropped_frames, stalls, viewport: [window.innerWidth, window.innerHeight],
          pixel_ratio: window.devicePixelRatio });
      };
      addEventListener("resize", measure);
      measure();
      show(say("picture_title"), text(say("picture_text")), small, stage.element, verdict,
        row(next, button("picture_none", () => leave(false))));
      stage.prepare(() => {}).catch(() => {
        verdict.textContent = say("missing");
        verdict.hidden = false;
      });
    });
  },

  instructions() {
    return new Promise((done) => {
      show(say("instructions_title"), make("div", { className: "text" }, inLanguage(Config.texts.instructions)),
        text(say("watch_first")), text(say("instructions_keys"), "quiet"), row(button("start", done, true)));
    });
  },

  sending(record) {
    const problem = make("div", { hidden: !Delivery.isFailing }, text(say("send_failed"), "notice problem"),
      row(button("download", () => Delivery.download(record))));
    Delivery.onChange = () => (problem.hidden = !Delivery.isFailing);
    show(say("thanks_title"), make("p", { role: "status" }, say("sending")), problem);
  },

  thanks(record, said, onAnother) {
    const isFile = Config.mode === "file" && !Config.post_url;
    const another = button("another", onAnother);
    another.disabled = isFile; // the file comes first: the next person's page does not offer it
    const save = button("download", () => Delivery.download(record).then(() => (another.disabled = false)), true);
    show(
      say("thanks_title"),
      text(say(isFile ? "thanks_file" : "thanks_text")),
      isFile ? row(save) : null,
      said.code ? make("div", {}, text(say("code")), text(said.code, "code")) : null,
      said.code && record.platform === "prolific" ? this.prolific(said.code) : null,
      isFile || said.code ? null : text(say("close")),
      Config.mode === "file" ? row(another) : null,
    );
  },

  prolific(code) {
    const href = `https://app.prolific.com/submissions/complete?cc=${encodeURIComponent(code)}`;
    return row(make("a", { href, className: "link" }, say("back")));
  },

  // The server does not take some answers: they are not thrown away.
  undelivered(record, reason) {
    show(say("thanks_title"), text(say("error", { reason }), "notice problem"), text(say("thanks_file")),
      row(button("download", () => Delivery.download(record), true)));
  },

  // A page that ends the visit, with a code where the platform wants one.
  end(title, words, said = {}, platform = "") {
    show(title, text(words), said.code ? make("div", {}, text(say("code")), text(said.code, "code")) : null,
      said.code && platform === "prolific" ? this.prolific(said.code) : null);
  },

  otherTab() {
    return new Promise((done) => {
      const timer = setInterval(() => !Tabs.isTaken() && leave(), 300);
      const leave = () => {
        clearInterval(timer);
        done();
      };
      show(Config.title, text(say("other_tab"), "notice"), row(button("here", leave, true)));
    });
  },
};

// A sound file of `count` tones, made here, so that no file name or source says how many there are.
function tones(count) {
  const [rate, tone_s, step_s] = [22050, 0.25, 0.6];
  const length = Math.ceil(rate * (0.3 + step_s * count));
  const bytes = new DataView(new ArrayBuffer(44 + 2 * length));
  const write = (at, words) => [...words].forEach((letter, n) => bytes.setUint8(at + n, letter.charCodeAt(0)));
  write(0, "RIFF");
  bytes.setUint32(4, 36 + 2 * length, true);
  write(8, "WAVEfmt ");
  [[16, 16, 4], [20, 1, 2], [22, 1, 2], [24, rate, 4], [28, 2 * rate, 4], [32, 2, 2], [34, 16, 2]].forEach(([at, value, size]) =>
    size === 4 ? bytes.setUint32(at, value, true) : bytes.setUint16(at, value, true));
  write(36, "data");
  bytes.setUint32(40, 2 * length, true);
  for (let n = 0; n < length; n += 1) {
    const time_s = n / rate - 0.2;
    const [index, in_step_s] = [Math.floor(time_s / step_s), time_s % step_s];
    const isTone = time_s >= 0 && index < count && in_step_s < tone_s;
    const envelope = Math.min(1, in_step_s / 0.02, (tone_s - in_step_s) / 0.02);
    bytes.setInt16(44 + 2 * n, isTone ? 9000 * envelope * Math.sin(2 * Math.PI * 660 * time_s) : 0, true);
  }
  return new Blob([bytes.buffer], { type: "audio/wav" });
}
