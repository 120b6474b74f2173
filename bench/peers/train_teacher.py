"""Trains a full-precision network with PyTorch and exports it as ONNX, to be the teacher of an RB-Net: a ResNet-20 (He et al. 2016,
section 4.2, halving shortcuts by average pooling and a 1x1 convolution), or with --network resnet9 a wide network of eight
convolutions and two residual blocks (after Page 2018, "How to train your ResNet"), which learns much more in as many epochs.

    train_teacher.py <folder with train/<class>/ and test/<class>/> <teacher.onnx> [--epochs 14] [--width 1] [--seed 1]
                     [--bfloat16] [--compile] [--network resnet9] [--label-smoothing 0.1] [--checkpoint <file>]

The file takes images as (batch, 3, size, size) RGB between 0 and 1 (it normalizes them itself) and answers with one score a class,
classes in the order of their folders' names. The test images are counted once, after the last epoch; nothing is chosen by them.
With --checkpoint the same command goes on after the last epoch that was finished, with the same order and draws.
"""
import argparse
import os
import pathlib
import time

import numpy
import torch
from PIL import Image
from torch import nn
from torch.nn import functional


class Block(nn.Module):
    def __init__(self, channels_in: int, channels: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels_in, channels, 3, stride, 1, bias=False)
        self.first_norm = nn.BatchNorm2d(channels)
        self.second = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.second_norm = nn.BatchNorm2d(channels)
        self.shortcut = nn.Identity()
        if stride == 2:
            self.shortcut = nn.Sequential(nn.AvgPool2d(2), nn.Conv2d(channels_in, channels, 1, bias=False), nn.BatchNorm2d(channels))

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        hidden = functional.relu(self.first_norm(self.first(maps)))
        return functional.relu(self.second_norm(self.second(hidden)) + self.shortcut(maps))


class ResNet20(nn.Module):
    def __init__(self, classes: int, width: float, mean: list[float], deviation: list[float]) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1))
        self.register_buffer("deviation", torch.tensor(deviation).view(1, 3, 1, 1))
        channels = [round(base * width) for base in (16, 32, 64)]
        layers: list[nn.Module] = [nn.Conv2d(3, channels[0], 3, 1, 1, bias=False), nn.BatchNorm2d(channels[0]), nn.ReLU()]
        previous = channels[0]
        for stage, count in enumerate(channels):
            for block in range(3):
                layers.append(Block(previous, count, 2 if stage > 0 and block == 0 else 1))
                previous = count
        self.body = nn.Sequential(*layers)
        self.classifier = nn.Linear(previous, classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.classifier(self.body((images - self.mean) / self.deviation).mean((2, 3)))


class Residual(nn.Module):
    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        return maps + self.inner(maps)


class ResNet9(nn.Module):
    """0.38 G multiply-adds for 32 x 32 pixels at width 1, a quarter of it at width 0.5."""

    def __init__(self, classes: int, width: float, mean: list[float], deviation: list[float]) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1))
        self.register_buffer("deviation", torch.tensor(deviation).view(1, 3, 1, 1))
        first, second, third, last = (round(base * width) for base in (64, 128, 256, 512))

        def unit(channels_in: int, channels: int, halves: bool = False) -> nn.Sequential:
            layers: list[nn.Module] = [nn.Conv2d(channels_in, channels, 3, 1, 1, bias=False)]
            if halves:
                layers.append(nn.MaxPool2d(2))
            return nn.Sequential(*layers, nn.BatchNorm2d(channels), nn.ReLU())

        self.body = nn.Sequential(
            unit(3, first),
            unit(first, second, halves=True),
            Residual(nn.Sequential(unit(second, second), unit(second, second))),
            unit(second, third, halves=True),
            unit(third, last, halves=True),
            Residual(nn.Sequential(unit(last, last), unit(last, last))),
        )
        self.classifier = nn.Linear(last, classes, bias=False)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return 0.125 * self.classifier(self.body((images - self.mean) / self.deviation).amax((2, 3)))


NETWORKS = {"resnet20": ResNet20, "resnet9": ResNet9}


def load(folder: pathlib.Path, classes: list[str]) -> tuple[torch.Tensor, torch.Tensor]:
    """Images (count, 3, height, width) in bytes, and their classes."""
    images, labels = [], []
    for label, name in enumerate(classes):
        for path in sorted((folder / name).iterdir()):
            with Image.open(path) as image:
                images.append(numpy.asarray(image.convert("RGB")))
            labels.append(label)
    return torch.from_numpy(numpy.stack(images)).permute(0, 3, 1, 2).contiguous(), torch.tensor(labels)


