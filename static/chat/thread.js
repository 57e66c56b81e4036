// A thread's page: what the server rendered, kept up to date by the thread's socket.

import { foldSide, sendOnEnter, upload } from "./composer.js";
import { GrowingText } from "./growing.js";
import { completeSkills } from "./skills.js";
import { ThreadSocket } from "./socket.js";

const list = document.getElementById("messages");
const composer = document.getElementById("composer");
const stop = document.getElementById("stop");
const steer = document.getElementById("steer-label");
const status = document.getElementById("status");
const problem = document.getElementById("problem");
const announcer = document.getElementById("announcer");
const names = new Map(Array.from(composer.elements.agent.options, (each) => [each.value, each.label]));
const growing = new Map(); // run → GrowingText
const active = new Set();
let otherBranch; // a timer: the conversation goes on elsewhere in the tree

// Entries ----------------------------------------------------------------------------------------

const entryOf = (message) => list.querySelector(`[data-message="${CSS.escape(message)}"]`);
const answerOf = (run) => list.querySelector(`.assistant[data-run="${CSS.escape(run)}"]`);

function newEntry(role, message, agent) {
  const entry = document.getElementById("entry-template").content.firstElementChild.cloneNode(true);
  entry.className = `message ${role}`;
  entry.dataset.message = message;
  entry.querySelector(".who").textContent = role === "user" ? "You" : names.get(agent) ?? agent;
  entry.querySelector(".edit").href = `?edit=${message}#composer`;
  for (const button of entry.querySelectorAll(".tools > button")) button.value = message;
  return entry;
}

function showSiblings(entry, siblings) {
  const shown = entry.querySelector(".siblings");
  const place = siblings.indexOf(entry.dataset.message);
  shown.hidden = siblings.length < 2;
  shown.querySelector(".place").textContent = `${place + 1}/${siblings.length}`;
  const [earlier, later] = shown.querySelectorAll("button");
  for (const [button, other] of [[earlier, siblings[place - 1]], [later, siblings[place + 1]]]) {
    button.value = other ?? "";
    button.disabled = !other;
  }
}

function showPin(entry, pinned) {
  const button = entry?.querySelector(".pin");
  if (!button) return;
  button.textContent = pinned ? "Pinned" : "Pin";
  button.setAttribute("aria-pressed", String(pinned));
}

function setState(entry, state) {
  if (!entry) return;
  entry.dataset.state = state;
  entry.setAttribute("aria-busy", String(["running", "streaming", "tools"].includes(state)));
}

function note(entry, reason) {
  entry.querySelector(".reason").textContent = reason;
  entry.querySelector(".note").hidden = !reason;
}

/** Keep the end in view, unless the reader has scrolled up. */
function following(change) {
  const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 80;
  change();
  if (atEnd) list.scrollTop = list.scrollHeight;
}

function showActive() {
  stop.hidden = active.size === 0;
  steer.hidden = !list.querySelector('.message:is([data-state="queued"], [data-state="running"], [data-state="streaming"], [data-state="tools"])');
}

/** Put an entry behind another one; what stood there is on another branch now. */
function putBehind(entry, place) {
  const before = place ?? list.querySelector(":scope > .older");
  while (before ? before.nextElementSibling : list.firstElementChild) {
    (before ? before.nextElementSibling : list.firstElementChild).remove();
  }
  list.append(entry);
}

// Events -----------------------------------------------------------------------------------------

