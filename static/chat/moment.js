// The slider of a thread's history: letting go of it shows that moment.

const slider = document.getElementById("seq");
const shown = slider.form.querySelector("output");

slider.addEventListener("input", () => {
  shown.textContent = `${slider.value} of ${slider.max}`;
});
slider.addEventListener("change", () => slider.form.requestSubmit());
if (slider.value !== slider.defaultValue) slider.form.requestSubmit(); // moved before this ran
