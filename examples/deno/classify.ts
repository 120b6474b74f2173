// deno run --allow-read --allow-env --allow-ffi --allow-sys classify.ts photos.safetensors cat.jpg dog.png
// Pictures are decoded by sharp, a native library, hence the permissions; pixels need --allow-read and --allow-env alone.
import { loadModel } from "rbnet/runtime";

const [model = "rbnet20-cifar10", ...pictures] = Deno.args;
const classify = await loadModel(model);
for (const picture of pictures) console.log(picture, (await classify(picture))[0]);
classify.dispose();
