"""Runs an rbnet model file in Python, with NumPy and Pillow alone, as docs/model-file.md describes it.

    python rbnet_reader.py model.safetensors cat.jpg dog.png     labels with scores, a line of JSON an image
    python rbnet_reader.py --vectors docs/vectors/blocks         compares with test vectors

It is written to be read beside that page, section by section. Sums run in the page's order, so its results are those of the page to the
bit; that makes real convolutions slow, and nothing here is made fast.
"""

import json
import sys

import numpy as np

from rbnet_pixels import read_pixels

DTYPES = {"F16": "<f2", "F32": "<f4", "U32": "<u4", "U8": "u1"}
LEARNED_ROWS = {"none": (), "relu": (), "prelu": (1,), "rprelu": (0, 1, 3), "balanced": (0, 1, 2, 3)}


def require(condition, sentence):
    if not condition:
        raise SystemExit(f"rbnet_reader: {sentence}")


# The container


def read_safetensors(path):
    """Metadata, and tensors by name; half floats are widened."""
    with open(path, "rb") as file:
        data = file.read()
    require(len(data) >= 8, f"{path} is too short for a safetensors file")
    length = int.from_bytes(data[:8], "little")
    require(length <= min(16 << 20, len(data) - 8), f"the header of {path} claims {length} bytes")
    header = json.loads(data[8 : 8 + length])
    body = data[8 + length :]
    metadata = header.pop("__metadata__", {})
    tensors, end = {}, 0
    for name, entry in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
        begin, stop = entry["data_offsets"]
        dtype = np.dtype(DTYPES[entry["dtype"]])
        count = int(np.prod(entry["shape"], dtype=np.int64))
        fits = begin == end and stop <= len(body) and stop - begin == count * dtype.itemsize
        require(fits, f"tensor {name} of {path} has a wrong place or size")
        values = np.frombuffer(body[begin:stop], dtype).reshape(entry["shape"])
        tensors[name] = values.astype(np.float32) if entry["dtype"] == "F16" else values
        require(dtype.kind != "f" or np.isfinite(values).all(), f"tensor {name} of {path} has values that are not finite")
        end = stop
    require(end == len(body), f"{path} holds more than its tensors")
    return metadata, tensors


class Model:
    def __init__(self, path):
        metadata, self.tensors = read_safetensors(path)
        self.unpacked = {}
        require(metadata.get("format") == "rbnet-model", f"{path} is no rbnet model")
        require(metadata.get("version") == "3", f"{path} has version {metadata.get('version')}, and 3 is read here")
        description = json.loads(metadata["model"])
        self.classes, self.size = description["classes"], description["size"]
        self.mean, self.deviation = np.float64(description["mean"]), np.float64(description["deviation"])
        self.preprocessing, self.operations = description["preprocessing"], description["operations"]
        known = {"orientation": "exif", "alpha": "white", "filter": "lanczos3", "crop": "centre"}
        for key, value in known.items():
            require(self.preprocessing[key] == value, f"{path} wants {key} {self.preprocessing[key]}, which is not known")

    def normalized(self, pixels):
        """Value 0 of [size, size, 3] bytes."""
        return ((pixels / 255 - self.mean) / self.deviation).astype(np.float32)

    # Operations

    def run(self, image):
        """Every value of the network, and the sums of its convolutions by the number of the value that is made of them."""
        values, sums = [image], {}
        for operation in self.operations:
            result, product = getattr(self, "_" + operation["kind"])(operation, values)
            require(list(result.shape) == operation["shape"], f"{operation['name']} gives {result.shape}")
            if product is not None:
                sums[len(values)] = product
            values.append(result)
        return values, sums

    def tensor(self, operation, part):
        return self.tensors[f"{operation['name']}.{part}"]

    def _averagePool(self, operation, values):
        x, size = values[operation["input"]], operation["size"]
        height, width = x.shape[0] // size, x.shape[1] // size
        total = np.zeros((height, width, x.shape[2]), np.float32)
        for a in range(size):
            for b in range(size):
                total += x[a : height * size : size, b : width * size : size]
        return total * np.float32(1 / size**2), None

    def _maxPool(self, operation, values):
        x = values[operation["input"]]
        taps = windows_of(x, operation["windows"], -np.inf)
        largest = taps.max(axis=2)
        return np.where(np.isneginf(largest), np.float32(0), largest), None

    def _repeatChannels(self, operation, values):
        return np.tile(values[operation["input"]], operation["times"]), None

    def _dense(self, operation, values):
        x = values[operation["input"]].reshape(1, -1)
        y = (ordered_product(x, self.tensor(operation, "weights")) + self.tensor(operation, "bias")).reshape(1, 1, -1)
        if operation["activation"] == "relu":
            y = np.maximum(y, np.float32(0))
        elif operation["activation"] == "sigmoid":
            y = (1 / (1 + np.exp(-y.astype(np.float64)))).astype(np.float32)
        else:
            require(operation["activation"] == "none", f"{operation['name']} has an unknown activation")
        return y, None

    def _realConvolution(self, operation, values):
        taps = windows_of(values[operation["input"]], operation["windows"], 0)
        rows, columns = taps.shape[:2]
        y = ordered_product(taps.reshape(rows * columns, -1), self.tensor(operation, "weights")).reshape(rows, columns, -1)
        return self.epilogue(operation, y, values), y

    def _binaryConvolution(self, operation, values):
        x = values[operation["input"]]
        signs = np.where(x >= self.tensor(operation, "threshold"), np.float32(1), np.float32(-1))
        taps = windows_of(signs, operation["windows"], -1)
        rows, columns = taps.shape[:2]
        taps = taps.reshape(rows * columns, -1)
        # Whole numbers far below 2^24: exact in any order.
        y = (taps @ self.signs(operation, taps.shape[1])).reshape(rows, columns, -1)
        return self.epilogue(operation, y, values), y

    def signs(self, operation, inputs):
        """[K, filters] of +1 and -1, unpacked once."""
        name = operation["name"]
        if name not in self.unpacked:
            words = self.tensor(operation, "weights").astype("<u4")
            bits = np.unpackbits(words.view(np.uint8), axis=1, bitorder="little")[:, :inputs]
            self.unpacked[name] = 2 * bits.T.astype(np.float32) - 1
        return self.unpacked[name]

    def epilogue(self, operation, y, values):
        epilogue = operation["epilogue"]
        scale, bias = self.tensor(operation, "scale"), self.tensor(operation, "bias")
        x, windows, kind = values[operation["input"]], operation["windows"], epilogue["activation"]
        if "factors" in epilogue:
            y = y * values[epilogue["factors"]].reshape(-1)
        height, width, channels = y.shape
        side = 1
        if epilogue["depthToSpace"]:
            side = 2 if windows["kind"] == "blocks" else windows["size"] // 2
            channels //= side * side
        start, left, right, to = (np.full(channels, fill, np.float32) for fill in (0, 0 if kind == "relu" else 1, 1, 0))
        rows = LEARNED_ROWS[kind]
        learned = self.tensor(operation, "activation").reshape(len(rows), channels) if rows else []
        for row, parameters in zip(rows, learned):
            (start, left, right, to)[row][:] = parameters
        u = scale * y + (bias - np.tile(start, side * side))
        if epilogue["depthToSpace"]:
            u = depth_to_space(u, x.shape, windows, side, channels)
        if "shortcut" in epilogue:
            u = u + values[epilogue["shortcut"]]
        return np.where(u > 0, right, left) * u + to

    def scores(self, logits):
        exponentials = np.exp(logits.astype(np.float64) - logits.max())
        return exponentials / exponentials.sum()

    def classify(self, path):
        logits = self.run(self.normalized(read_pixels(path, self.preprocessing["shorterSide"], self.size)))[0][-1].reshape(-1)
        scores = self.scores(logits)
        return {"label": self.classes[int(logits.argmax())], "score": scores.max(), "logits": logits.tolist()}


