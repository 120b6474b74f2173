#!/usr/bin/env bash
# Installs the benchmarks' peers: ONNX Runtime beside this file (440 MB), and PyTorch into a virtual environment outside the
# repository, because it takes about 5.5 GB. The benchmarks find it there; without it they name the peer under "absent" and
# measure the rest.
#
#   bench/peers/setup.sh                      into ${XDG_CACHE_HOME:-~/.cache}/rbnet-bench/venv
#   RBNET_BENCH_PYTHON=/path/to/python        tells the benchmarks to use another Python that has torch
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
environment="${XDG_CACHE_HOME:-$HOME/.cache}/rbnet-bench/venv"

# ONNX Runtime downloads libraries for CUDA when it is installed, which only a machine with such a GPU has use for.
command -v nvidia-smi > /dev/null || export ONNXRUNTIME_NODE_INSTALL=skip
npm install --prefix "$here" --no-package-lock --no-audit --no-fund

python3 -m venv "$environment"
"$environment/bin/pip" install --no-cache-dir --requirement "$here/requirements.txt"
"$environment/bin/python" -c 'import torch; print("PyTorch", torch.__version__, "is ready")'
