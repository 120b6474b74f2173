"""The layers that a trace describes, in plain PyTorch, each as its formula reads (docs/architecture.md): what
check_layers.py compares ours with.

Maps are [images, height, width, channels]. Weights are [taps * channels, filters], taps row by row. A network that needs an
operation of another kind gets a function in OPERATIONS. How windows lie on a map is said in rbnet_torch.py alone.
"""

import pathlib
import sys

import torch
from torch.nn import functional

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "integrations" / "pytorch"))
import rbnet_torch  # noqa: E402

# Rows of an activation (from, left, right, to) that its kind learns; without a parameter it is a ReLU.
LEARNED_ROWS = {"relu": (), "prelu": (1,), "rprelu": (0, 1, 3), "balanced": (0, 1, 2, 3)}
RELU = (0.0, 0.0, 1.0, 0.0)


class Sides:
    """The side of a kink that each value is on, where a slope jumps. Kept by the call, so that a second run can take
    the same sides or others."""

    def __init__(self, chosen=()):
        self.chosen = chosen
        self.taken = []
        self.distances = []
        self.from_thresholds = []

    def above(self, distance):
        side = self.chosen[len(self.taken)] if self.chosen else distance > 0
        self.taken.append(side)
        self.distances.append(distance.detach())
        return side


class Sign(torch.autograd.Function):
    """+1 where x >= 0, -1 elsewhere; the gradient passes times `slope`."""

    @staticmethod
    def forward(context, x, slope):
        context.save_for_backward(slope)
        return torch.where(x >= 0, torch.ones_like(x), -torch.ones_like(x))

    @staticmethod
    def backward(context, gradient):
        (slope,) = context.saved_tensors
        return gradient * slope, None


class Numbers:
    """Parameters and running statistics by name, in the type that the computation has."""

    def __init__(self, parameters, states, estimator):
        self.parameters = parameters
        self.states = states
        self.estimator = estimator


def sign_of_input(x, threshold, estimator, sides):
    distance = x - threshold
    sides.from_thresholds.append(distance.detach())
    size = distance.detach().abs()
    if estimator == "polynomial":
        slope = (2 - 2 * size).clamp(min=0)
    elif estimator == "clip":
        slope = (~sides.above(size - 1)).to(x.dtype)
    else:
        raise ValueError(f"no estimator {estimator}")
    return Sign.apply(distance, slope)


def sign_of_weights(latent):
    return Sign.apply(latent, (latent.detach().abs() <= 1).to(latent.dtype))


def normalize(y, name, numbers):
    """By filter, over all windows of the batch: those that depth to space drops in part, too."""
    parameters, states = numbers.parameters, numbers.states
    normalized = functional.batch_norm(
        y.flatten(0, 2),
        states[f"{name}.normalization.running_mean"],
        states[f"{name}.normalization.running_variance"],
        parameters[f"{name}.normalization.gamma"],
        parameters[f"{name}.normalization.beta"],
        training=True,
        momentum=0.1,
        eps=1e-5,
    )
    return normalized.reshape(y.shape)


def activate(u, kind, shape, sides):
    """shape: [4, channels], or None for a ReLU."""
    rows = [u.new_tensor(value) for value in RELU] if shape is None else shape
    start, left, right, end = (row if index in LEARNED_ROWS[kind] else row.detach() for index, row in enumerate(rows))
    v = u - start
    return torch.where(sides.above(v), right * v, left * v) + end


def finish(y, operation, values, numbers, sides):
    """What follows a convolution: re-scaling by channel, normalization, depth to space, shortcut, activation."""
    name, windows = operation["name"], operation["windows"]
    if "factors" in operation:
        y = y * values[operation["factors"]]
    out = normalize(y, name, numbers)
    if operation["depthToSpace"]:
        height, width = values[operation["input"]].shape[1:3]
        out = rbnet_torch.lay_back(out, windows, height, width)
    if "shortcut" in operation:
        out = out + values[operation["shortcut"]]
    if "activation" in operation:
        out = activate(out, operation["activation"], numbers.parameters.get(f"{name}.activation"), sides)
    return out


def binary_convolution(operation, values, numbers, sides):
    name = operation["name"]
    threshold = numbers.parameters.get(f"{name}.threshold", 0.0)
    signs = sign_of_input(values[operation["input"]], threshold, numbers.estimator, sides)
    weights = sign_of_weights(numbers.parameters[f"{name}.latent"])
    return finish(rbnet_torch.convolve(signs, weights, operation["windows"], padding=-1.0), operation, values, numbers, sides)


def real_convolution(operation, values, numbers, sides):
    weights = numbers.parameters[f"{operation['name']}.weights"]
    y = rbnet_torch.convolve(values[operation["input"]], weights, operation["windows"], padding=0.0)
    return finish(y, operation, values, numbers, sides)


def average_pool(operation, values, _numbers, _sides):
    x = values[operation["input"]].permute(0, 3, 1, 2)
    return functional.avg_pool2d(x, operation["size"]).permute(0, 2, 3, 1)


def max_pool(operation, values, _numbers, _sides):
    windows = operation["windows"]
    x = values[operation["input"]].permute(0, 3, 1, 2)
    return functional.max_pool2d(x, windows["kernel"], windows["stride"], windows["padding"]).permute(0, 2, 3, 1)


def repeat_channels(operation, values, _numbers, _sides):
    return values[operation["input"]].repeat(1, 1, 1, operation["times"])


def dense(operation, values, numbers, sides):
    name = operation["name"]
    x = values[operation["input"]].flatten(1)
    logits = x @ numbers.parameters[f"{name}.weights"] + numbers.parameters[f"{name}.bias"]
    if operation.get("activation") == "relu":
        logits = torch.where(sides.above(logits), logits, torch.zeros_like(logits))
    elif operation.get("activation") == "sigmoid":
        logits = torch.sigmoid(logits)
    return logits[:, None, None, :]


OPERATIONS = {
    "binaryConvolution": binary_convolution,
    "realConvolution": real_convolution,
    "averagePool": average_pool,
    "maxPool": max_pool,
    "repeatChannels": repeat_channels,
    "dense": dense,
}


def run_layer(layer, x, numbers, sides):
    """From a layer's input to its output; updates the running statistics in place."""
    values = [x]
    for operation in layer["operations"]:
        kind = operation["kind"]
        if kind not in OPERATIONS:
            raise SystemExit(f"{operation['name']} is of the kind {kind}, which is not among OPERATIONS of plain_layers.py: add it there")
        values.append(OPERATIONS[kind](operation, values, numbers, sides))
    return values[-1]


def loss_of(logits, labels, mix_labels, teacher, settings):
    """Mean over the images of (1 - w) * cross-entropy to smoothed, mixed labels + w * T^2 * KL(teacher, softmax(logits / T))."""
    share, temperature = settings["mixWeight"], settings["temperature"]
    smoothing = settings["labelSmoothing"]
    of_labels = share * functional.cross_entropy(logits, labels, label_smoothing=smoothing)
    of_labels = of_labels + (1 - share) * functional.cross_entropy(logits, mix_labels, label_smoothing=smoothing)
    divergence = functional.kl_div(functional.log_softmax(logits / temperature, dim=1), teacher, reduction="batchmean")
    weight = settings["teacherWeight"]
    return (1 - weight) * of_labels + weight * temperature**2 * divergence
