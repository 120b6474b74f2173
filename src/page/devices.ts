/** What the network of the page runs on: the processor, or the GPU where the browser gives pages one. */
import { type BrowserImage, loadModel } from "../browser/load-model.js";
import { messageOf } from "../errors.js";
import type { Classify } from "../runtime/classifier.js";
import type { Answerer } from "./answerer.js";

async function hasGpu(): Promise<boolean> {
  // Browsers without WebGPU have no such property.
  const { gpu } = navigator as { readonly gpu?: GPU };
  return gpu !== undefined && (await gpu.requestAdapter()) !== null;
}

/** The model on the GPU: its code, too, is loaded only now. */
async function loadOnGpu(): Promise<Classify<BrowserImage>> {
  await import("../browser/webgpu.js");
  return loadModel("model.safetensors", { device: "webgpu" });
}

/** Shows the choice where there is one. A device is loaded when it is first chosen, and timed at once, so that both times can be seen. */
export async function offerDevices(place: HTMLElement, answerer: Answerer, say: (sentence: string) => void): Promise<void> {
  const select = place.querySelector("select");
  if (select === null) throw new Error("the page has no place for the choice of a device");
  if (!(await hasGpu())) return;
  select.addEventListener("change", async () => {
    select.disabled = true;
    const wanted = select.value === "webgpu" ? "webgpu" : "wasm";
    try {
      if (!answerer.has(wanted)) {
        say("loading the model on the GPU …");
        answerer.add(wanted, await loadOnGpu());
        await answerer.measure();
      }
      answerer.use(wanted);
      say("");
    } catch (error) {
      select.value = "wasm";
      answerer.use("wasm");
      say(`The GPU cannot be used: ${messageOf(error)}`);
    }
    select.disabled = false;
  });
  place.hidden = false;
}
