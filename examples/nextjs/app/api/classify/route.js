// The same on the server: curl --data-binary @cat.jpg http://localhost:3000/api/classify
import { join } from "node:path";
import { loadModel } from "rbnet/runtime";

const loading = loadModel(join(process.cwd(), "public/model.safetensors"));

export async function POST(request) {
  const classify = await loading;
  try {
    return Response.json(await classify(new Uint8Array(await request.arrayBuffer())));
  } catch (error) {
    return Response.json({ error: error.message }, { status: 400 });
  }
}
