"""The peer of `npm run bench -- training`: RB-Net-20's training step in eager PyTorch, float32.

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
from process_memory import reset_peak, status_bytes
from reshaped import BalancedActivation, ReshapedUnit

# (dilation, shift) of a stage's units.
PATTERNS = ((1, 0), (2, 0), (4, 0), (1, 1), (1, 0), (2, 0))
IMAGE_SIZE = 32


class RbNet20(nn.Module):
    """Stem, three stages of six units of widths 16, 32 and 64 times `width`, classifier; images are [N, 3, 32, 32]."""

    def __init__(self, width, classes):
        super().__init__()
        channels = 16 * width
        self.stem = nn.Conv2d(3, channels, 3, padding=1, bias=False)
        self.stem_norm = nn.BatchNorm2d(channels)
        self.stem_activation = BalancedActivation(channels)
        units = []
        for stage, stage_channels in enumerate((16 * width, 32 * width, 64 * width)):
            for index, (dilation, shift) in enumerate(PATTERNS):
                stride = 2 if stage > 0 and index == 0 else 1
                units.append(ReshapedUnit(channels, stage_channels, stride, dilation, shift))
                channels = stage_channels
        self.units = nn.Sequential(*units)
        self.classifier = nn.Linear(channels, classes)

    def forward(self, images):
        x = self.stem_activation(self.stem_norm(self.stem(images)).permute(0, 2, 3, 1))
        return self.classifier(self.units(x).mean((1, 2)))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--width", type=int, required=True)
    parser.add_argument("--batch", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--classes", type=int, default=10)
    arguments = parser.parse_args()

    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    resident_before = status_bytes("VmRSS")
    reset_peak()
    network = RbNet20(arguments.width, arguments.classes).to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3, fused=True)
    images = torch.randn(arguments.batch, 3, IMAGE_SIZE, IMAGE_SIZE).contiguous(memory_format=torch.channels_last)
    labels = torch.randint(0, arguments.classes, (arguments.batch,))

    def train_step():
        optimizer.zero_grad(set_to_none=True)
        functional.cross_entropy(network(images), labels).backward()
        optimizer.step()

    serve(torch.__version__, resident_before, train_step)


if __name__ == "__main__":
    main()
