"""What PyTorch alone makes of images of a safetensors file: a network that it trains for some steps and saves, or one that it loads from a
checkpoint of ours. Takes a list of these as JSON, and prints what each is worth on the other images of its file.

    train_shapes.py '[{"images": "...", "write": "...", "steps": 200}, {"images": "...", "load": "..."}]'
"""

import json
import pathlib
import sys

import torch
from safetensors import safe_open
from torch.nn import functional

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "integrations" / "pytorch"))
import rbnet_torch  # noqa: E402

BATCH = 64
RATE = 0.01


def train(network, images, labels, steps):
    optimizer = torch.optim.AdamW(network.parameter_groups(1e-4), lr=RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(steps):
        chosen = torch.randint(len(images), (BATCH,))
        loss = functional.cross_entropy(network(images[chosen]), labels[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        network.clip()
        schedule.step()


def worth(job):
    torch.manual_seed(1)
    with safe_open(job["images"], "pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}
        about = json.loads(file.metadata()["about"])
    images, others = (tensors[name].permute(0, 3, 1, 2) for name in ("images", "others"))
    labels, answers = (tensors[name].long() for name in ("labels", "answers"))
    if "load" in job:
        network, _ = rbnet_torch.load(job["load"])
    else:
        network = rbnet_torch.build(about["description"])
        train(network, images, labels, job["steps"])
        rbnet_torch.save(network, job["write"], about["classes"], about["mean"], about["deviation"])
    with torch.no_grad():
        logits = network.eval()(others)
        # Last, for it changes the running statistics.
        first_loss = functional.cross_entropy(network.train()(images[:BATCH]), labels[:BATCH]).item()
    loss = functional.cross_entropy(logits, answers).item()
    return {"labels": logits.argmax(1).tolist(), "loss": loss, "firstLoss": first_loss}


if __name__ == "__main__":
    print(json.dumps([worth(job) for job in json.loads(sys.argv[1])]))