const onEvent = {
  "thread.deleted": () => location.assign("/"),
  "thread.renamed": (data) => {
    document.getElementById("title").textContent = data.title;
    document.title = `${data.title} · Parley`;
    const link = document.querySelector(`a[data-thread="${CSS.escape(data.thread)}"]`);
    if (link) link.textContent = data.title;
  },
  "message.added": (data) => {
    let entry = entryOf(data.message) ?? (data.role === "assistant" ? answerOf(data.run) : null);
    if (!entry) {
      const place = data.parent && entryOf(data.parent);
      if (data.parent && !place) return; // on a branch that is not shown
      entry = newEntry(data.role, data.message, data.agent);
      data.role === "user" ? putBehind(entry, place) : list.append(entry);
    }
    if (data.role === "assistant") growing.delete(data.run);
    entry.querySelector(".text").innerHTML = data.html; // rendered and sanitised by the server
    showSiblings(entry, data.siblings);
    if (data.role === "assistant") announcer.textContent = `${names.get(data.agent) ?? data.agent} has answered.`;
  },
  "message.edited": (data) => {
    const entry = entryOf(data.message);
    if (entry) entry.querySelector(".text").innerHTML = data.html;
  },
  "thread.head_moved": () => {
    otherBranch = setTimeout(() => location.reload(), 500);
  },
  "message.pinned": (data) => showPin(entryOf(data.message), true),
  "message.unpinned": (data) => showPin(entryOf(data.message), false),
  "context.compacted": (data) => {
    addStep(data.run, { call: `summary:${data.seq}`, name: `Summary of ${data.messages} earlier messages`, state: "summary", result: data.summary });
  },
  "skill.loaded": (data) => {
    if (data.content) addStep(data.run, { call: `skill:${data.seq}`, name: `Skill ${data.skill}`, state: "skill", result: data.content });
  },
  "notice.told": (data) => {
    addStep(data.run, { call: `told:${data.seq}`, name: "Notice", state: "told", result: data.content });
    announcer.textContent = data.content;
  },
  "file.sent": (data) => {
    const step = addStep(data.run, { call: `file:${data.seq}`, name: "File", state: "told", result: data.caption });
    if (step) step.querySelector(".sent").innerHTML = data.html; // made by the server
    announcer.textContent = data.file.name;
  },
  "plan.updated": (data) => {
    const lines = data.tasks.map((task) => `${marks[task.status]} ${task.id}. ${task.description}`);
    addStep(data.run, { call: `plan:${data.run}`, name: "Plan", state: "plan", result: lines.join("\n") || "No tasks." });
  },
  "llm.called": (data) => {
    if (data.left_out && data.round === 1) {
      addStep(data.run, { call: `cut:${data.seq}`, name: "Cut", state: "cut", result: "The model is not shown the oldest messages: there is no room for them." });
    }
    for (const message of data.steered) {
      const said = entryOf(message);
      if (!said) continue;
      addStep(data.run, { call: message, name: "You", state: "said", result: said.querySelector(".text").textContent });
      said.remove();
    }
  },
  "llm.responded": (data) => {
    const live = answerOf(data.run)?.querySelector('.step[data-state="thinking"]');
    if (live && data.thinking) live.dataset.call = `thought:${data.seq}`; // stays open if it is
    if (data.thinking) addStep(data.run, { call: `thought:${data.seq}`, name: "Thinking", state: "thought", result: data.thinking });
  },
  "run.queued": (data) => {
    active.add(data.run);
    if (entryOf(data.answer)) return;
    const asked = entryOf(data.message);
    if (data.retry_of && asked) {
      clearTimeout(otherBranch);
      while (asked.nextElementSibling) asked.nextElementSibling.remove(); // another branch
    }
    const entry = newEntry("assistant", data.answer, data.agent);
    entry.dataset.run = data.run;
    entry.dataset.asked = data.message;
    setState(entry, "queued");
    asked?.after(entry); // else it is on a branch that is not shown
  },
  "run.started": (data) => {
    active.add(data.run);
    setState(answerOf(data.run), "running");
  },
  "run.completed": (data) => ended(data, ""),
  "run.cancelled": (data) => ended(data, "Stopped."),
  "run.failed": (data) => ended(data, data.error.detail),
  "run.waiting": (data) => {
    setState(answerOf(data.run), "waiting");
    announcer.textContent = `${names.get(data.agent) ?? data.agent} waits for you.`;
  },
  "run.resumed": (data) => setState(answerOf(data.run), "queued"),
  "run.handed_over": (data) => setState(answerOf(data.run), "queued"),
  "tool.approval_requested": (data) => addStep(data.run, { ...data, state: "approval" }),
  "question.asked": (data) => addStep(data.run, { ...data, call: data.question, state: "question", result: data.content }),
  "tool.called": (data) => {
    addStep(data.run, { ...data, state: "running" });
    setState(answerOf(data.run), "tools");
  },
  "tool.returned": (data) => endStep(data, "done", data.result),
  "tool.failed": (data) => endStep(data, "failed", data.error),
};

const stepOf = (entry, call) => entry.querySelector(`[data-call="${CSS.escape(call)}"]`);
const outcomes = { running: "running…", approval: "needs your leave", question: "asks you", said: "meanwhile", thought: "", thinking: "…", summary: "for the model", cut: "", told: "tells you", plan: "", skill: "as you asked" };
const marks = { pending: "☐", in_progress: "▶", completed: "☑" };
const opened = ["said", "question", "told", "plan"];

function setStep(step, state, result) {
  step.dataset.state = state;
  step.querySelector(".outcome").textContent = outcomes[state] ?? state;
  if (result !== undefined) {
    step.querySelector(".result").textContent = typeof result === "string" ? result : JSON.stringify(result, null, 2);
  }
  if (opened.includes(state)) step.querySelector("details").open = true;
}

