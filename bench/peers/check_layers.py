"""Computes a traced training step (bench/layer-trace.ts) again in PyTorch and compares: outputs, gradients and running
statistics of every layer.

    check_layers.py <trace.safetensors> [--threads 1]

Each layer gets our own input and our own gradient of its output, so that signs are decided on the same numbers and rounding
does not add up from layer to layer. PyTorch computes in float64, hence a difference is ours; beside it stands that of PyTorch in
float32. A trace in float64 is also computed as a whole, from weights and images alone. Prints one line of JSON.
"""

import argparse
import json
import math
import sys

try:
    import torch
    from safetensors import safe_open
except ModuleNotFoundError as missing:
    sys.exit(f"{missing.name} is not installed in this Python: run bench/peers/setup.sh")

from plain_layers import Numbers, Sides, loss_of, run_layer

# Largest difference that agrees, as a share of the tensor's largest value.
TOLERANCE = {torch.float64: 1e-10, torch.float32: 1e-5}
# A gradient that cancels, such as that of a factor which normalization takes away again, is rounding alone: its largest value
# counts as at least this share of the largest of all gradients.
LEAST_GRADIENT = 1e-3
# Where more than that is lost because a sum cancels, float32 loses it in PyTorch, too: so many times what it loses there still
# agrees, up to a limit.
TIMES_FLOAT32 = 8
MOST_LOST = 1e-3
# A value this close to a kink, as a share of the largest, may be on either side of it by rounding.
UNDECIDED = {torch.float64: 2.0**-48, torch.float32: 2.0**-21}
MOST_UNDECIDED = 64


class Trace:
    def __init__(self, path):
        with safe_open(path, "pt") as file:
            self.tensors = {name: file.get_tensor(name) for name in file.keys()}
            described = json.loads(file.metadata()["trace"])
        self.layers = described["layers"]
        self.loss = described["loss"]
        # Networks without binary layers have none.
        self.estimator = described["description"].get("estimator")
        self.precision = self.tensors["output/0"].dtype

    def parameters(self, names, dtype):
        return {name: self.tensors[f"parameter/{name}"].to(dtype, copy=True).requires_grad_() for name in names}

    def states(self, names, dtype):
        return {name: self.tensors[f"before/{name}"].to(dtype, copy=True) for name in names}

    def input_of(self, index):
        return self.tensors["images" if index == 0 else f"output/{index - 1}"]

    def loss_in(self, logits):
        labels, mix_labels = (self.tensors[name].long() for name in ("labels", "mixLabels"))
        return loss_of(logits.flatten(1), labels, mix_labels, self.tensors["teacher"].to(logits.dtype), self.loss)

    def ours(self, parameters, states):
        """What our step wrote of these."""
        gradients = {f"gradient of {name}": self.tensors[f"gradient/{name}"] for name in parameters}
        return gradients | {name: self.tensors[f"after/{name}"] for name in states}


def learned(parameters, states):
    """The same names for PyTorch's."""
    for name, parameter in parameters.items():
        if parameter.grad is None:
            sys.exit(f"{name} is in the trace, but no formula of plain_layers.py reads it: add it there")
    return {f"gradient of {name}": parameter.grad for name, parameter in parameters.items()} | states


def theirs_of_layer(trace, index, dtype, sides):
    layer = trace.layers[index]
    parameters, states = trace.parameters(layer["parameters"], dtype), trace.states(layer["states"], dtype)
    x = trace.input_of(index).to(dtype, copy=True).requires_grad_()
    out = run_layer(layer, x, Numbers(parameters, states, trace.estimator), sides)
    out.backward(trace.tensors[f"outputGradient/{index}"].to(dtype))
    found = {"output": out.detach()} | learned(parameters, states)
    return found if index == 0 else found | {"gradient of the input": x.grad}


def ours_of_layer(trace, index):
    layer = trace.layers[index]
    found = {"output": trace.tensors[f"output/{index}"]} | trace.ours(layer["parameters"], layer["states"])
    return found if index == 0 else found | {"gradient of the input": trace.tensors[f"outputGradient/{index - 1}"]}


def difference(ours, theirs, name, least):
    """Largest difference, and its share of the largest value, which is taken as at least `least`."""
    if ours.shape != theirs.shape:
        sys.exit(f"{name}: ours has the shape {list(ours.shape)}, PyTorch's {list(theirs.shape)}")
    absolute = (ours.double() - theirs.double()).abs().max().item()
    largest = max(theirs.abs().max().item(), least)
    # JSON knows no infinity.
    found = {"absolute": absolute, "relative": absolute / (largest or 1.0)}
    return {key: value if math.isfinite(value) else sys.float_info.max for key, value in found.items()}


def distance(ours, theirs):
    """One number of how far all tensors are apart, that of a search."""
    return sum(((ours[name].double() - theirs[name]).norm() / (theirs[name].norm() + 1e-30)).item() for name in theirs)