def augmented(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Each image moved by up to 4 pixels over black, and mirrored half of the time; between 0 and 1."""
    count, _, height, width = images.shape
    padded = functional.pad(images, (4, 4, 4, 4))
    left = torch.randint(0, 9, (count, 1), generator=generator)
    top = torch.randint(0, 9, (count, 1), generator=generator)
    columns = left + torch.arange(width)
    mirrored = torch.rand(count, 1, generator=generator) < 0.5
    columns = torch.where(mirrored, columns.flip(1), columns)
    rows = top + torch.arange(height)
    picked = padded[torch.arange(count)[:, None, None], :, rows[:, :, None], columns[:, None, :]]
    return picked.permute(0, 3, 1, 2).float().div_(255).contiguous(memory_format=torch.channels_last)


def top1(network: nn.Module, images: torch.Tensor, labels: torch.Tensor) -> float:
    network.eval()
    with torch.inference_mode():
        parts = [network(part.float().div(255).contiguous(memory_format=torch.channels_last)).argmax(1) for part in images.split(500)]
    network.train()
    return (torch.cat(parts) == labels).float().mean().item()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--epochs", type=int, default=14)
    parser.add_argument("--width", type=float, default=1)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--rate", type=float, default=0.2, help="highest learning rate, reached after a fifth of the steps")
    parser.add_argument("--network", choices=NETWORKS, default="resnet20")
    parser.add_argument("--label-smoothing", type=float, default=0.0)
    parser.add_argument("--checkpoint", type=pathlib.Path, help="kept after each epoch, and gone on from where it is there")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--bfloat16", action="store_true",
                        help="products in bfloat16 while training: twice as fast on processors with matrix units")
    parser.add_argument("--compile", action="store_true", help="train through torch.compile, which needs a C++ compiler")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    generator = torch.Generator().manual_seed(options.seed)

    classes = sorted(path.name for path in (options.data / "train").iterdir() if path.is_dir())
    images, labels = load(options.data / "train", classes)
    sums = images[:: max(1, len(images) // 5000)].double().div(255)
    network = NETWORKS[options.network](len(classes), options.width, sums.mean((0, 2, 3)).tolist(), sums.std((0, 2, 3)).tolist())
    network = network.to(memory_format=torch.channels_last)
    decayed = [value for value in network.parameters() if value.ndim > 1]
    plain = [value for value in network.parameters() if value.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": 5e-4}, {"params": plain, "weight_decay": 0.0}]
    optimizer = torch.optim.SGD(groups, options.rate, momentum=0.9, nesterov=True)
    steps = len(images) // options.batch
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, options.rate, total_steps=steps * options.epochs, pct_start=0.2, anneal_strategy="linear", cycle_momentum=False
    )
    trained = torch.compile(network) if options.compile else network
    kept = {"network": network, "optimizer": optimizer, "schedule": schedule}
    settings = {name: str(value) for name, value in vars(options).items() if name not in ("out", "checkpoint", "threads")}
    first = 0
    if options.checkpoint is not None and options.checkpoint.exists():
        state = torch.load(options.checkpoint, weights_only=True)
        if state["settings"] != settings:
            raise SystemExit(f"{options.checkpoint} is of other settings: {state['settings']}")
        for name, part in kept.items():
            part.load_state_dict(state[name])
        generator.set_state(state["generator"])
        first = state["epochs"]
    start = time.monotonic()
    for epoch in range(first, options.epochs):
        order = torch.randperm(len(images), generator=generator)
        loss_sum, correct = 0.0, 0
        for step in range(steps):
            chosen = order[step * options.batch : (step + 1) * options.batch]
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=options.bfloat16):
                scores = trained(augmented(images[chosen], generator)).float()
            loss = functional.cross_entropy(scores, labels[chosen], label_smoothing=options.label_smoothing)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            loss_sum += loss.item()
            correct += (scores.argmax(1) == labels[chosen]).sum().item()
        seen = steps * options.batch
        print(f"epoch {epoch + 1}: loss {loss_sum / steps:.4f}, top-1 {100 * correct / seen:.2f} % of augmented training images, "
              f"{time.monotonic() - start:.0f} s", flush=True)
        if options.checkpoint is not None:
            state = {name: part.state_dict() for name, part in kept.items()}
            beside = options.checkpoint.with_suffix(".unfinished")
            torch.save({**state, "generator": generator.get_state(), "epochs": epoch + 1, "settings": settings}, beside)
            os.replace(beside, options.checkpoint)

    held_out, answers = load(options.data / "test", classes)
    print(f"test top-1 {100 * top1(network, held_out, answers):.2f} % of {len(held_out)} images", flush=True)
    network.eval()
    example = torch.zeros(2, 3, *images.shape[2:])
    torch.onnx.export(network, (example,), str(options.out), input_names=["images"], output_names=["scores"],
                      dynamo=True, external_data=False, dynamic_shapes=({0: torch.export.Dim("batch")},))


if __name__ == "__main__":
    main()
