// SPDX-License-Identifier: Apache-2.0
// Keeps the session and its votes in the browser: an answer is stored here before the next question is asked.
"use strict";

const Store = {
  isDurable: true,
  base: null,
  memory: { states: new Map(), votes: new Map() },

  async open(name) {
    try {
      this.base = await new Promise((done, failed) => {
        const request = indexedDB.open(name, 1);
        request.onupgradeneeded = () => {
          request.result.createObjectStore("states");
          request.result.createObjectStore("votes");
        };
        request.onsuccess = () => done(request.result);
        request.onerror = () => failed(request.error);
      });
    } catch {
      this.isDurable = false; // private windows of some browsers have no storage
    }
  },

  // Run `work(stores)` in one transaction: all of it is stored, or nothing.
  async change(work) {
    if (!this.base) return work(this.memoryStores());
    return new Promise((done, failed) => {
      const options = { durability: "strict" };
      const transaction = this.base.transaction(["states", "votes"], "readwrite", options);
      work({ states: transaction.objectStore("states"), votes: transaction.objectStore("votes") });
      transaction.oncomplete = () => done();
      transaction.onabort = () => failed(transaction.error);
    });
  },

  memoryStores() {
    const stores = {};
    for (const [name, table] of Object.entries(this.memory)) {
      stores[name] = { put: (value, key) => table.set(key, value), delete: (key) => table.delete(key) };
    }
    return stores;
  },

  async read(store, method, ...range) {
    if (!this.base) {
      const table = this.memory[store];
      return method === "get" ? table.get(range[0]) : [...table.values()];
    }
    return new Promise((done, failed) => {
      const request = this.base.transaction(store).objectStore(store)[method](...range);
      request.onsuccess = () => done(request.result);
      request.onerror = () => failed(request.error);
    });
  },

  load: (key) => Store.read("states", "get", key),

  save: (key, state) => Store.change(({ states }) => states.put(state, key)),

  forget: (key) => Store.change(({ states }) => states.delete(key)),

  // Store a vote and the state after it together, so that a crash between them cannot ask twice or lose one.
  saveVote: (key, state, vote) =>
    Store.change(({ states, votes }) => {
      votes.put({ vote, acknowledged: false }, `${vote.session}|${vote.trial}`);
      states.put(state, key);
    }),

  acknowledge: (vote) =>
    Store.change(({ votes }) => votes.put({ vote, acknowledged: true }, `${vote.session}|${vote.trial}`)),

  async votes(session) {
    const all = await Store.read("votes", "getAll");
    return all.filter((entry) => entry.vote.session === session);
  },
};
