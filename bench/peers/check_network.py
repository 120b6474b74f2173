"""Computes traced training steps (bench/layer-trace.ts) again with integrations/pytorch/rbnet_torch.py, the network as a whole, and
compares: logits, loss, all gradients, running statistics, and what an update by the same gradients makes of the parameters.

    check_network.py <trace.safetensors> ...

A trace of the reference backend is in float64, so that no rounding takes a value across its threshold, others are in float32; what is
computed here is as the trace. Prints a line of JSON for each: the largest difference of each kind, as a share of the tensor's largest
value.
"""

import json
import sys

try:
    import torch
    from safetensors import safe_open
except ModuleNotFoundError as missing:
    sys.exit(f"{missing.name} is not installed in this Python: run bench/peers/setup.sh")

from plain_layers import loss_of, rbnet_torch

# A gradient that cancels is rounding alone: its largest value counts as at least this share of the largest of all gradients.
LEAST_GRADIENT = 1e-3


def apart(ours, theirs, least=0.0):
    if ours.numel() != theirs.numel():
        return float(sys.float_info.max)
    largest = max(theirs.abs().max().item(), least) or 1.0
    return (ours.reshape(theirs.shape).double() - theirs.double()).abs().max().item() / largest


def check(path):
    with safe_open(path, "pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}
        trace = json.loads(file.metadata()["trace"])

    def named(kind):
        return {name[len(kind) + 1 :]: value for name, value in tensors.items() if name.startswith(f"{kind}/")}

    ours_logits = tensors[f"output/{len(trace['layers']) - 1}"]
    precision = ours_logits.dtype
    network = rbnet_torch.build(trace["description"]).to(precision)
    network.load_state_dict(named("parameter") | named("before"))
    network.set_weights(trace["weights"])
    update = trace["update"]
    optimizer = torch.optim.AdamW(network.parameter_groups(update["weightDecay"]), lr=update["learningRate"])
    logits = network(tensors["images"].to(precision).permute(0, 3, 1, 2))
    labels, mix_labels = (tensors[name].long() for name in ("labels", "mixLabels"))
    loss = loss_of(logits, labels, mix_labels, tensors["teacher"].to(precision), trace["loss"])
    loss.backward()
    ours, parameters, states = named("gradient"), dict(network.named_parameters()), dict(network.named_buffers())
    largest = max(parameter.grad.abs().max().item() for parameter in parameters.values())
    found = {
        "parameters": len(parameters),
        "logits": apart(ours_logits, logits.detach()),
        "loss": apart(torch.tensor(trace["loss"]["value"], dtype=precision), loss.detach()),
        "gradients": max(apart(ours[name], parameter.grad, LEAST_GRADIENT * largest) for name, parameter in parameters.items()),
        "states": max(apart(value, states[name]) for name, value in named("after").items()),
    }
    # Adam's first steps have one length, and where a gradient is rounding alone, their direction is, too: so both take ours.
    for name, parameter in parameters.items():
        parameter.grad = ours[name].reshape(parameter.shape)
    optimizer.step()
    network.clip()
    updated = named("updated")
    return found | {"updated": max(apart(updated[name], parameter.detach()) for name, parameter in parameters.items())}


if __name__ == "__main__":
    for trace_path in sys.argv[1:]:
        print(json.dumps(check(trace_path)), flush=True)
