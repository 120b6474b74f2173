// Import maps do not reach workers, so the address is written out.
import { loadModel } from "./node_modules/rbnet/dist/browser/load-model.js";

const model = loadModel("./model.safetensors");
addEventListener("message", async ({ data: picture }) => {
  const classify = await model;
  const [best] = await classify(picture, { top: 1 });
  postMessage(best);
});
