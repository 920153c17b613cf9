// SPDX-License-Identifier: Apache-2.0
// Brings answers to the study's owner: one by one to a server, as a file, or to JATOS.
"use strict";

const Delivery = {
  isSending: false,
  isFailing: false,
  refused: new Set(), // trials whose votes the server does not take; they stay in the browser
  onChange: () => {},

  // Post JSON, or text as it is; throws {status, reason} where the server refuses, and an error where it does not answer.
  async post(path, body) {
    // Plain text may be sent to another host without asking it beforehand (CORS).
    const isText = typeof body === "string";
    const answer = await fetch(path, {
      method: "POST",
      headers: { "Content-Type": isText ? "text/plain;charset=utf-8" : "application/json" },
      body: isText ? body : JSON.stringify(body),
      credentials: "same-origin",
    });
    const said = await answer.json().catch(() => ({}));
    if (!answer.ok) throw Object.assign(new Error(said.error || answer.statusText), { status: answer.status });
    return said;
  },

  // As `post`, but again and again while the server does not answer or is busy.
  async insist(path, body) {
    for (let wait = 500; ; wait = Math.min(2 * wait, 15000)) {
      try {
        const said = await this.post(path, body);
        this.tell(false);
        return said;
      } catch (error) {
        if (error.status && error.status < 500 && error.status !== 429) throw error;
        this.tell(true);
        await later(wait * (0.75 + randomInteger(0, 50) / 100));
      }
    }
  },

  tell(isFailing) {
    if (isFailing !== this.isFailing) {
      this.isFailing = isFailing;
      this.onChange();
    }
  },

  // Send every vote that was not acknowledged yet; a second call while one runs does nothing.
  async flush(record) {
    if (Config.mode === "file" || this.isSending) return;
    this.isSending = true;
    try {
      await (Config.mode === "jatos" ? this.submit(record) : this.sendVotes(record.session));
    } finally {
      this.isSending = false;
    }
  },

  async sendVotes(session) {
    for (const { vote, acknowledged } of await Store.votes(session)) {
      if (acknowledged || this.refused.has(vote.trial)) continue;
      try {
        await this.insist("api/vote", vote);
        await Store.acknowledge(vote);
      } catch {
        this.refused.add(vote.trial);
      }
    }
  },

  // Replace the result of the run by all answers so far, so that a rater who leaves early loses none.
  async submit(record) {
    if (!(await Store.votes(record.session)).length) return;
    await jatos.submitResultData(await this.file(record)).catch(() => {}); // the next answer, or the end, sends all
  },

  async flushAll(record) {
    const isOpen = ({ vote, acknowledged }) => !acknowledged && !this.refused.has(vote.trial);
    while ((await Store.votes(record.session)).some(isOpen)) {
      await this.flush(record);
      await later(100);
    }
    if (this.refused.size) throw new Error(say("not_taken", { count: this.refused.size }));
  },

  // The answers as text: a line with the format and a checksum, and a line with everything.
  async file(record) {
    const votes = (await Store.votes(record.session)).map((entry) => entry.vote);
    votes.sort((one, other) => one.trial - other.trial);
    const body = JSON.stringify({ pack: Config.pack, plan: Config.plan, session: record, votes });
    const head = { format: "dancepose-rating-answers", version: 1, crc32: crc32(body) };
    return `${JSON.stringify(head)}\n${body}\n`;
  },

  async download(record) {
    const address = URL.createObjectURL(new Blob([await this.file(record)], { type: "application/x-ndjson" }));
    const link = make("a", { href: address, download: `answers-${record.slot}-${record.session.slice(0, 8)}.jsonl` });
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(address), 60000);
  },

  // Hand everything over at the end. Returns what the server says, such as the completion code.
  async finish(record) {
    if (Config.mode === "server") {
      await this.flushAll(record);
      return this.insist("api/finish", record);
    }
    if (Config.mode === "jatos") {
      while (this.isSending) await later(100); // an earlier result must not arrive after this one
      await jatos.submitResultData(await this.file(record));
      return {};
    }
    if (Config.post_url) await this.insist(Config.post_url, await this.file(record));
    return {};
  },
};

// CRC-32 of the UTF-8 bytes (ISO 3309), as eight hexadecimal digits: finds files that were damaged on their way.
function crc32(text) {
  let crc = 0xffffffff;
  for (const byte of new TextEncoder().encode(text)) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ((crc ^ 0xffffffff) >>> 0).toString(16).padStart(8, "0");
}