def compare(ours, theirs, tolerance, rounded=None):
    """rounded: PyTorch's in float32."""
    least = LEAST_GRADIENT * max((value.abs().max().item() for name, value in theirs.items() if name.startswith("gradient")), default=0.0)

    def apart(found):
        return {name: difference(found[name], theirs[name], name, least if name.startswith("gradient") else 0.0) for name in theirs}

    differences = apart(ours)
    allowed = dict.fromkeys(theirs, tolerance)
    found = {"tensors": len(differences), **by_part(differences)}
    if rounded is not None:
        lost = apart(rounded)
        allowed = {name: max(tolerance, min(MOST_LOST, TIMES_FLOAT32 * lost[name]["relative"])) for name in theirs}
        found["float32"] = by_part(lost)
    found["disagreeing"] = [{"tensor": name, **found} for name, found in differences.items() if found["relative"] > allowed[name]]
    return found


def by_part(differences):
    gradients = [found for name, found in differences.items() if name.startswith("gradient")]
    outputs = [found for name, found in differences.items() if not name.startswith("gradient")]
    return {"output": largest_of(outputs), "gradient": largest_of(gradients)}


def largest_of(differences):
    return {key: max((found[key] for found in differences), default=0.0) for key in ("absolute", "relative")}


def undecided(sides, precision):
    """(call, place) of the values whose side of a kink rounding decides."""
    found = []
    for call, distances in enumerate(sides.distances):
        close = distances.abs() <= UNDECIDED[precision] * distances.abs().max()
        found += [(call, tuple(place)) for place in close.nonzero().tolist()]
    return found


def settle(trace, index, ours, theirs, sides, places):
    """Moves undecided values, one at a time, to the side that ours seem to have taken; returns how many, with what PyTorch
    computes then."""
    moved = 0
    for call, place in places[:MOST_UNDECIDED]:
        chosen = [side.clone() for side in sides.taken]
        chosen[call][place] = ~chosen[call][place]
        others = Sides(chosen)
        found = theirs_of_layer(trace, index, torch.float64, others)
        if distance(ours, found) < distance(ours, theirs):
            moved, theirs, sides = moved + 1, found, others
    return moved, theirs, sides


def check_layer(trace, index):
    tolerance = TOLERANCE[trace.precision]
    sides = Sides()
    ours, theirs = ours_of_layer(trace, index), theirs_of_layer(trace, index, torch.float64, sides)
    places = undecided(sides, trace.precision)
    moved = 0
    if compare(ours, theirs, tolerance)["disagreeing"]:
        moved, theirs, sides = settle(trace, index, ours, theirs, sides, places)
    is_float32 = trace.precision == torch.float32
    rounded = theirs_of_layer(trace, index, torch.float32, Sides(sides.taken)) if is_float32 else None
    found = compare(ours, theirs, tolerance, rounded)
    return {"name": trace.layers[index]["name"], **found, "undecided": len(places), "moved": moved}


def check_loss(trace):
    last = len(trace.layers) - 1
    logits = trace.tensors[f"output/{last}"].double().requires_grad_()
    loss = trace.loss_in(logits)
    loss.backward()
    theirs = {"output": loss.detach(), "gradient of the input": logits.grad}
    value = torch.tensor(trace.loss["value"], dtype=torch.float64)
    ours = {"output": value, "gradient of the input": trace.tensors[f"outputGradient/{last}"]}
    return {"name": "loss", **compare(ours, theirs, TOLERANCE[trace.precision]), "undecided": 0, "moved": 0}


def check_network(trace):
    """From images and weights to the gradients, in float64, where no rounding takes a value across its threshold."""
    names = [name for layer in trace.layers for name in layer["parameters"]]
    state_names = [name for layer in trace.layers for name in layer["states"]]
    parameters, states = trace.parameters(names, torch.float64), trace.states(state_names, torch.float64)
    numbers, sides = Numbers(parameters, states, trace.estimator), Sides()
    x, outputs = trace.tensors["images"].double(), []
    for layer in trace.layers:
        x = run_layer(layer, x, numbers, sides)
        x.retain_grad()
        outputs.append(x)
    trace.loss_in(x).backward()
    theirs, ours = learned(parameters, states), trace.ours(names, state_names)
    for index, (layer, output) in enumerate(zip(trace.layers, outputs)):
        theirs |= {f"output of {layer['name']}": output.detach(), f"gradient of the output of {layer['name']}": output.grad}
        ours |= {
            f"output of {layer['name']}": trace.tensors[f"output/{index}"],
            f"gradient of the output of {layer['name']}": trace.tensors[f"outputGradient/{index}"],
        }
    closest = min((distances.abs().min().item() for distances in sides.from_thresholds), default=None)
    return {**compare(ours, theirs, TOLERANCE[torch.float64]), "closestToThreshold": closest}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("trace")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    trace = Trace(arguments.trace)
    layers = [check_layer(trace, index) for index in range(len(trace.layers))]
    network = check_network(trace) if trace.precision == torch.float64 else None
    print(json.dumps({"version": torch.__version__, "layers": [*layers, check_loss(trace)], "network": network}))


if __name__ == "__main__":
    main()
