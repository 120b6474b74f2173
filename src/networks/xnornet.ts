/**
 * XNOR-Net on ResNet (Rastegari et al., ECCV 2016): 3x3 binary convolutions in the places of ResNet's, and its shortcuts, around
 * two of them.
 *
 * The paper's order is normalization - sign - convolution, times alpha, the mean magnitude of the filter's weights. Here
 * normalization follows the convolution, as in all binary networks of this folder, and cancels alpha; what normalization before a
 * sign does, a learned threshold or the normalization before it does. The paper's scales of the input, which it found to matter
 * little, are left out.
 *
 * xnornet18 counts 164.0M operations at 224x224, as Bi-Real Net does; the published 1.67e8 has the paper's scales besides.
 */
import type { XnorDescription } from "./description.js";
import { cifarForm, imageNetForm, type NetworkOptions, RESNET18 } from "./form.js";

const XNOR = { body: "xnor", estimator: "clip" } as const;

export function xnornet18(options: NetworkOptions): XnorDescription {
  return { ...imageNetForm("xnornet18", RESNET18, "none", options), ...XNOR };
}

export function xnornet20(options: NetworkOptions): XnorDescription {
  return { ...cifarForm("xnornet20", "none", options), ...XNOR };
}
