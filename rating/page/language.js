// SPDX-License-Identifier: Apache-2.0
// The configuration and the words of the page, and small helpers to build elements.
"use strict";

const Config = JSON.parse(document.getElementById("rating-config").textContent);
const Words = JSON.parse(document.getElementById("rating-words").textContent);

const Language = {
  current: "en",

  // The language asked for in the address, otherwise the first of the browser's that the study has.
  choose(wanted) {
    const known = Config.languages;
    const candidates = [wanted, ...navigator.languages.map((name) => name.slice(0, 2))];
    this.use(candidates.find((name) => known.includes(name)) || known[0]);
  },

  use(name) {
    this.current = name;
    document.documentElement.lang = name;
  },
};

// The word for `key`, with {names} replaced by values.
function say(key, values = {}) {
  const text = (Words[Language.current] || Words.en)[key];
  return text.replace(/\{(\w+)\}/g, (_all, name) => String(values[name]));
}

// A text of the study, which is a table by language.
function inLanguage(texts) {
  return (texts && (texts[Language.current] ?? texts.en ?? Object.values(texts)[0])) || "";
}

// Make an element; properties that start with "on" are listeners, those with a dash or "role" attributes.
function make(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name.includes("-") || name === "role") node.setAttribute(name, value);
    else node[name] = value;
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

function randomHex(bytes) {
  return [...crypto.getRandomValues(new Uint8Array(bytes))].map((one) => one.toString(16).padStart(2, "0")).join("");
}

// A whole number from `low` to `high`, both included; the bias of the remainder is below 2**-24.
function randomInteger(low, high) {
  return low + (crypto.getRandomValues(new Uint32Array(1))[0] % (high - low + 1));
}

const later = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));
