"use client";
// The network runs in the visitor's browser: no picture leaves the device. The model file lies in public/.
import { loadModel } from "rbnet/runtime";
import { useEffect, useRef, useState } from "react";

export default function Page() {
  const classify = useRef(undefined);
  const [said, say] = useState("Loading the model …");

  useEffect(() => {
    const loading = loadModel("/model.safetensors").then(
      (loaded) => {
        classify.current = loaded;
        say(`Runs on ${loaded.facts.backend}`);
        return loaded;
      },
      (error) => say(error.message),
    );
    return () => void loading.then((loaded) => loaded?.dispose());
  }, []);

  async function choose({ target }) {
    const [best] = await classify.current(target.files[0]);
    say(`${best.label} (${best.score.toFixed(2)})`);
  }

  return (
    <main>
      <input type="file" accept="image/*" onChange={choose} />
      <p id="said">{said}</p>
    </main>
  );
}
