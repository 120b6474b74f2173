/** The networks that `npm run bench -- training` trains, on images and classes like those they were made for. */
import { networkByName } from "#rbnet/networks/catalogue";
import type { NetworkDescription } from "#rbnet/networks/description";

export const trainedNetworks = ["rbnet20", "rbnet18"] as const;

export interface TrainedNetwork {
  readonly network: (typeof trainedNetworks)[number];
  readonly width: number;
  /** Side of the images in pixels; default the network's own. */
  readonly size?: number;
}

const CLASSES = { rbnet20: 10, rbnet18: 1000 } as const;

export function trainedNetwork({ network, width, size }: TrainedNetwork): NetworkDescription {
  return networkByName(network, { classes: CLASSES[network], width, ...(size === undefined ? {} : { size }) });
}
