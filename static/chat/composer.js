// The composer: Enter sends, Shift+Enter begins a new line; nothing while an input method composes.

export function sendOnEnter(form) {
  form.elements.content.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    form.requestSubmit();
  });
}

/** On a narrow screen the thread list begins closed. */
export function foldSide() {
  if (matchMedia("(max-width: 46rem)").matches) document.getElementById("side").open = false;
}

/** Upload files, one by one; return their ids. What is refused is thrown, as a sentence. */
export async function upload(form, files) {
  const made = [];
  for (const file of files) {
    const body = new FormData();
    body.append("file", file);
    const headers = { "X-CSRFToken": form.elements.csrfmiddlewaretoken.value };
    const response = await fetch("/api/v1/attachments", { method: "POST", body, headers }).catch(() => null);
    const answer = await response?.json().catch(() => null);
    if (!response?.ok) throw new Error(`${file.name}: ${answer?.detail ?? "it could not be sent."}`);
    made.push(answer.id);
  }
  return made;
}
