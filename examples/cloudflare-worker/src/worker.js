// Workers compile no WebAssembly at run time, so the kernels are imported. There is no decoder of pictures: the request brings
// pixels, width x height x 3 bytes of RGB, as in POST /?width=32&height=32.
import { loadModel } from "rbnet/runtime";
import kernels from "rbnet/runtime/kernels.wasm";
import model from "./model.safetensors";

const loading = loadModel(model, { module: kernels });

export default {
  async fetch(request) {
    const { searchParams } = new URL(request.url);
    const [width, height] = [Number(searchParams.get("width")), Number(searchParams.get("height"))];
    const classify = await loading;
    try {
      return Response.json(await classify({ data: new Uint8Array(await request.arrayBuffer()), width, height }));
    } catch (error) {
      return Response.json({ error: error.message }, { status: 400 });
    }
  },
};
