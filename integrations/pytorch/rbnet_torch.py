"""The networks of rbnet in PyTorch: the same layers, estimators and initial values, and parameters under the same names.

    network = rbnet_torch.build(description)             # `description` of what `rbnet summary rbnet18 --json` prints
    network, about = rbnet_torch.load("runs/photos/checkpoint.safetensors")
    rbnet_torch.save(network, "weights.safetensors", classes=[...], mean=[...], deviation=[...])

What `save` writes, `rbnet import weights.safetensors --out model.safetensors` checks, folds and packs.

Images are [N, 3, H, W], as everywhere in PyTorch. Maps between layers are [N, H, W, C]; weights are [taps * channels, filters], the taps
of a window row by row, the channels of a tap side by side. Three functions have a backward of their own: autograd would keep more than
they need.
"""

import json
import math

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import nn
from torch.autograd import Function
from torch.nn import functional

PIXELS = (0, 1, 2)  # the dimensions of a map that a parameter by channel is shared over
INITIAL_GAMMA = 0.25  # a unit starts close to its shortcut
INITIAL_LEFT = 0.25
GATE_REDUCTION = 8
EPSILON = 1e-5
MOMENTUM = 0.1
FORMAT = "rbnet-weights"

# Rows of an activation (from, left, right, to) that its kind learns; the others stay as they are initialized.
LEARNED_ROWS = {"prelu": (1,), "rprelu": (0, 1, 3), "balanced": (0, 1, 2, 3)}


def slope_of(distance, estimator):
    """What the gradient of a sign is taken for at this distance from its threshold."""
    if estimator == "polynomial":
        return (2 - 2 * distance.abs()).clamp(min=0)
    if estimator == "clip":
        return (distance.abs() <= 1).to(distance.dtype)
    raise ValueError(f"there is no estimator {estimator}")


def sign(x):
    """Zero, of either sign, is +1."""
    return torch.where(x >= 0, 1.0, -1.0).to(x.dtype)


class SignOfInput(Function):
    """+1 where x is at least its channel's threshold, -1 elsewhere; backward by the estimator."""

    @staticmethod
    def forward(ctx, x, threshold, estimator):
        distance = x - threshold
        ctx.save_for_backward(distance)
        ctx.estimator = estimator
        return sign(distance)

    @staticmethod
    def backward(ctx, gradient):
        (distance,) = ctx.saved_tensors
        gradient = gradient * slope_of(distance, ctx.estimator)
        return gradient, -gradient.sum(PIXELS) if ctx.needs_input_grad[1] else None, None


class WeightOfLatent(Function):
    """The signs of latent weights, or, in a first stage of training, the weights themselves; the gradient passes from -1 to 1."""

    @staticmethod
    def forward(ctx, latent, is_binary):
        ctx.save_for_backward(latent)
        return sign(latent) if is_binary else latent.clone()

    @staticmethod
    def backward(ctx, gradient):
        (latent,) = ctx.saved_tensors
        return gradient * (latent.abs() <= 1), None


class Bend(Function):
    """right * (x - start) + end where x > start, left * (x - start) + end elsewhere."""

    @staticmethod
    def forward(ctx, x, start, left, right, end):
        centred = x - start
        ctx.save_for_backward(centred, left, right)
        return torch.where(centred > 0, right, left) * centred + end

    @staticmethod
    def backward(ctx, gradient):
        centred, left, right = ctx.saved_tensors
        is_right = centred > 0
        product = gradient * centred
        right_slope = (product * is_right).sum(PIXELS)
        dx = gradient * torch.where(is_right, right, left)
        return dx, -dx.sum(PIXELS), product.sum(PIXELS) - right_slope, right_slope, gradient.sum(PIXELS)


