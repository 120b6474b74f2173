// What a deployed network needs, and no more: a page loads this build.
export { binarizeColumns } from "./binary/signs";
export { binaryProduct } from "./binary/product";
export { binaryProductTable } from "./binary/table-product";
export { binaryUnit, binaryUnitTable } from "./binary/unit";
export { gatherColumns } from "./real/columns";
export { product, addBias } from "./real/product";
export { normalizeActivateReal } from "./normalization/forward";
export { averagePool, maxPool } from "./pooling";
export { multiplyChannelsReal, repeatChannels, sigmoid } from "./channels";
