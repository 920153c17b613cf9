// SPDX-License-Identifier: Apache-2.0
// Loads whole films before they are played, so that nothing stalls in the middle of a judgement.
"use strict";

const Films = {
  loading: new Map(), // name -> promise of an address
  addresses: new Map(),

  // Fetched as a blob over HTTP. On file:// fetch fails, and the film is on the same disk: its own address will do.
  async load(name, onProgress = () => {}) {
    const { file, bytes } = Config.media[name];
    if (location.protocol === "file:") return file;
    const answer = await fetch(file);
    if (!answer.ok) throw new Error(`${file}: ${answer.status}`);
    const parts = [];
    let received = 0;
    for (const reader = answer.body.getReader(); ; ) {
      const { done, value } = await reader.read();
      if (done) break;
      parts.push(value);
      received += value.length;
      onProgress(received / bytes);
    }
    if (received !== bytes) throw new Error(`${file}: ${received} of ${bytes} bytes`);
    return URL.createObjectURL(new Blob(parts, { type: file.endsWith(".wav") ? "audio/wav" : "video/mp4" }));
  },

  get(name, onProgress) {
    if (!this.loading.has(name)) {
      const promise = this.load(name, onProgress);
      promise.then(
        (address) => this.addresses.set(name, address),
        () => this.loading.delete(name), // so that the next call tries again
      );
      this.loading.set(name, promise);
    }
    return this.loading.get(name);
  },

  // Load the films of the coming items, one after another, and release the others.
  async prepare(trials) {
    const wanted = trials.flatMap((trial) => [...trial.clips, ...(trial.check?.spoken ? [inLanguage(trial.check.spoken)] : [])]);
    for (const [name, address] of this.addresses) {
      if (!wanted.includes(name)) {
        if (address.startsWith("blob:")) URL.revokeObjectURL(address);
        this.addresses.delete(name);
        this.loading.delete(name);
      }
    }
    for (const name of wanted) await this.get(name).catch(() => {});
  },
};
