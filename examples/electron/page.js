// The renderer: a page like any other, without Node. With a bundler the address is just "rbnet/runtime".
import { loadModel } from "./node_modules/rbnet/dist/browser/load-model.js";

const classify = await loadModel("./model.safetensors", { threads: 2 });
document.querySelector("p").textContent = classify.facts.backend;
document.querySelector("input").addEventListener("change", async ({ target }) => {
  const [best] = await classify(target.files[0]);
  document.querySelector("output").value = `${best.label} (${(100 * best.score).toFixed(1)} %)`;
});
