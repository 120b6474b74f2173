"""The peer of `npm run bench -- training`: the training step of an RB-Net in PyTorch, eager or compiled, in float32 or with
bfloat16 products; on a GPU by CUDA, where float32 products are those of TF32.

Driven over standard input and output, so that the benchmark interleaves it with the product: see bench/README.md,
"The line protocol". Says so and exits where PyTorch is not installed.
"""

import argparse
import sys

try:
    import torch
except ModuleNotFoundError:
    sys.exit("PyTorch is not installed in this Python: run bench/peers/setup.sh")

import torch.nn.functional as functional
from torch import nn

from line_protocol import serve
import reshaped
from process_memory import reset_peak, status_bytes
from reshaped import BalancedActivation, BatchNorm, ConvolutionUnit, ReshapedUnit, SpaceToDepth, patterns


class RbNet(nn.Module):
    """Stem, stages of units that halve the map from the second stage on, classifier; images are [N, C, H, W], the maps
    between [N, H, W, C]."""

    def __init__(self, stem, size, stages, classes):
        super().__init__()
        self.stem = stem
        units = []
        channels = stages[0][0]
        for stage, (stage_channels, count) in enumerate(stages):
            for index in range(count):
                halve = stage > 0 and index == 0
                # A stage's pattern starts at its first unit, which has none of its own where it halves.
                choices = patterns(size)
                dilation, shift = (1, 0) if halve else choices[index % len(choices)]
                units.append(ReshapedUnit(channels, stage_channels, size, 2 if halve else 1, dilation, shift))
                size //= 2 if halve else 1
                channels = stage_channels
        self.units = nn.Sequential(*units)
        self.classifier = nn.Linear(channels, classes)

    def forward(self, images):
        return self.classifier(self.units(self.stem(images)).mean((1, 2)))


def rbnet20(width, classes):
    """Three stages of six units on 32, 16 and 8 pixels."""
    channels = round(16 * width)
    stem = ConvolutionUnit(3, channels, 1)
    return RbNet(stem, 32, [(channels, 6), (2 * channels, 6), (4 * channels, 6)], classes)


def rbnet18(width, classes):
    """A stride-2 convolution and a real reshaped one to 56 pixels, then four stages of four units."""
    channels = round(64 * width)
    first = round(16 * width)
    stem = nn.Sequential(
        ConvolutionUnit(3, first, 2),
        SpaceToDepth(),
        nn.Linear(4 * first, channels, bias=False),
        BatchNorm(channels),
        BalancedActivation(channels),
    )
    return RbNet(stem, 56, [(channels, 4), (2 * channels, 4), (4 * channels, 4), (8 * channels, 4)], classes)


# Network, and the side and classes of what it is trained on.
NETWORKS = {"rbnet20": (rbnet20, 32, 10), "rbnet18": (rbnet18, 224, 1000)}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--network", choices=NETWORKS, required=True)
    parser.add_argument("--width", type=float, required=True)
    parser.add_argument("--batch", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--bfloat16", action="store_true")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    arguments = parser.parse_args()

    device = arguments.device
    on_gpu = device == "cuda"
    if on_gpu and not torch.cuda.is_available():
        sys.exit("PyTorch finds no GPU that it can use by CUDA here")
    if on_gpu:
        torch.set_float32_matmul_precision("high")
        torch.backends.cudnn.allow_tf32 = True
        torch.backends.cudnn.benchmark = True
    reshaped.use(device)
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    resident_before = status_bytes("VmRSS")
    reset_peak()
    build, size, classes = NETWORKS[arguments.network]
    network = build(arguments.width, classes).to(device, memory_format=torch.channels_last)
    forward = torch.compile(network) if arguments.compile else network
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3, fused=True)
    images = torch.randn(arguments.batch, 3, size, size, device=device).contiguous(memory_format=torch.channels_last)
    labels = torch.randint(0, classes, (arguments.batch,), device=device)

    def train_step():
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast(device, dtype=torch.bfloat16, enabled=arguments.bfloat16):
            scores = forward(images)
        functional.cross_entropy(scores.float(), labels).backward()
        optimizer.step()
        if on_gpu:
            torch.cuda.synchronize()

    def gpu_memory():
        """What tensors took at most, without what the allocator keeps besides."""
        return {"peakBytes": torch.cuda.max_memory_allocated(), "residentBytes": torch.cuda.max_memory_reserved()}

    if on_gpu:
        version = f"{torch.__version__} ({torch.cuda.get_device_name()})"
        serve(version, resident_before, train_step, memory=gpu_memory)
    else:
        serve(torch.__version__, resident_before, train_step)


if __name__ == "__main__":
    main()
