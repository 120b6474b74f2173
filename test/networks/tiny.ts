/** Networks of every form at sizes that the reference can run, with a batch to train on. */
import type { Backend } from "#rbnet/backend/device";
import type { WeightForm } from "#rbnet/layers/layer";
import { birealnet18, reactnet20 } from "#rbnet/networks/birealnet";
import { networkByName } from "#rbnet/networks/catalogue";
import { blockPattern, grid, type NetworkDescription } from "#rbnet/networks/description";
import { Network } from "#rbnet/networks/network";
import { quicknetS } from "#rbnet/networks/quicknet";
import { rbnet18, rbnet20 } from "#rbnet/networks/rbnet";
import { reactnetA } from "#rbnet/networks/reactnet-a";
import { real2binary18, real2binary20 } from "#rbnet/networks/real2binary";
import { resnet18, resnet20 } from "#rbnet/networks/resnet";
import { xnornet18, xnornet20 } from "#rbnet/networks/xnornet";
import type { Tensor } from "#rbnet/tensor";
import { Draw } from "../backend/shapes.js";
import { drawParameters, NO_VALUES } from "../layers/prepared.js";

/** Three stages of rbnet20's form: dilations 1 and 2 on 8x8, shifts from 4x4 down, 14 layers deep. */
export const TINY20: NetworkDescription = rbnet20({ classes: 4, width: 0.25, size: 8 });

/** rbnet18's form, with its two stem layers, ending on maps of 1x1. */
export const TINY18: NetworkDescription = rbnet18({ classes: 3, width: 1 / 16, size: 32 });

/** What the paper replaces. */
export const TINY_3X3: NetworkDescription = { ...TINY20, convolution: "3x3", estimator: "clip", learnThreshold: false };

/** Odd maps, a real reshaped convolution in the stem, a stage that changes the channels only. */
export const TINY_ODD: NetworkDescription = {
  name: "odd",
  width: 1,
  input: { height: 14, width: 14, channels: 3 },
  classes: 5,
  stem: [
    { windows: grid(3, 1), channels: 4, depthToSpace: false },
    { windows: blockPattern(1, 14, 14), channels: 4, depthToSpace: true },
  ],
  stages: [
    { channels: 6, units: 2, halve: true },
    { channels: 8, units: 2, halve: false },
  ],
  convolution: "reshaped",
  estimator: "clip",
  learnThreshold: true,
};

/** Nothing real between the stem and the classifier. */
const TINY_REPEATED = networkByName("rbnet20", { classes: 4, width: 0.25, size: 8, shortcut: "repeated" });

/**
 * What the code that came before RB-Net's paper has: space to depth in the stem, 4x4 blocks that halve maps, the last of them an
 * odd one, shortcuts without parameters.
 */
export const TINY_PATCHES = networkByName("rbnet18", {
  classes: 3,
  width: 1 / 16,
  size: 32,
  stem: "patches",
  halving: "4x4",
  shortcut: "repeated",
});

/** ReActNet-A's form with three of its stages: units that keep, halve and double. */
const WHOLE_A = reactnetA({ classes: 3, width: 1 / 16, size: 16 });
export const TINY_A: NetworkDescription = { ...WHOLE_A, stages: WHOLE_A.stages.slice(0, 3) };

export const TINY = [
  { form: "rbnet20", description: TINY20 },
  { form: "rbnet18", description: TINY18 },
  { form: "3x3", description: TINY_3X3 },
  { form: "odd", description: TINY_ODD },
  { form: "resnet18", description: resnet18({ classes: 3, width: 1 / 16, size: 32 }) },
  { form: "resnet20", description: resnet20({ classes: 4, width: 0.25, size: 8 }) },
  { form: "xnornet18", description: xnornet18({ classes: 3, width: 1 / 16, size: 32 }) },
  { form: "xnornet20", description: xnornet20({ classes: 4, width: 0.25, size: 8 }) },
  { form: "birealnet18", description: birealnet18({ classes: 3, width: 1 / 16, size: 32 }) },
  { form: "real2binary18", description: real2binary18({ classes: 3, width: 1 / 16, size: 32 }) },
  { form: "real2binary20", description: real2binary20({ classes: 4, width: 0.25, size: 8 }) },
  { form: "repeated shortcuts", description: TINY_REPEATED },
  { form: "patches", description: TINY_PATCHES },
  {
    form: "patches that keep the map",
    description: networkByName("rbnet20", { classes: 4, width: 0.375, size: 8, stem: "patches", halving: "3x3" }),
  },
  { form: "gated blocks", description: { ...TINY20, gated: true } },
  { form: "reactnet20", description: reactnet20({ classes: 4, width: 0.25, size: 8 }) },
  { form: "reactnet-a", description: TINY_A },
  { form: "quicknet", description: quicknetS({ classes: 3, width: 1 / 16, size: 32 }) },
];

export interface Training {
  readonly network: Network;
  readonly x: Tensor;
  /** Forward, loss and backward: adds to the parameters' gradients. Returns the logits and what holds each image's loss. */
  step(): { logits: Tensor; losses: Tensor };
  forward(): { logits: Tensor; losses: Tensor };
}

export function training(
  backend: Backend,
  description: NetworkDescription,
  images: number,
  seed: number,
  weights: WeightForm = "binary",
): Training {
  const draw = new Draw(seed);
  const { input, classes } = description;
  const network = new Network(backend, description, NO_VALUES);
  drawParameters(backend, network.parameters, draw, weights === "real" ? 1 : undefined);
  network.bind(images, { weights });
  const x = backend.allocate("float32", [images, input.height, input.width, input.channels]);
  backend.write(x, draw.reals(images * input.height * input.width * input.channels, 1.5));
  const shape = [images, 1, 1, classes];
  const [targets, gradient] = [backend.allocate("float32", shape), backend.allocate("float32", shape)];
  const losses = backend.allocate("float32", [images]);
  const wanted = new Float32Array(images * classes);
  for (let i = 0; i < images; i++) wanted[i * classes + (i % classes)] = 1;
  backend.write(targets, wanted);
  const forward = () => {
    const logits = network.forward(x);
    const term = { weight: 1, temperature: 1, scale: 1, accumulate: false, divergence: false };
    backend.softmaxCrossEntropy(logits, targets, term, losses, gradient);
    return { logits, losses };
  };
  return {
    network,
    x,
    forward,
    step() {
      const results = forward();
      network.backward(gradient);
      return results;
    },
  };
}
