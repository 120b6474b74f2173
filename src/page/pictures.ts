/** Pictures that are chosen, dropped or pasted, each with a card of its answer. */
import { messageOf } from "../errors.js";
import type { Answerer } from "./answerer.js";
import { showBars } from "./bars.js";

export function acceptPictures(panel: Element, results: Element, answerer: Answerer): void {
  const input = panel.querySelector("input");
  const area = panel.querySelector(".drop");
  if (input === null || area === null) throw new Error("the page has no place for pictures");
  const answerAll = (files: Iterable<File>): void => {
    for (const file of files) void showAnswer(file, results, answerer);
  };
  input.addEventListener("change", () => {
    answerAll([...(input.files ?? [])]);
    input.value = "";
  });
  const isOver = (over: boolean) => (event: Event) => {
    event.preventDefault();
    area.classList.toggle("over", over);
  };
  document.addEventListener("dragover", isOver(true));
  document.addEventListener("dragleave", isOver(false));
  document.addEventListener("drop", (event) => {
    isOver(false)(event);
    answerAll([...(event.dataTransfer?.files ?? [])]);
  });
  document.addEventListener("paste", (event) => answerAll([...(event.clipboardData?.files ?? [])]));
}

async function showAnswer(file: File, results: Element, answerer: Answerer): Promise<void> {
  const card = document.createElement("article");
  card.className = "result";
  const name = document.createElement("span");
  name.className = "name";
  name.textContent = file.name;
  try {
    const predictions = await answerer.answer(file);
    const picture = document.createElement("img");
    picture.alt = file.name;
    picture.src = URL.createObjectURL(file);
    picture.addEventListener("load", () => URL.revokeObjectURL(picture.src), { once: true });
    const list = document.createElement("ol");
    list.className = "bars";
    showBars(list, predictions);
    card.append(picture, list, name);
  } catch (error) {
    card.classList.add("failed");
    const text = document.createElement("p");
    text.textContent = messageOf(error);
    card.append(name, text);
  }
  results.prepend(card);
}
