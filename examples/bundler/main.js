// The bundler finds the runtime for pages by itself, and takes the worker for more threads along.
import { loadModel } from "rbnet/runtime";

const classify = await loadModel("./model.safetensors", { threads: navigator.hardwareConcurrency });
document.querySelector("input").addEventListener("change", async ({ target }) => {
  const [best] = await classify(target.files[0]);
  document.querySelector("output").value = `${best.label} (${(100 * best.score).toFixed(1)} %)`;
});
