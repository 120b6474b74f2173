/** Channels that are weighed by image or repeated, in the reference. */
import type { ChannelKernels } from "../kernels.js";
import { elements, matrixShape } from "./memory.js";

export const channelKernels: ChannelKernels = {
  multiplyChannels(x, factors, out) {
    const [M, C] = matrixShape(x);
    const rows = M / matrixShape(factors)[0];
    const [X, F, OUT] = [x, factors, out].map(elements);
    for (let m = 0; m < M; m++) for (let c = 0; c < C; c++) OUT[m * C + c] = X[m * C + c] * F[Math.floor(m / rows) * C + c];
  },

  multiplyChannelsGradient(dOut, x, factors, dx, dFactors) {
    const [M, C] = matrixShape(x);
    const rows = M / matrixShape(factors)[0];
    const [DO, X, F, DX, DF] = [dOut, x, factors, dx, dFactors].map(elements);
    DF.fill(0);
    for (let m = 0; m < M; m++) {
      for (let c = 0; c < C; c++) {
        const factor = Math.floor(m / rows) * C + c;
        DF[factor] += DO[m * C + c] * X[m * C + c];
        DX[m * C + c] = DO[m * C + c] * F[factor];
      }
    }
  },

  repeatChannels(x, times, out) {
    const [M, C] = matrixShape(x);
    const [X, OUT] = [x, out].map(elements);
    for (let m = 0; m < M; m++) for (let c = 0; c < times * C; c++) OUT[m * times * C + c] = X[m * C + (c % C)];
  },

  repeatChannelsGradient(dOut, times, dx) {
    const [M, C] = matrixShape(dx);
    const [DO, DX] = [dOut, dx].map(elements);
    DX.fill(0);
    for (let m = 0; m < M; m++) for (let c = 0; c < times * C; c++) DX[m * C + (c % C)] += DO[m * times * C + c];
  },

  sigmoid(x, out) {
    const [X, OUT] = [x, out].map(elements);
    for (let i = 0; i < X.length; i++) OUT[i] = 1 / (1 + Math.exp(-X[i]));
  },

  sigmoidGradient(dOut, out, dx) {
    const [DO, OUT, DX] = [dOut, out, dx].map(elements);
    for (let i = 0; i < DO.length; i++) DX[i] = DO[i] * OUT[i] * (1 - OUT[i]);
  },
};
