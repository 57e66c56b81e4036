// The text of an answer while it grows: finished blocks as HTML, the rest as plain text.
// Offsets count characters the way the server does: code points, not UTF-16 units.

const length = (text) => {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
};
const cut = (text, count) => Array.from(text).slice(count).join("");

export class GrowingText {
  /** @param {HTMLElement} element Where the text stands. */
  constructor(element) {
    this.element = element;
    this.reset(0);
  }

  reset(attempt) {
    this.attempt = attempt;
    this.offset = 0; // characters that are there
    this.rendered = 0; // of them, those that are HTML
    this.tail = "";
    this.blocks = document.createElement("div");
    this.rest = document.createElement("p");
    this.rest.className = "tail";
    this.element.replaceChildren(this.blocks, this.rest);
  }

  snapshot(frame) {
    if (frame.attempt < this.attempt) return;
    this.reset(frame.attempt);
    this.append(frame.text);
  }

  delta(frame) {
    if (frame.attempt < this.attempt) return;
    if (frame.attempt > this.attempt) this.reset(frame.attempt);
    if (frame.offset > this.offset) return; // the server sends a snapshot behind a gap
    this.append(frame.offset < this.offset ? cut(frame.text, this.offset - frame.offset) : frame.text);
  }

  block(frame) {
    if (frame.attempt !== this.attempt || frame.start !== this.rendered) return;
    const holder = document.createElement("template");
    holder.innerHTML = frame.html; // rendered and sanitised by the server
    this.blocks.append(holder.content);
    this.tail = cut(this.tail, frame.end - this.rendered);
    this.rendered = frame.end;
    this.rest.textContent = this.tail;
  }

  append(text) {
    if (!text) return;
    this.offset += length(text);
    this.tail += text;
    this.rest.append(text);
  }
}
