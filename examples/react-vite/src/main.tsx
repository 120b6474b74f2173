// A component that answers pictures in the page. The model file lies in public/.
import { type ChangeEvent, useEffect, useRef, useState } from "react";
import { createRoot } from "react-dom/client";
import { type Classify, type Image, loadModel } from "rbnet/runtime";

function Classifier() {
  const classify = useRef<Classify<Image> | undefined>(undefined);
  const [said, say] = useState("Loading the model …");

  useEffect(() => {
    const loading = loadModel("/model.safetensors");
    loading.then(
      (loaded) => {
        classify.current = loaded;
        say(`Runs on ${loaded.facts.backend}`);
      },
      (error: Error) => say(error.message),
    );
    return () => void loading.then((loaded) => loaded.dispose());
  }, []);

  async function choose({ target }: ChangeEvent<HTMLInputElement>) {
    const file = target.files?.[0];
    if (file === undefined) return;
    const [best] = (await classify.current?.(file)) ?? [];
    say(best === undefined ? "Not ready yet" : `${best.label} (${best.score.toFixed(2)})`);
  }

  return (
    <main>
      <input type="file" accept="image/*" onChange={choose} />
      <p id="said">{said}</p>
    </main>
  );
}

createRoot(document.querySelector("#root") as HTMLElement).render(<Classifier />);
