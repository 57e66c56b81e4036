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
