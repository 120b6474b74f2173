#!/usr/bin/env bash
# What a machine with a GPU has to show: that the kernels keep their contract on it, that a short training gives what the processor gives,
# and how long each takes. Needs Node, a built `dist` and the packages of the repository, `webgpu` among them.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

runs=$(mktemp -d)
trap 'rm -rf "$runs"' EXIT
rbnet=(node dist/cli/main.js)

echo "== what is here"
"${rbnet[@]}" doctor

echo "== the kernels' claims"
npx vitest run test/backend/webgpu

echo "== a short training, on the GPU and on the processor"
for backend in webgpu auto; do
  started=$(date +%s)
  "${rbnet[@]}" train shapes --network rbnet8 --epochs 3 --backend "$backend" --out "$runs/$backend"
  echo "$backend took $(($(date +%s) - started)) s"
done
"${rbnet[@]}" eval "$runs/webgpu/model.safetensors" shapes --backend wasm
"${rbnet[@]}" eval "$runs/webgpu/model.safetensors" shapes --backend webgpu

echo "== one image, and a batch"
"${rbnet[@]}" bench "$runs/webgpu/model.safetensors" --backend webgpu
