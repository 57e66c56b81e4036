// A thread's socket that comes back by itself and goes on where it was.

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 8000;
const FINAL_CODES = new Set([4400, 4401, 4403, 4404]);

export class ThreadSocket {
  /**
   * @param {string} thread The thread's id.
   * @param {number} after The seq of the last event the page has.
   * @param {{frame: (frame: object) => void, state: (state: "open" | "lost" | "closed") => void}} on
   */
  constructor(thread, after, on) {
    this.thread = thread;
    this.after = after;
    this.on = on;
    this.pause = FIRST_PAUSE_MS;
    this.unsent = new Map(); // what was sent and has not come back as an event
    this.connect();
    window.addEventListener("online", () => this.hurry());
    document.addEventListener("visibilitychange", () => document.hidden || this.hurry());
  }

  connect() {
    clearTimeout(this.timer);
    this.timer = undefined;
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const address = `${scheme}://${location.host}/ws/threads/${this.thread}/?after=${this.after}&render=html`;
    this.socket = new WebSocket(address);
    this.socket.onmessage = (message) => this.take(JSON.parse(message.data));
    this.socket.onclose = (event) => this.lost(event);
  }

  take(frame) {
    if (frame.type === "event") {
      if (frame.seq <= this.after) return;
      this.after = frame.seq;
      if (frame.kind === "message.added") this.unsent.delete(frame.data.client_id);
    } else if (frame.type === "ready") {
      this.pause = FIRST_PAUSE_MS;
      this.on.state("open");
      for (const command of this.unsent.values()) this.socket.send(JSON.stringify(command));
    } else if (frame.type === "error") {
      this.unsent.delete(frame.client_id);
    }
    this.on.frame(frame);
  }

  lost(event) {
    if (FINAL_CODES.has(event.code)) {
      this.on.state("closed");
      return;
    }
    this.on.state("lost");
    this.timer = setTimeout(() => this.connect(), this.pause * (0.7 + 0.6 * Math.random()));
    this.pause = Math.min(LONGEST_PAUSE_MS, this.pause * 2);
  }

  hurry() {
    if (this.timer !== undefined) this.connect();
  }

  /** Send a message; it is sent again after a lost connection until it is seen in the stream. */
  say(content, agent, more) {
    const command = { type: "send", content, agent, client_id: identity(), ...more };
    this.unsent.set(command.client_id, command);
    this.command(command);
  }

  /** Send a command once. Returns whether there was a connection. */
  command(command) {
    if (this.socket.readyState !== WebSocket.OPEN) return false;
    this.socket.send(JSON.stringify(command));
    return true;
  }
}

// crypto.randomUUID is missing on plain http from another machine.
function identity() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
