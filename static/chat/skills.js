// "/" at the beginning of a message offers the agent's skills: arrows, Tab or Enter, Escape.

export function completeSkills(form) {
  const box = form.elements.content;
  const list = document.getElementById("skills");
  const known = JSON.parse(document.getElementById("agent-skills").textContent);
  let chosen = 0;

  const close = () => {
    list.hidden = true;
    box.removeAttribute("aria-activedescendant");
  };

  const mark = (place) => {
    const options = list.children;
    chosen = (place + options.length) % options.length;
    for (const [number, option] of Array.from(options).entries()) {
      option.setAttribute("aria-selected", String(number === chosen));
    }
    box.setAttribute("aria-activedescendant", options[chosen].id);
    options[chosen].scrollIntoView({ block: "nearest" });
  };

  const take = (name) => {
    box.value = `${box.value[0]}${name} `;
    box.focus();
    close();
  };

  const offer = () => {
    const begun = /^[/$]([^\s/]*)$/.exec(box.value);
    const skills = known[form.elements.agent.value] ?? [];
    const fitting = begun ? skills.filter((skill) => skill.name.startsWith(begun[1])) : [];
    if (!fitting.length) return close();
    list.replaceChildren(
      ...fitting.map((skill, number) => {
        const option = document.createElement("li");
        option.id = `skill-${number}`;
        option.setAttribute("role", "option");
        option.dataset.name = skill.name;
        const name = document.createElement("strong");
        name.textContent = skill.name;
        option.append(name, ` ${skill.description}`);
        return option;
      }),
    );
    list.hidden = false;
    return mark(0);
  };

  box.addEventListener("input", offer);
  box.addEventListener("blur", close);
  list.addEventListener("mousedown", (event) => {
    event.preventDefault();
    const option = event.target.closest("li");
    if (option) take(option.dataset.name);
  });
  box.addEventListener("keydown", (event) => {
    if (list.hidden || event.isComposing) return;
    const move = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (move) mark(chosen + move);
    else if (event.key === "Tab" || event.key === "Enter") take(list.children[chosen].dataset.name);
    else if (event.key === "Escape") close();
    else return;
    event.preventDefault();
    event.stopImmediatePropagation();
  });
}
