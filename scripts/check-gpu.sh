#!/usr/bin/env bash
# What a machine with a GPU has to show: that the kernels keep their contract on it, that a short training gives what the processor gives,
# and how fast it is. Ends within 8 minutes: what does not fit is named and left out.
#
#   scripts/check-gpu.sh                    here: needs Node, a built `dist` and the packages of the repository, `webgpu` among them
#   scripts/check-gpu.sh pack gpu.tar.xz    packs all that a bare Linux machine needs, Node too, for one of this one's kind; there:
#                                           tar xf gpu.tar.xz && check-gpu/scripts/check-gpu.sh
#
# RBNET_CHECK_SMALL=1 makes everything as small as it goes, for a GPU in software. RBNET_BENCH_PYTHON names a Python with PyTorch.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
node=node
[[ -x ./node ]] && node=$PWD/node

if [[ ${1:-} == pack ]]; then
  exec "$node" scripts/pack-gpu-check.mjs "${2:?the file to pack into is missing: scripts/check-gpu.sh pack gpu.tar.xz}"
fi

readonly BUDGET=470
small=${RBNET_CHECK_SMALL:-}
runs=$(mktemp -d)
trap 'rm -rf "$runs"' EXIT
failed=()

# Runs a step for so many seconds at most, and within what is left of all.
step() {
  local name=$1 most=$2 left=$((BUDGET - SECONDS)) started=$SECONDS status=0
  shift 2
  echo "== $name"
  if ((left < 5)); then
    failed+=("$name (no time was left)")
    return
  fi
  timeout --kill-after=5 $((left < most ? left : most)) "$@" || status=$?
  echo "-- $((SECONDS - started)) s"
  case $status in
    0) ;;
    124 | 137) failed+=("$name (took too long)") ;;
    *) failed+=("$name (exit code $status)") ;;
  esac
}

rbnet=("$node" dist/cli/main.js)
bench=("$node" dist-bench/main.js)
if [[ -n $small ]]; then
  train=(--network rbnet8 --width 0.25 --size 16 --epochs 1 --batch 250)
  training=(--network rbnet20 --width 1 --batch 2 --steps 1 --rounds 1 --peers pytorch-cuda-eager)
  inference=(--batch 1 --steps 1 --rounds 1)
  claims=(test/backend/webgpu/recording.test.ts test/backend/webgpu/features.test.ts)
else
  train=(--network rbnet8 --epochs 3)
  training=(--network rbnet18 --batch 256 --steps 4 --rounds 5)
  inference=(--batch 256 --steps 4 --rounds 5)
  claims=(test/backend/webgpu test/data/augmentation/raw-images.test.ts)
fi

step "what is here" 60 "${rbnet[@]}" doctor > >(tee "$runs/here")
step "the kernels' claims" 150 "$node" node_modules/vitest/vitest.mjs run "${claims[@]}"
for backend in webgpu wasm; do
  step "a short training, by $backend" 90 "${rbnet[@]}" train shapes "${train[@]}" --seed 1 --backend "$backend" --out "$runs/$backend"
done
model=$runs/webgpu/model.safetensors
if [[ -f $model ]]; then
  for backend in webgpu wasm; do
    step "the GPU's model, by $backend" 60 "${rbnet[@]}" eval "$model" shapes --backend "$backend"
  done
  step "one image, and a batch" 60 "${rbnet[@]}" bench "$model" --backend webgpu
fi
step "training steps" 120 "${bench[@]}" training --backend webgpu "${training[@]}"
if grep -q shader-f16 "$runs/here"; then
  step "training steps in float16" 60 "${bench[@]}" training --backend webgpu --precision float16 "${training[@]}"
fi
step "answers" 90 "${bench[@]}" inference --backend webgpu "${inference[@]}"

echo "== all took $SECONDS s"
if ((${#failed[@]} > 0)); then
  printf 'failed: %s\n' "${failed[@]}"
  exit 1
fi
echo "all steps passed"
