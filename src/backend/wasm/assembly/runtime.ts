// What a deployed network needs, and no more: a page loads this build.
export { binarizeColumns } from "./signs";
export { binaryProduct } from "./binary-product";
export { binaryProductTable } from "./table-product";
export { binaryUnit, binaryUnitTable } from "./binary-unit";
export { gatherColumns } from "./columns";
export { product, addBias } from "./product";
export { normalizeActivateReal } from "./normalize-forward";
export { averagePool, maxPool } from "./pool";
export { multiplyChannelsReal, repeatChannels, sigmoid } from "./channels";
