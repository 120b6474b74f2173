/** The script of the page that `rbnet serve` shows: loads the model, and answers what the page is given. */
import { loadModel } from "../browser/load-model.js";
import { messageOf } from "../errors.js";
import { Answerer } from "./answerer.js";
import { acceptCamera } from "./camera.js";
import { offerDevices } from "./devices.js";
import { acceptDrawing } from "./drawing.js";
import { acceptPictures } from "./pictures.js";

/** More threads than this help no network of this size. */
const MOST_THREADS = 4;

function element(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page lacks #${id}`);
  return found;
}

function inText(milliseconds: number): string {
  return `${milliseconds < 10 ? milliseconds.toFixed(2) : milliseconds.toFixed(0)} ms`;
}

function say(sentence: string): void {
  element("status").textContent = sentence;
}

try {
  const classify = await loadModel("model.safetensors", { threads: Math.min(MOST_THREADS, navigator.hardwareConcurrency) });
  const answerer = new Answerer(classify, (backend, milliseconds) => {
    element("backend").textContent = backend;
    const [processor, gpu] = [milliseconds.get("wasm"), milliseconds.get("webgpu")];
    const times = [...(processor === undefined ? [] : [inText(processor)]), ...(gpu === undefined ? [] : [`GPU ${inText(gpu)}`])];
    if (times.length > 0) element("latency").textContent = times.join(", ");
  });
  acceptPictures(element("pictures"), element("results"), answerer);
  acceptCamera(element("camera"), answerer, say);
  void offerDevices(element("device"), answerer, say);
  if (!element("drawing").hidden) acceptDrawing(element("drawing"), answerer);
} catch (error) {
  element("backend").textContent = "not loaded";
  say(`The model cannot be loaded: ${messageOf(error)}`);
}
