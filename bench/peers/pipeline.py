"""The peer of `npm run bench -- pipeline`: torchvision's transforms behind PyTorch's DataLoader with worker processes.

Driven over standard input and output: see bench/README.md, "The line protocol". Says so and exits where torchvision is not installed.
"""

import argparse
import sys

try:
    import torch
    import torchvision
except ModuleNotFoundError:
    sys.exit("torchvision is not installed in this Python: run bench/peers/setup.sh")

from torchvision import datasets, transforms

from line_protocol import serve
from process_memory import reset_peak, status_bytes

PREFETCH = 2  # batches a worker keeps ready; PyTorch's own default


def endless(loader):
    while True:
        yield from loader


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", required=True)
    parser.add_argument("--size", type=int, required=True)
    parser.add_argument("--batch", type=int, required=True)
    parser.add_argument("--workers", type=int, required=True)
    arguments = parser.parse_args()

    torch.set_num_threads(1)
    torch.manual_seed(0)
    resident_before = status_bytes("VmRSS")
    reset_peak()
    changes = transforms.Compose([
        transforms.RandomResizedCrop(arguments.size),
        transforms.RandomHorizontalFlip(),
        transforms.ColorJitter(0.4, 0.4, 0.4),
        transforms.ToTensor(),
        transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    ])
    loader = torch.utils.data.DataLoader(
        datasets.ImageFolder(arguments.data, changes),
        batch_size=arguments.batch,
        shuffle=True,
        drop_last=True,
        num_workers=arguments.workers,
        prefetch_factor=PREFETCH,
        persistent_workers=True,
    )
    batches = endless(loader)
    next(batches)

    def take_ready():
        # What was made ready while the other side worked is no work of this round.
        for _ in range(PREFETCH * arguments.workers):
            next(batches)

    version = f"{torchvision.__version__}, torch {torch.__version__}"
    serve(version, resident_before, lambda: next(batches), take_ready)


if __name__ == "__main__":
    main()
