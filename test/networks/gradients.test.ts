/** The gradients of a whole network's loss, through every unit, shortcut and reused buffer, against finite differences on the reference. */
import { describe, it } from "vitest";
import type { Backend } from "#rbnet/backend/device";
import type { NetworkDescription } from "#rbnet/networks/description";
import { dot } from "../backend/reference/differences.js";
import { type Differentiable, expectGradients } from "../layers/finite-differences.js";
import { TINY, TINY_ODD, training } from "./tiny.js";

const IMAGES = 3;
const SEED = 41;
/** Each costs many passes through the network; the layers' own tests move more, and directions move all of them here, too. */
const SINGLES = 4;
const EVERY_LOSS = new Float64Array(IMAGES).fill(1);

/** The sum of the images' losses; of `share` of the parameters, evenly spread, since each costs many passes through the network. */
function loss(backend: Backend, description: NetworkDescription, share: number): Differentiable {
  const { network, forward, step } = training(backend, description, IMAGES, SEED);
  // Rows that an activation does not learn have a derivative, but no gradient; test/layers/activation-kinds.test.ts looks at those.
  const activation = description.body === undefined ? description.activation : description.body;
  const partly = ["prelu", "rprelu", "reactnet-a", "quicknet"].includes(activation ?? "balanced");
  const parameters = network.parameters.filter(({ name }, i) => i % share === 0 && !(partly && name.endsWith(".activation")));
  return {
    operands: new Map(parameters.map(({ name, value }) => [name, value])),
    async value() {
      return dot(EVERY_LOSS, await backend.read(forward().losses));
    },
    async gradients() {
      step();
      const found = new Map<string, readonly number[]>();
      for (const { name, gradient } of parameters) found.set(name, Array.from(await backend.read(gradient)));
      return found;
    },
  };
}

describe("a network's backward is the derivative of its loss", () => {
  it.each(TINY)("$form", { timeout: 180_000 }, async ({ description }) => {
    const share = description === TINY_ODD ? 1 : 8;
    await expectGradients(
      (backend) => loss(backend, description, share),
      description.body === "resnet" ? undefined : description.estimator,
      SINGLES,
    );
  });
});