def space_to_depth(x, dilation, shift, padding):
    """Blocks of 2 x 2 pixels that lie `dilation` apart, the first block `shift` pixels outside: [N, rows, columns, 4 * C]."""
    images, height, width, channels = x.shape
    span = 2 * dilation
    below, right = -(height + shift) % span, -(width + shift) % span
    if dilation > 1 and (shift or below or right):
        raise ValueError(f"blocks of dilation {dilation} do not divide a map of {height} x {width}")
    framed = functional.pad(x, (0, 0, shift, right, shift, below), value=padding) if shift or below or right else x
    rows, columns = framed.shape[1] // span, framed.shape[2] // span
    blocks = framed.reshape(images, rows, 2, dilation, columns, 2, dilation, channels).permute(0, 1, 3, 4, 6, 2, 5, 7)
    return blocks.reshape(images, rows * dilation, columns * dilation, 4 * channels)


def depth_to_space(y, dilation, shift, height, width):
    """The way back, of 4 * C filters a block; what lies outside of the map is dropped."""
    images, rows, columns, filters = y.shape
    blocks = y.reshape(images, rows // dilation, dilation, columns // dilation, dilation, 2, 2, filters // 4)
    framed = blocks.permute(0, 1, 5, 2, 3, 6, 4, 7).reshape(images, 2 * rows, 2 * columns, filters // 4)
    return framed[:, shift : shift + height, shift : shift + width]


def patches_to_depth(x, size, padding):
    """Neighbouring patches of size x size pixels: [N, rows, columns, size^2 * C]."""
    images, height, width, channels = x.shape
    framed = functional.pad(x, (0, 0, 0, -width % size, 0, -height % size), value=padding)
    rows, columns = framed.shape[1] // size, framed.shape[2] // size
    patches = framed.reshape(images, rows, size, columns, size, channels).permute(0, 1, 3, 2, 4, 5)
    return patches.reshape(images, rows, columns, size * size * channels)


def convolve(x, weights, windows, padding):
    """The product of every window with the weights, [N, rows, columns, filters]; what lies outside the map is `padding`."""
    if windows["kind"] == "patches":
        return patches_to_depth(x, windows["size"], padding) @ weights
    if windows["kind"] == "blocks":
        return space_to_depth(x, windows["dilation"], windows["shift"], padding) @ weights
    kernel, frame, stride = windows["kernel"], windows["padding"], windows["stride"]
    if kernel == 1 and stride == 1 and frame == 0:
        return x @ weights
    planes = x.permute(0, 3, 1, 2)
    if padding != 0 and frame > 0:
        planes, frame = functional.pad(planes, (frame, frame, frame, frame), value=padding), 0
    # The backward pass of a convolution takes weights in one piece alone.
    filters = weights.reshape(kernel, kernel, x.shape[3], -1).permute(3, 2, 0, 1).contiguous()
    return functional.conv2d(planes, filters, stride=stride, padding=frame).permute(0, 2, 3, 1)


def lay_back(y, windows, height, width):
    """Depth to space over the windows of a map of height x width; patches halve it."""
    if windows["kind"] == "patches":
        if windows["size"] != 4:
            raise ValueError(f"results of patches of {windows['size']} pixels are laid on other blocks than 2 x 2")
        return depth_to_space(y, 1, 0, -(-height // 2), -(-width // 2))
    return depth_to_space(y, windows["dilation"], windows["shift"], height, width)


def grid(kernel, stride):
    return {"kind": "grid", "kernel": kernel, "stride": stride, "padding": kernel // 2}


def blocks(dilation, shift):
    return {"kind": "blocks", "dilation": dilation, "shift": shift}


def taps_of(windows):
    return {"grid": windows.get("kernel"), "blocks": 2, "patches": windows.get("size")}[windows["kind"]] ** 2


def normal(inputs, filters, deviation):
    return nn.Parameter(torch.randn(inputs, filters) * deviation)


class Normalization(nn.Module):
    """Batch normalization by filter, over all windows of the batch."""

    def __init__(self, filters, gamma=1.0):
        super().__init__()
        self.gamma = nn.Parameter(torch.full((filters,), gamma))
        self.beta = nn.Parameter(torch.zeros(filters))
        self.register_buffer("running_mean", torch.zeros(filters))
        self.register_buffer("running_variance", torch.ones(filters))

    def forward(self, y):
        terms = (self.running_mean, self.running_variance, self.gamma, self.beta)
        out = functional.batch_norm(y.permute(0, 3, 1, 2), *terms, self.training, MOMENTUM, EPSILON)
        # The maps that shortcuts carry stay as exact as the parameters where products are in fewer bits.
        return out.permute(0, 2, 3, 1).to(self.gamma.dtype)


class Product(nn.Module):
    """What follows a product: normalization, depth to space, a map that is added, activation."""

    def __init__(self, windows, filters, channels, activation, gamma=1.0):
        super().__init__()
        self.windows, self.kind = windows, activation
        self.is_laid_back = filters != channels
        self.normalization = Normalization(filters, gamma)
        if activation in LEARNED_ROWS:
            rows = torch.tensor([0.0, INITIAL_LEFT, 1.0, 0.0])
            self.activation = nn.Parameter(rows[:, None].repeat(1, channels))

    def finish(self, y, x, carried):
        out = self.normalization(y)
        if self.is_laid_back:
            out = lay_back(out, self.windows, x.shape[1], x.shape[2])
        if carried is not None:
            out = out + carried
        if self.kind == "relu":
            return functional.relu(out)
        if self.kind == "none":
            return out
        learned = LEARNED_ROWS[self.kind]
        return Bend.apply(out, *(row if index in learned else row.detach() for index, row in enumerate(self.activation)))


class ConvolutionUnit(Product):
    """Full-precision convolution: stems, ResNet's units, its strided shortcuts."""

    def __init__(self, channels_in, channels, windows, activation, is_laid_back=False):
        filters = 4 * channels if is_laid_back else channels
        super().__init__(windows, filters, channels, activation)
        inputs = taps_of(windows) * channels_in
        self.weights = normal(inputs, filters, math.sqrt(2 / inputs))

    def forward(self, x, carried=None):
        return self.finish(convolve(x, self.weights, self.windows, 0.0), x, carried)


class Dense(nn.Module):
    def __init__(self, inputs, filters):
        super().__init__()
        self.weights = normal(inputs, filters, 1 / math.sqrt(inputs))
        self.bias = nn.Parameter(torch.zeros(filters))

    def forward(self, x):
        return x @ self.weights + self.bias


class ChannelGate(nn.Module):
    """Factors by filter, from the mean of the unit's input."""

    def __init__(self, channels, filters):
        super().__init__()
        hidden = max(1, channels // GATE_REDUCTION)
        self.reduce, self.expand = Dense(channels, hidden), Dense(hidden, filters)

    def forward(self, x):
        return torch.sigmoid(self.expand(functional.relu(self.reduce(x.mean((1, 2))))))[:, None, None, :]


class BinaryUnit(Product):
    """Signs of the input, times signs of latent weights. `shortcut` carries the input where the unit has one of its own."""

    def __init__(self, channels_in, channels, windows, stride, kind, gamma=INITIAL_GAMMA):
        is_laid_back = windows["kind"] == "patches" or (windows["kind"] == "blocks" and stride == 1)
        filters = 4 * channels if is_laid_back else channels
        super().__init__(windows, filters, channels, kind["activation"], gamma)
        inputs = taps_of(windows) * channels_in
        self.estimator, self.is_binary = kind["estimator"], True
        self.latent = normal(inputs, filters, 1 / math.sqrt(inputs))
        if kind["learnThreshold"]:
            self.threshold = nn.Parameter(torch.zeros(channels_in))
        else:
            self.register_buffer("threshold", torch.zeros(channels_in), persistent=False)
        self.gate = ChannelGate(channels_in, filters) if kind.get("gated") else None
        self.shortcut = None

    def forward(self, x, carried=None):
        signs = SignOfInput.apply(x, self.threshold, self.estimator)
        y = convolve(signs, WeightOfLatent.apply(self.latent, self.is_binary), self.windows, -1.0)
        if self.gate is not None:
            y = y * self.gate(x)
        if self.shortcut is not None:
            carried = self.shortcut(x)
        return self.finish(y, x, carried)


class Identity(nn.Module):
    def forward(self, x):
        return x


def average(x, size):
    return functional.avg_pool2d(x.permute(0, 3, 1, 2), size).permute(0, 2, 3, 1)


class Projection(Product):
    """Mean of 2 x 2 pixels where the map is halved, and a full-precision 1 x 1 convolution."""

    def __init__(self, channels_in, channels, stride):
        super().__init__(grid(1, 1), channels, channels, "none")
        self.stride = stride
        self.weights = normal(channels_in, channels, math.sqrt(2 / channels_in))

    def forward(self, x):
        pooled = average(x, self.stride) if self.stride > 1 else x
        return self.finish(pooled @ self.weights, pooled, None)


class Repeated(nn.Module):
    """Mean of 2 x 2 pixels where the map is halved, and the channels several times, one after the other."""

    def __init__(self, times, stride):
        super().__init__()
        self.times, self.stride = times, stride

    def forward(self, x):
        pooled = average(x, self.stride) if self.stride > 1 else x
        return pooled.repeat(1, 1, 1, self.times)


class Block(nn.Module):
    """Two units and a shortcut around both: ResNet's and XNOR-Net's."""

    def __init__(self, first, second, shortcut):
        super().__init__()
        self.convolution1, self.convolution2, self.shortcut = first, second, shortcut

    def forward(self, x):
        return self.convolution2(self.convolution1(x), self.shortcut(x))


class MaxPool(nn.Module):
    def __init__(self, windows):
        super().__init__()
        self.sizes = (windows["kernel"], windows["stride"], windows["padding"])

    def forward(self, x):
        return functional.max_pool2d(x.permute(0, 3, 1, 2), *self.sizes).permute(0, 2, 3, 1)


class AveragePool(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.size = size

    def forward(self, x):
        return average(x, self.size)


class Network(nn.Module):
    """Stem, stages, mean over the map, classifier. Modules have the names of rbnet's layers, parameters those of its checkpoints."""

    def __init__(self, description):
        super().__init__()
        self.description = description
        size = (description["input"]["height"], description["input"]["width"])
        channels = description["input"]["channels"]
        self.order = []
        for index, layer in enumerate(description["stem"]):
            windows, activation = layer["windows"], layer.get("activation", "balanced")
            unit = ConvolutionUnit(channels, layer["channels"], windows, activation, layer["depthToSpace"])
            self.add(f"stem{index + 1}", unit)
            channels = layer["channels"]
            if not layer["depthToSpace"]:
                size = tuple(windows_along(windows, side) for side in size)
            if "maxPool" in layer:
                self.add(f"stem{index + 1}_pool", MaxPool(layer["maxPool"]))
                size = tuple(windows_along(layer["maxPool"], side) for side in size)
            if "averagePool" in layer:
                self.add(f"stem{index + 1}_pool", AveragePool(layer["averagePool"]))
                size = tuple(side // layer["averagePool"] for side in size)
        for index, stage in enumerate(description["stages"]):
            parts = nn.Module()
            self.add_module(f"stage{index + 1}", parts)
            unit, is_halved = 0, not stage["halve"]
            if description.get("body") == "quicknet" and not is_halved:
                parts.add_module("transition", ConvolutionUnit(channels, stage["channels"], grid(1, 1), "none"))
                largest = MaxPool({"kernel": 2, "stride": 1, "padding": 1})
                self.order += [largest, AveragePool(2), parts.transition]
                size, channels, is_halved = tuple(side // 2 for side in size), stage["channels"], True
            while unit < stage["units"]:
                stride = 1 if is_halved or unit > 0 else 2
                name, part, taken, made = part_of(description, index, size, channels, stage["channels"], stride, unit)
                parts.add_module(name, part)
                self.order.append(part)
                size = tuple(side // stride for side in size)
                channels, unit = made, unit + taken
        self.classifier = Dense(channels, description["classes"])

    def add(self, name, module):
        self.add_module(name, module)
        self.order.append(module)

    def forward(self, images):
        x = images.permute(0, 2, 3, 1)
        for layer in self.order:
            x = layer(x)
        return self.classifier(x.mean((1, 2)))

    def set_weights(self, form):
        """`binary`, or `real` in the first of two stages of training."""
        for module in self.modules():
            if isinstance(module, BinaryUnit):
                module.is_binary = form == "binary"

    @torch.no_grad()
    def clip(self):
        """After each update: latent weights beyond 1 pass no gradient."""
        for name, parameter in self.named_parameters():
            if name.endswith(".latent"):
                parameter.clamp_(-1, 1)

    def parameter_groups(self, weight_decay):
        """For an optimizer: real weights are decayed, latent ones and the rest are not."""
        decayed = [parameter for name, parameter in self.named_parameters() if name.endswith(".weights")]
        others = [parameter for name, parameter in self.named_parameters() if not name.endswith(".weights")]
        return [{"params": decayed, "weight_decay": weight_decay}, {"params": others, "weight_decay": 0.0}]


def windows_along(windows, side):
    if windows["kind"] == "grid":
        return (side + 2 * windows["padding"] - windows["kernel"]) // windows["stride"] + 1
    size = windows["size"] if windows["kind"] == "patches" else 2 * windows["dilation"]
    return -(-side // size) * (1 if windows["kind"] == "patches" else windows["dilation"])


def pattern(index, size, kind):
    """The blocks of unit `index` of a stage that keeps a map of this size."""
    dilations = [one for one in (1, 2, 4) if one == 1 or all(side % (2 * one) == 0 for side in size)]
    dilated = [blocks(one, 0) for one in dilations]
    patterns = {
        "fixed": [blocks(1, 0)],
        "shifted": [blocks(1, 0), blocks(1, 1)],
        "dilated": dilated,
        "alternating": [*dilated, blocks(1, 1)],
    }[kind]
    return patterns[index % len(patterns)]


def carrying(kind, channels_in, channels, stride):
    """What brings a unit's input to its output's shape."""
    if stride == 1 and channels_in == channels:
        return Identity()
    if kind == "repeated":
        return Repeated(channels // channels_in, stride)
    if kind == "strided":
        return ConvolutionUnit(channels_in, channels, grid(1, stride), "none")
    return Projection(channels_in, channels, stride)


def gated_in(description, stage):
    """Whether units of this stage, from 0, are gated."""
    gated = description.get("gated", False)
    return stage >= (len(description["stages"]) + 1) // 2 if gated == "late" else gated


def part_of(description, stage, size, channels_in, channels, stride, index):
    """Name and module of the unit or block at a place, how many of the stage's units it takes, and the channels it gives."""
    body = description.get("body")
    unit, block = f"unit{index + 1}", f"block{index // 2 + 1}"
    if body == "resnet":
        first = ConvolutionUnit(channels_in, channels, grid(3, stride), "relu")
        second = ConvolutionUnit(channels, channels, grid(3, 1), "relu")
        return block, Block(first, second, carrying(description["shortcut"], channels_in, channels, stride)), 2, channels
    kind = {"estimator": description["estimator"]}
    if body == "xnor":
        first = BinaryUnit(channels_in, channels, grid(3, stride), stride, kind | {"learnThreshold": True, "activation": "none"}, 1.0)
        second = BinaryUnit(channels, channels, grid(3, 1), 1, kind | {"learnThreshold": False, "activation": "none"})
        return block, Block(first, second, carrying("projection", channels_in, channels, stride)), 2, channels
    if body == "quicknet":
        bend = "relu" if index == description["stages"][stage]["units"] - 1 else "prelu"
        part = BinaryUnit(channels_in, channels, grid(3, 1), 1, kind | {"learnThreshold": False, "activation": bend})
        part.shortcut = Identity()
        return unit, part, 1, channels
    if body == "reactnet-a":
        made = channels_in if index % 2 == 0 else channels
        windows = grid(3, stride) if index % 2 == 0 else grid(1, 1)
        part = BinaryUnit(channels_in, made, windows, stride, kind | {"learnThreshold": True, "activation": "rprelu"})
        part.shortcut = carrying("repeated", channels_in, made, stride)
        return unit, part, 1, made
    if description["convolution"] == "3x3":
        windows = grid(3, stride)
    elif stride == 2:
        windows = {"2x2": blocks(1, 0), "4x4": {"kind": "patches", "size": 4}, "3x3": grid(3, 2)}[description.get("halving", "2x2")]
    else:
        windows = pattern(index, size, description.get("blocks", "alternating"))
    own = {
        "learnThreshold": description["learnThreshold"],
        "activation": description.get("activation", "balanced"),
        "gated": gated_in(description, stage),
    }
    part = BinaryUnit(channels_in, channels, windows, stride, kind | own)
    part.shortcut = carrying(description.get("shortcut", "projection"), channels_in, channels, stride)
    return unit, part, 1, channels


def build(description):
    """A network with initial values, of a description (a dictionary, or its JSON)."""
    return Network(json.loads(description) if isinstance(description, str) else description)


def form_of(metadata):
    """What the binary layers of a file have for weights, `binary` or `real`: of a checkpoint, by the stage that it is in."""
    if "weights" in metadata:
        return metadata["weights"]
    options, progress = json.loads(metadata["options"]), json.loads(metadata["progress"])
    begun = progress["epoch"] + (1 if progress["step"] > 0 else 0)
    return "real" if options.get("stages") == 2 and begun <= options.get("firstStageEpochs", options["epochs"] // 2) else "binary"


def load(path):
    """A network with the weights of a checkpoint of rbnet or of what `save` wrote, and what the file says of classes and pixels.

    Of a checkpoint with moving averages these are taken, which are what ships. In a first stage it has real weights.
    """
    with safe_open(path, "pt") as file:
        metadata = file.metadata() or {}
        if metadata.get("format") not in (FORMAT, "rbnet-checkpoint"):
            raise ValueError(f"{path} is neither a checkpoint of rbnet nor weights that rbnet_torch.save wrote")
        network = build(metadata["network"])
        names = set(file.keys())
        state = {}
        for name, own in network.state_dict().items():
            stored = f"{name}.average" if f"{name}.average" in names else name
            if stored not in names:
                raise ValueError(f"{path} has no tensor {name}, which {network.description['name']} needs")
            value = file.get_tensor(stored)
            if value.shape != own.shape:
                raise ValueError(f"tensor {name} of {path} has the shape {list(value.shape)}, {list(own.shape)} was expected")
            state[name] = value
    network.load_state_dict(state)
    network.set_weights(form_of(metadata))
    return network, json.loads(metadata["data"])


def save(network, path, classes, mean, deviation):
    """Writes the weights for `rbnet import`. Images were (value / 255 - mean) / deviation, by red, green and blue."""
    size = network.description["input"]["height"]
    data = {"classes": list(classes), "size": size, "mean": list(mean), "deviation": list(deviation)}
    is_real = any(isinstance(module, BinaryUnit) and not module.is_binary for module in network.modules())
    metadata = {
        "format": FORMAT,
        "version": "1",
        "network": json.dumps(network.description),
        "data": json.dumps(data),
        "weights": "real" if is_real else "binary",
    }
    state = {name: value.detach().float().cpu().contiguous() for name, value in network.state_dict().items()}
    save_file(state, path, metadata=metadata)
