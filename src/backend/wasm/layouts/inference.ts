// Written by scripts/kernel-interfaces.mjs from src/backend/kernel-table: change that, and build.
// Of the kernels of a deployed network. A page loads these.
import { type Layout, numberOf } from "./layout.js";

const binarizeColumns: Layout = (given, numbers) => {
  numbers[0] = numberOf(given.x);
  numbers[1] = numberOf(given.threshold);
  numbers[2] = numberOf(given.window);
  numbers[3] = numberOf(given.columns);
};

const binaryProduct: Layout = (given, numbers) => {
  numbers[0] = numberOf(given.columns);
  numbers[1] = numberOf(given.weights);
  numbers[2] = numberOf(given.y);
  numbers[3] = numberOf(given.rows);
  numbers[4] = numberOf(given.inputs);
  numbers[5] = numberOf(given.filters);
  numbers[6] = numberOf(given.chunkRows);
  numbers[7] = numberOf(given.partials);
};

const binaryUnit: Layout = (given, numbers) => {
  numbers[0] = numberOf(given.columns);
  numbers[1] = numberOf(given.weights);
  numbers[2] = numberOf(given.rows);
  numbers[3] = numberOf(given.inputs);
  numbers[4] = numberOf(given.filters);
  numbers[5] = numberOf(given.chunkRows);
  numbers[6] = numberOf(given.norm);
  numbers[7] = numberOf(given.window);
  numbers[8] = numberOf(given.shortcut);
  numbers[9] = numberOf(given.activation);
  numbers[10] = numberOf(given.out);
};

const gatherColumns: Layout = (given, numbers) => {
  numbers[0] = numberOf(given.x);
  numbers[1] = numberOf(given.window);
  numbers[2] = numberOf(given.columns);
};

const product: Layout = (given, numbers) => {
  numbers[0] = numberOf(given.a);
  numbers[1] = numberOf(given.rowStep);
  numbers[2] = numberOf(given.innerStep);
  numbers[3] = numberOf(given.b);
  numbers[4] = numberOf(given.c);
  numbers[5] = numberOf(given.rows);
  numbers[6] = numberOf(given.inner);
  numbers[7] = numberOf(given.columns);
  numbers[8] = numberOf(given.accumulate);
};

const addBias: Layout = (given, numbers) => {
  numbers[0] = numberOf(given.matrix);
  numbers[1] = numberOf(given.rows);
  numbers[2] = numberOf(given.columns);
  numbers[3] = numberOf(given.bias);
};

const normalizeActivateReal: Layout = (given, numbers) => {
  numbers[0] = numberOf(given.y);
  numbers[1] = numberOf(given.rows);
  numbers[2] = numberOf(given.filters);
  numbers[3] = numberOf(given.norm);
  numbers[4] = numberOf(given.window);
  numbers[5] = numberOf(given.lines);
  numbers[6] = numberOf(given.chunkLines);
  numbers[7] = numberOf(given.shortcut);
  numbers[8] = numberOf(given.activation);
  numbers[9] = numberOf(given.out);
};

const averagePool: Layout = (given, numbers) => {
  numbers[0] = numberOf(given.x);
  numbers[1] = numberOf(given.height);
  numbers[2] = numberOf(given.width);
  numbers[3] = numberOf(given.channels);
  numbers[4] = numberOf(given.size);
  numbers[5] = numberOf(given.out);
};

const maxPool: Layout = (given, numbers) => {
  numbers[0] = numberOf(given.x);
  numbers[1] = numberOf(given.window);
  numbers[2] = numberOf(given.out);
};

const multiplyChannelsReal: Layout = (given, numbers) => {
  numbers[0] = numberOf(given.x);
  numbers[1] = numberOf(given.factors);
  numbers[2] = numberOf(given.rows);
  numbers[3] = numberOf(given.channels);
  numbers[4] = numberOf(given.out);
};

const repeatChannels: Layout = (given, numbers) => {
  numbers[0] = numberOf(given.x);
  numbers[1] = numberOf(given.rows);
  numbers[2] = numberOf(given.channels);
  numbers[3] = numberOf(given.times);
  numbers[4] = numberOf(given.out);
};

const sigmoid: Layout = (given, numbers) => {
  numbers[0] = numberOf(given.x);
  numbers[1] = numberOf(given.count);
  numbers[2] = numberOf(given.out);
};

export const INFERENCE_LAYOUTS: Readonly<Record<string, Layout>> = {
  binarizeColumns,
  binaryProduct,
  binaryProductTable: binaryProduct,
  binaryUnit,
  binaryUnitTable: binaryUnit,
  gatherColumns,
  product,
  addBias,
  normalizeActivateReal,
  averagePool,
  maxPool,
  multiplyChannelsReal,
  repeatChannels,
  sigmoid,
};
