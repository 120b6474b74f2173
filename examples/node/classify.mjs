// Classifies picture files: node classify.mjs model.safetensors picture...
import { loadModel } from "rbnet/runtime";

const [model, ...pictures] = process.argv.slice(2);
const classify = await loadModel(model);
for (const picture of pictures) {
  const [best] = await classify(picture, { top: 1 });
  console.log(`${picture}: ${best.label} (${(100 * best.score).toFixed(1)} %)`);
}
classify.dispose();
