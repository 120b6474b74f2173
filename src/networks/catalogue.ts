/** The networks by the names that a command line knows. */
import type { Estimator } from "../backend/kernels.js";
import { UserError } from "../errors.js";
import type { BinaryConvolutionKind, NetworkDescription } from "./description.js";
import { type RbnetOptions, rbnet8, rbnet18, rbnet20, rbnet34 } from "./rbnet.js";

const NETWORKS: Readonly<Record<string, (options: RbnetOptions) => NetworkDescription>> = { rbnet8, rbnet20, rbnet18, rbnet34 };

export const networkNames: readonly string[] = Object.keys(NETWORKS);

export interface NamedNetworkOptions extends RbnetOptions {
  /** What stands in place of the paper's reshaped point-wise convolution; default that itself. */
  readonly convolution?: BinaryConvolutionKind;
  /** Slope that stands in for the sign's in the backward pass; default that of the network. */
  readonly estimator?: Estimator;
}

/** @throws UserError where there is no network of this name, or it cannot be built of this width */
export function networkByName(name: string, { convolution, estimator, ...options }: NamedNetworkOptions): NetworkDescription {
  const build = Object.hasOwn(NETWORKS, name) ? NETWORKS[name] : undefined;
  if (build === undefined) throw new UserError(`there is no network "${name}"; the networks are ${networkNames.join(", ")}`);
  const description = build(options);
  return {
    ...description,
    ...(convolution === undefined ? {} : { convolution }),
    ...(estimator === undefined ? {} : { estimator }),
  };
}
