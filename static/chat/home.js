import { foldSide, sendOnEnter } from "./composer.js";

foldSide();
sendOnEnter(document.getElementById("composer"));
