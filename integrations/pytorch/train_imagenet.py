"""rbnet18 on ImageNet in PyTorch, as the recipe imagenet-rbnet18 trains it: Adam, batch 512, cosine from 2.5e-3 after an epoch of warm-up,
weight decay 1e-4 of real weights, two stages of 128 epochs (real weights, then binary ones), crops, mirror images and lighting, and a
teacher where one is named.

    npx rbnet summary rbnet18 --classes 1000 --json > rbnet18.json
    torchrun --nproc-per-node 8 train_imagenet.py imagenet/ --network rbnet18.json --out run/ [--teacher resnet34]

`imagenet/` has `train/` and `val/` with a folder a class. Every epoch ends with run/state.pt, from which the same command goes on as if it
had never stopped, and run/weights.safetensors, of which, in the second stage, `npx rbnet import` makes a model. Products are in bfloat16,
all else is in float32.
"""

import argparse
import json
import math
import os
import pathlib
import time

import torch
import torch.distributed as distributed
from torch.nn import functional
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, DistributedSampler, Subset
from torchvision import datasets, models, transforms

import rbnet_torch

MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
BATCH = 512
RATE, DECAY, WARMUP = 2.5e-3, 1e-4, 1
SMALLEST_CROP = 0.08
LIGHTING = 0.1
# Of the colours of ImageNet's pixels: principal components, and the deviation along each (Krizhevsky et al., 2012).
COMPONENTS = torch.tensor([[-0.5675, 0.7192, 0.4009], [-0.5808, -0.0045, -0.8140], [-0.5836, -0.6948, 0.4203]])
DEVIATIONS = torch.tensor([0.2175, 0.0188, 0.0045])


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=pathlib.Path)
    parser.add_argument("--network", type=pathlib.Path, required=True, help="what `rbnet summary ... --json` printed")
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--epochs", type=int, default=256, help="of both stages; the first has half of them")
    parser.add_argument("--batch", type=int, default=BATCH, help="images an update, of all processes together")
    parser.add_argument("--teacher", help="a classifier of torchvision, such as resnet34, whose probabilities are learned")
    parser.add_argument("--teacher-weights", type=pathlib.Path, help="its state_dict, where torchvision is not to download it")
    parser.add_argument("--workers", type=int, default=8, help="that decode images, for each process")
    parser.add_argument("--steps", type=int, help="end epochs and validations after so many batches, to try it out")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


class Job:
    """This process among those that torchrun has started; alone without it."""

    def __init__(self):
        self.rank, self.size, local = (int(os.environ.get(name, one)) for name, one in (("RANK", 0), ("WORLD_SIZE", 1), ("LOCAL_RANK", 0)))
        self.device = torch.device("cuda", local) if torch.cuda.is_available() else torch.device("cpu")
        if self.size > 1:
            distributed.init_process_group("nccl" if self.device.type == "cuda" else "gloo")

    def shared(self, network):
        if self.size == 1:
            return network
        return DistributedDataParallel(network, device_ids=[self.device.index] if self.device.type == "cuda" else None)

    def sum(self, values):
        """Over all processes."""
        total = torch.tensor(values, dtype=torch.float64, device=self.device)
        if self.size > 1:
            distributed.all_reduce(total)
        return total.tolist()

    def agree(self, buffers):
        """Running statistics are those of a process's own images; the first one's are saved."""
        for buffer in buffers if self.size > 1 else ():
            distributed.broadcast(buffer, 0)

    def end(self):
        if self.size > 1:
            distributed.destroy_process_group()


def lit(image):
    """Another light: a shift of all pixels along the components."""
    return image + (COMPONENTS @ (DEVIATIONS * torch.randn(3) * LIGHTING))[:, None, None]