/** Show a step of an answer, or what has become of it. */
function addStep(run, { call, name, arguments: given, state, result }) {
  const entry = answerOf(run);
  if (!entry) return null;
  let step = stepOf(entry, call);
  if (!step) {
    step = document.getElementById("step-template").content.firstElementChild.cloneNode(true);
    step.dataset.call = call;
    step.querySelector(".tool").textContent = name;
    step.querySelector(".arguments").textContent = given ? JSON.stringify(given) : "";
    step.querySelector(".decision").elements.call.value = call;
    step.querySelector(".reply").elements.question.value = call;
    entry.querySelector(".steps").append(step);
  }
  setStep(step, state, result);
  return step;
}

function endStep(data, state, result) {
  const entry = answerOf(data.run);
  const step = entry && stepOf(entry, data.call);
  if (!step) return;
  setStep(step, state, result);
  if (!entry.querySelector('.step[data-state="running"]')) setState(entry, "running");
}

function ended(data, reason) {
  active.delete(data.run);
  growing.delete(data.run);
  const entry = answerOf(data.run);
  if (!entry) return;
  for (const step of entry.querySelectorAll('.step[data-state="thinking"]')) setStep(step, "thought");
  setState(entry, data.state);
  note(entry, reason);
  if (reason) announcer.textContent = reason;
}

// Growing answers --------------------------------------------------------------------------------

function grow(frame) {
  const entry = answerOf(frame.run);
  if (!entry) return;
  if (!growing.has(frame.run)) growing.set(frame.run, new GrowingText(entry.querySelector(".text")));
  growing.get(frame.run)[frame.type](frame);
  setState(entry, "streaming");
}

/** Show what the model thinks before it answers; the whole comes with `llm.responded`. */
function think(frame) {
  const entry = answerOf(frame.run);
  if (!entry) return;
  const call = `thinking:${frame.run}`;
  const begun = stepOf(entry, call)?.querySelector(".result").textContent ?? "";
  const before = frame.offset === 0 ? "" : begun || "… ";
  addStep(frame.run, { call, name: "Thinking", state: "thinking", result: before + frame.text });
}

// Frames -----------------------------------------------------------------------------------------

function onFrame(frame) {
  following(() => {
    if (frame.type === "event") onEvent[frame.kind]?.({ ...frame.data, seq: frame.seq });
    else if (["snapshot", "delta", "block"].includes(frame.type)) grow(frame);
    else if (frame.type === "thinking") think(frame);
    else if (frame.type === "error") showProblem(frame.detail);
    showActive();
  });
}

function showProblem(sentence) {
  problem.textContent = sentence;
  problem.hidden = !sentence;
}

function onState(state) {
  status.textContent = { open: "", lost: "Connection lost. Coming back…", closed: "Signed out. Reload the page." }[state];
}

for (const entry of list.querySelectorAll('.message:is([data-state="queued"], [data-state="running"], [data-state="waiting"])')) active.add(entry.dataset.run);
list.scrollTop = list.scrollHeight;
showActive();
foldSide();
completeSkills(composer);
sendOnEnter(composer);
const socket = new ThreadSocket(list.dataset.thread, Number(list.dataset.lastSeq), { frame: onFrame, state: onState });

composer.addEventListener("submit", async (event) => {
  event.preventDefault();
  const content = composer.elements.content.value;
  const files = composer.elements.files.files;
  if (!content.trim() && !files.length) return;
  showProblem("");
  let attachments = [];
  if (files.length) {
    try {
      attachments = await upload(composer, files);
    } catch (error) {
      showProblem(error.message);
      return;
    }
    composer.elements.files.value = "";
  }
  const replaces = composer.elements.replaces.value;
  const more = replaces ? { replaces } : steer.querySelector("input").checked && active.size ? { steer: true } : {};
  socket.say(content, composer.elements.agent.value, attachments.length ? { ...more, steer: undefined, attachments } : more);
  composer.elements.content.value = composer.elements.replaces.value = "";
  document.getElementById("editing")?.remove();
  list.scrollTop = list.scrollHeight;
});

// Decisions and answers, by the socket.
const decisions = {
  allow: { decision: "allow" },
  always: { decision: "allow", remember: true },
  deny: { decision: "deny" },
};
list.addEventListener("submit", (event) => {
  const form = event.target;
  const call = form.closest(".step").dataset.call;
  showProblem("");
  const command = form.classList.contains("decision")
    ? { type: "approve", call, ...decisions[event.submitter.value] }
    : { type: "answer", question: call, content: form.elements.content.value };
  if (socket.command(command)) event.preventDefault();
});

// Without a connection these forms are sent the plain way.
for (const [form, type] of [["stop-form", "stop"], ["retry-form", "retry"]]) {
  document.getElementById(form).addEventListener("submit", (event) => {
    showProblem("");
    if (socket.command({ type })) event.preventDefault();
  });
}
