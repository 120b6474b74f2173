// On the server: curl --data-binary @cat.jpg --header "Content-Type: image/jpeg" http://localhost:3000/classify
import { json } from "@sveltejs/kit";
import { loadModel } from "rbnet/runtime";

const loading = loadModel(process.env.MODEL ?? "static/model.safetensors");

export async function POST({ request }) {
  const classify = await loading;
  try {
    return json(await classify(new Uint8Array(await request.arrayBuffer())));
  } catch (error) {
    return json({ error: error.message }, { status: 400 });
  }
}