def loaders(options, size, job):
    """Classes, and this process's share of the batches: those to train on, and those to validate with."""
    for part in ("train", "val"):
        if not (options.data / part).is_dir():
            raise SystemExit(f"{options.data} has no folder {part}: name one that has train and val, with a folder a class")
    normalize = transforms.Normalize(MEAN, DEVIATION)
    crop = transforms.RandomResizedCrop(size, scale=(SMALLEST_CROP, 1.0))
    changes = [crop, transforms.RandomHorizontalFlip(), transforms.ToTensor(), lit, normalize]
    centre = [transforms.Resize(round(size * 256 / 224)), transforms.CenterCrop(size), transforms.ToTensor(), normalize]
    training = datasets.ImageFolder(options.data / "train", transforms.Compose(changes))
    validation = datasets.ImageFolder(options.data / "val", transforms.Compose(centre))
    sampler = DistributedSampler(training, job.size, job.rank, seed=options.seed, drop_last=True)
    # A sampler of this kind would repeat images until all processes have as many. Mixed, so that the first batches show all classes.
    order = torch.randperm(len(validation), generator=torch.Generator().manual_seed(0)).tolist()
    own = Subset(validation, order[job.rank :: job.size])
    shared = {"batch_size": options.batch // job.size, "num_workers": options.workers, "pin_memory": job.device.type == "cuda"}
    return training.classes, DataLoader(training, sampler=sampler, drop_last=True, **shared), DataLoader(own, **shared)


def teacher_of(options, classes, device):
    if options.teacher is None:
        return None
    if options.teacher_weights is None:
        teacher = models.get_model(options.teacher, weights="DEFAULT")
        if classes != 1000:
            raise SystemExit(f"{options.teacher} of torchvision knows 1000 classes, the data have {classes}: give --teacher-weights of one")
    else:
        teacher = models.get_model(options.teacher, num_classes=classes)
        teacher.load_state_dict(torch.load(options.teacher_weights, map_location="cpu", weights_only=True))
    return teacher.eval().requires_grad_(False).to(device)


def rate_at(update, per_epoch, total):
    """Of an update of a stage, counted from 0."""
    warmup = min(WARMUP * per_epoch, total)
    if update < warmup:
        return RATE * (update + 1) / (warmup + 1)
    return RATE * (1 + math.cos(math.pi * (update - warmup) / (total - warmup))) / 2


def loss_of(scores, labels, wanted):
    if wanted is None:
        return functional.cross_entropy(scores.float(), labels)
    logs, probabilities = functional.log_softmax(scores.float(), dim=1), functional.softmax(wanted.float(), dim=1)
    return functional.kl_div(logs, probabilities, reduction="batchmean")


def train(epoch_of_stage, network, shared, teacher, optimizer, batches, per_epoch, epochs, device):
    """One epoch; its mean loss."""
    network.train()
    total = 0.0
    for step, (images, labels) in zip(range(per_epoch), batches):
        images, labels = images.to(device, non_blocking=True), labels.to(device, non_blocking=True)
        for group in optimizer.param_groups:
            group["lr"] = rate_at(epoch_of_stage * per_epoch + step, per_epoch, epochs * per_epoch)
        with torch.autocast(device.type, torch.bfloat16):
            scores = shared(images)
            wanted = None if teacher is None else teacher(images)
        loss = loss_of(scores, labels, wanted)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        network.clip()
        total += loss.item()
    return total / per_epoch


@torch.inference_mode()
def count_right(network, batches, steps, device):
    """How many of how many images, of this process."""
    network.eval()
    right = seen = 0
    for _, (images, labels) in zip(range(steps or len(batches)), batches):
        with torch.autocast(device.type, torch.bfloat16):
            scores = network(images.to(device))
        right += (scores.argmax(1).cpu() == labels).sum().item()
        seen += len(labels)
    return right, seen


def save(options, network, optimizer, epochs, settings, classes):
    unfinished = options.out / "state.unfinished"
    state = {"network": network.state_dict(), "optimizer": optimizer.state_dict(), "epochs": epochs, "settings": settings}
    torch.save(state, unfinished)
    unfinished.replace(options.out / "state.pt")
    rbnet_torch.save(network, options.out / "weights.safetensors", classes, MEAN, DEVIATION)


def main():
    options, job = arguments(), Job()
    torch.manual_seed(options.seed)
    description = json.loads(options.network.read_text())["description"]
    classes, batches, validation = loaders(options, description["input"]["height"], job)
    if len(classes) != description["classes"]:
        known = f"{options.network} is for {description['classes']}: write it again with --classes {len(classes)}"
        raise SystemExit(f"{options.data} has {len(classes)} classes, {known}")
    if len(batches) == 0:
        raise SystemExit(f"{options.data} has fewer training images than a batch of {options.batch}: give a smaller --batch")
    network = rbnet_torch.build(description).to(job.device)
    shared, teacher = job.shared(network), teacher_of(options, len(classes), job.device)
    # Latent weights are clipped, the others decay; a stage begins with moments of its own.
    optimizer = torch.optim.AdamW(network.parameter_groups(DECAY), lr=RATE)
    per_epoch = min(len(batches), options.steps or len(batches))
    settings = {name: getattr(options, name) for name in ("epochs", "batch", "seed", "teacher")}
    settings |= {"network": description, "number of updates": per_epoch, "number of processes": job.size}
    done = 0
    options.out.mkdir(parents=True, exist_ok=True)
    if (options.out / "state.pt").exists():
        state = torch.load(options.out / "state.pt", map_location=job.device, weights_only=True)
        other = [name for name, value in settings.items() if state["settings"][name] != value]
        if other:
            raise SystemExit(f"{options.out} has a run with another {other[0]}: give the same command again, or another --out")
        network.load_state_dict(state["network"])
        optimizer.load_state_dict(state["optimizer"])
        done = state["epochs"]
    first_stage = options.epochs // 2
    for epoch in range(done, options.epochs):
        is_first, start = epoch < first_stage, time.monotonic()
        begun, epochs = (epoch, first_stage) if is_first else (epoch - first_stage, options.epochs - first_stage)
        network.set_weights("real" if is_first else "binary")
        if begun == 0:
            optimizer = torch.optim.AdamW(network.parameter_groups(DECAY), lr=RATE)
        # What is drawn in an epoch does not depend on those before: a run that was stopped goes on with the same images.
        torch.manual_seed((options.seed * options.epochs + epoch) * job.size + job.rank)
        batches.sampler.set_epoch(epoch)
        loss = train(begun, network, shared, teacher, optimizer, batches, per_epoch, epochs, job.device)
        job.agree(network.buffers())
        right, seen, loss = job.sum([*count_right(network, validation, options.steps, job.device), loss / job.size])
        if job.rank == 0:
            save(options, network, optimizer, epoch + 1, settings, classes)
            stage, seconds = 1 if is_first else 2, time.monotonic() - start
            accuracy = f"validation top-1 {100 * right / seen:.2f} %"
            print(f"stage {stage}, epoch {epoch + 1}/{options.epochs}: loss {loss:.6f}, {accuracy}, {seconds:.0f} s", flush=True)
    job.end()


if __name__ == "__main__":
    main()
