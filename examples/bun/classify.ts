// bun classify.ts photos.safetensors cat.jpg dog.png
import { loadModel } from "rbnet/runtime";

const [model = "rbnet20-cifar10", ...pictures] = Bun.argv.slice(2);
const classify = await loadModel(model);
for (const picture of pictures) console.log(picture, (await classify(picture))[0]);
classify.dispose();
