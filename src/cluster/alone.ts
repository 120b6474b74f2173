/** A process that nobody else belongs to, which may still have all the parts of a batch. */

import { roundToBfloat16 } from "./bfloat16.js";
import type { Communicator } from "./communicator.js";
import { addInOrder, type OrderedSum } from "./ordered-sum.js";

export const ALONE: Communicator = {
  rank: 0,
  size: 1,
  members: [{ rank: 0, host: "this machine" }],
  gather: async (own) => [own],
  gatherNumbers: async (own) => [own.slice()],
  async broadcast(_from, own) {
    if (own === undefined) throw new Error("nobody has given what is to be broadcast");
    return own;
  },
  openSum({ elements, meansFrom, precision }, { count }): OrderedSum {
    const values = new Float32Array(count * elements);
    const own = Array.from({ length: count }, (_, part) => values.subarray(part * elements, (part + 1) * elements));
    const total = new Float32Array(elements);
    return {
      own,
      total,
      add(from, end) {
        const rounded = precision === "bfloat16" ? Math.min(end, meansFrom) : from;
        if (rounded > from) for (const part of own) roundToBfloat16(part.subarray(from, rounded));
        addInOrder(values.subarray(from), { parts: count, stride: elements }, total, { from, end, meansFrom });
        if (rounded > from) roundToBfloat16(total.subarray(from, rounded));
      },
      async finish() {},
    };
  },
};
