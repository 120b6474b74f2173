// Written by scripts/kernel-interfaces.mjs from src/backend/kernel-table: change that, and build.
// What a deployed network needs, and no more: a page loads this build.
export {
  binaryProduct,
} from "./binary/product";
export {
  binarizeColumns,
} from "./binary/signs";
export {
  binaryProductTable,
} from "./binary/table-product";
export {
  binaryUnit,
  binaryUnitTable,
} from "./binary/unit";
export {
  multiplyChannelsReal,
  repeatChannels,
  sigmoid,
} from "./channels";
export {
  normalizeActivateReal,
} from "./normalization/forward";
export {
  averagePool,
  maxPool,
} from "./pooling";
export {
  gatherColumns,
} from "./real/columns";
export {
  product,
  addBias,
} from "./real/product";