# Windows


def geometry(windows, length):
    """Origins along a side of `length` pixels, kernel and step."""
    if windows["kind"] == "grid":
        kernel, stride, padding = windows["kernel"], windows["stride"], windows["padding"]
        return [i * stride - padding for i in range((length + 2 * padding - kernel) // stride + 1)], kernel, 1
    if windows["kind"] == "patches":
        return list(range(0, length, windows["size"])), windows["size"], 1
    require(windows["kind"] == "blocks", f"windows of kind {windows['kind']} are not known")
    d = windows["dilation"]
    origins = [g + r for g in range(-windows["shift"], length, 2 * d) for r in range(d) if g + r < length]
    return origins, 2, d


def windows_of(x, windows, outside):
    """[rows, columns, kernel * kernel, channels]: what each window reads, `outside` for pixels that are not on the map."""
    rows, kernel, step = geometry(windows, x.shape[0])
    columns = geometry(windows, x.shape[1])[0]
    margin = 1 + kernel * step + max(windows.get("padding", 0), 0)
    padded = np.pad(x, ((margin, margin), (margin, margin), (0, 0)), constant_values=outside)
    taps = [
        padded[np.ix_([row + a * step + margin for row in rows], [column + b * step + margin for column in columns])]
        for a in range(kernel)
        for b in range(kernel)
    ]
    return np.stack(taps, axis=2).astype(np.float32)


def depth_to_space(u, shape, windows, side, channels):
    height, width = shape[:2]
    if windows["kind"] != "blocks":
        height, width = (height + 1) // 2, (width + 1) // 2
        windows = {"kind": "patches", "size": side}
    rows, _, step = geometry(windows, height)
    rows, columns = np.array(rows), np.array(geometry(windows, width)[0])
    out = np.zeros((height, width, channels), np.float32)
    for a in range(side):
        for b in range(side):
            r, c = rows + a * step, columns + b * step
            i, j = np.flatnonzero((r >= 0) & (r < height)), np.flatnonzero((c >= 0) & (c < width))
            n = (a * side + b) * channels
            out[np.ix_(r[i], c[j])] = u[np.ix_(i, j)][:, :, n : n + channels]
    return out


# Arithmetic


def ordered_product(x, weights):
    """[M, K] by [K, N] in float32, each product and each sum rounded, in the order of k."""
    y = np.zeros((x.shape[0], weights.shape[1]), np.float32)
    for k in range(weights.shape[0]):
        y += x[:, k, None] * weights[k]
    return y


def compare(name):
    """The greatest difference of any value from the test vectors `name`."""
    model = Model(f"{name}.safetensors")
    expected = read_safetensors(f"{name}.values.safetensors")[1]
    values, sums = model.run(model.normalized(expected["pixels"]))
    found = {f"value{i}": value for i, value in enumerate(values)} | {f"sums{i}": value for i, value in sums.items()}
    found["scores"] = model.scores(values[-1].reshape(-1)).astype(np.float32)
    require(set(found) | {"pixels"} == set(expected), "the vectors hold other values than were computed")
    return {"compared": len(found), "difference": max(float(np.abs(found[key] - expected[key]).max()) for key in found)}


if __name__ == "__main__":
    require(len(sys.argv) >= 3, "give a model and images, or --vectors and the name of vectors")
    if sys.argv[1] == "--vectors":
        print(json.dumps(compare(sys.argv[2])))
    else:
        reader = Model(sys.argv[1])
        for image_path in sys.argv[2:]:
            print(json.dumps({"path": image_path, **reader.classify(image_path)}))
