// SPDX-License-Identifier: Apache-2.0
// Only one tab works at a time: it says so twice a second, and stops when another one says so.
"use strict";

const Tabs = {
  FRESH_MS: 2500,
  me: randomHex(8),
  key: `rating-tab-${Config.pack}`,
  timer: 0,

  holder() {
    try {
      return JSON.parse(localStorage.getItem(this.key)) || {};
    } catch {
      return {};
    }
  },

  // Whether another tab has been heard of lately. A clock that jumps makes its time old, never young.
  isTaken() {
    const { tab, time } = this.holder();
    return Boolean(tab) && tab !== this.me && Math.abs(Date.now() - time) < this.FRESH_MS;
  },

  mine() {
    const { tab } = this.holder();
    return !tab || tab === this.me;
  },

  take(onLost) {
    const say = () => {
      try {
        localStorage.setItem(this.key, JSON.stringify({ tab: this.me, time: Date.now() }));
      } catch {
        // Without storage two tabs cannot see each other, nor share a session.
      }
    };
    say();
    this.timer = setInterval(() => {
      if (this.mine()) return say();
      clearInterval(this.timer);
      return onLost();
    }, 500);
    addEventListener("pagehide", () => {
      if (this.mine()) localStorage.removeItem(this.key);
    });
  },
};
