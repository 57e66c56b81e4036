import { foldSide, sendOnEnter } from "./composer.js";
import { completeSkills } from "./skills.js";

const composer = document.getElementById("composer");
foldSide();
completeSkills(composer);
sendOnEnter(composer);
