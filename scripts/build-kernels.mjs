// Compiles the AssemblyScript kernels, twice: with plain SIMD, and with relaxed SIMD (fused multiply-add). Skips what is up to date.
import { mkdirSync, readdirSync, statSync } from "node:fs";
import asc from "assemblyscript/asc";

const source = "src/backend/wasm/assembly";
const target = "dist/backend/wasm";
const features = ["simd", "threads", "bulk-memory"];
const builds = [
  { file: "kernels.wasm", features },
  { file: "kernels-relaxed.wasm", features: [...features, "relaxed-simd"] },
];

mkdirSync(target, { recursive: true });
const newest = Math.max(...readdirSync(source).map((file) => statSync(`${source}/${file}`).mtimeMs), statSync("scripts/build-kernels.mjs").mtimeMs);

for (const build of builds) {
  const out = `${target}/${build.file}`;
  if ((statSync(out, { throwIfNoEntry: false })?.mtimeMs ?? 0) > newest) continue;
  const { error, stderr } = await asc.main([
    `${source}/index.ts`,
    ...["--outFile", out, "-O3", "--converge", "--runtime", "stub"],
    ...["--importMemory", "--sharedMemory", "--initialMemory", "1", "--maximumMemory", "65536"],
    ...["--enable", build.features.join(",")],
  ]);
  if (error) {
    console.error(stderr.toString());
    process.exit(1);
  }
}
