"""RB-Net's building blocks in PyTorch, as fast as eager operations allow, in a form that torch.compile can trace.

Every tensor is [N, H, W, C] in memory: on two x86 cores this was the fastest of the layouts tried (NCHW, and NCHW with
torch.channels_last, whose gradients come back in the other layout after a residual addition). The three functions that
autograd would otherwise save too much for have a backward of their own, in place where that is allowed.
"""

import torch
import torch.nn.functional as functional
from torch import nn
from torch.autograd import Function

PIXELS = (0, 1, 2)  # the dimensions of [N, H, W, C] that a per-channel parameter is shared over
ONE = torch.tensor(1.0)
TWO = torch.tensor(2.0)


def use(device):
    """Has the constants on the device that the network is on."""
    global ONE, TWO
    ONE, TWO = ONE.to(device), TWO.to(device)


class SignWithThreshold(Function):
    """s = sign(x - threshold[c]), zero to +1; backward by Bi-Real Net's polynomial: max(0, 2 - 2 |x - threshold|)."""

    @staticmethod
    def forward(ctx, x, threshold):
        centred = x - threshold
        ctx.save_for_backward(centred)
        return torch.copysign(ONE, centred)

    @staticmethod
    def backward(ctx, gradient):
        (centred,) = ctx.saved_tensors
        torch.sub(TWO, centred.abs_(), alpha=2, out=centred).clamp_(min=0).mul_(gradient)
        return centred, centred.sum(PIXELS).neg_()


class SignOfWeight(Function):
    """sign(w), zero to +1; the gradient passes where |w| <= 1."""

    @staticmethod
    def forward(ctx, weight):
        ctx.save_for_backward(weight)
        return torch.copysign(ONE, weight)

    @staticmethod
    def backward(ctx, gradient):
        (weight,) = ctx.saved_tensors
        return gradient * (weight.abs() <= 1)


class BalancedActivationFunction(Function):
    """y = slope * (z - shift_in) + shift_out, slope = right where z > shift_in and left elsewhere."""

    @staticmethod
    def forward(ctx, z, shift_in, shift_out, left, right):
        centred = z - shift_in
        ctx.save_for_backward(centred, left, right)
        return centred.clamp(min=0).mul_(right - left).addcmul_(centred, left).add_(shift_out)

    @staticmethod
    def backward(ctx, gradient):
        centred, left, right = ctx.saved_tensors
        on_the_right = torch.ops.aten.threshold_backward(gradient, centred, 0)
        gradient_sum = gradient.sum(PIXELS)
        right_sum = on_the_right.sum(PIXELS)
        product = gradient * centred
        slope_sum = product.sum(PIXELS)
        right_slope = torch.mul(on_the_right, centred, out=product).sum(PIXELS)
        del product
        z_gradient = on_the_right.mul_(right - left).addcmul_(gradient, left)
        shift_in = -(right * right_sum + left * (gradient_sum - right_sum))
        return z_gradient, shift_in, gradient_sum, slope_sum - right_slope, right_slope


class BalancedActivation(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.shift_in = nn.Parameter(torch.zeros(channels))
        self.shift_out = nn.Parameter(torch.zeros(channels))
        self.left = nn.Parameter(torch.full((channels,), 0.25))
        self.right = nn.Parameter(torch.ones(channels))

    def forward(self, z):
        return BalancedActivationFunction.apply(z, self.shift_in, self.shift_out, self.left, self.right)


class ConvolutionUnit(nn.Module):
    """3x3 convolution of [N, C, H, W] -> batch norm -> activation, to [N, H, W, C]."""

    def __init__(self, channels_in, channels_out, stride):
        super().__init__()
        self.convolution = nn.Conv2d(channels_in, channels_out, 3, stride, 1, bias=False)
        self.norm = nn.BatchNorm2d(channels_out)
        self.activation = BalancedActivation(channels_out)

    def forward(self, images):
        return self.activation(self.norm(self.convolution(images)).permute(0, 2, 3, 1))


class BatchNorm(nn.BatchNorm2d):
    """Batch normalization of [N, H, W, C], by PyTorch's channels-last kernel."""

    def forward(self, x):
        return super().forward(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)


def space_to_depth(x, dilation):
    """[N, H, W, C] -> [N, H/2, W/2, 4C]; a block's pixels lie `dilation` apart, pixel (a, b) at depth (2a + b) C."""
    images, height, width, channels = x.shape
    blocks = x.view(
        images, height // (2 * dilation), 2, dilation, width // (2 * dilation), 2, dilation, channels
    ).permute(0, 1, 3, 4, 6, 2, 5, 7)
    return blocks.reshape(images, height // 2, width // 2, 4 * channels)


def depth_to_space(y, dilation):
    """The inverse of space_to_depth: [N, H/2, W/2, 4C] -> [N, H, W, C]."""
    images, height, width, depth = y.shape
    blocks = y.view(
        images, height // dilation, dilation, width // dilation, dilation, 2, 2, depth // 4
    ).permute(0, 1, 5, 2, 3, 6, 4, 7)
    return blocks.reshape(images, 2 * height, 2 * width, depth // 4)


class SpaceToDepth(nn.Module):
    def forward(self, x):
        return space_to_depth(x, 1)


def patterns(size):
    """(dilation, shift) of the units of a stage on maps of size x size, in turn."""
    return [(dilation, 0) for dilation in (1, 2, 4) if dilation == 1 or size % (2 * dilation) == 0] + [(1, 1)]


class ReshapedUnit(nn.Module):
    """sign -> space to depth -> 1x1 binary convolution -> batch norm -> depth to space -> + shortcut -> activation."""

    def __init__(self, channels_in, channels_out, size, stride, dilation, shift):
        super().__init__()
        self.size = size
        self.stride = stride
        self.dilation = dilation
        self.shift = shift
        outputs = 4 * channels_out if stride == 1 else channels_out
        self.threshold = nn.Parameter(torch.zeros(channels_in))
        self.weight = nn.Parameter(torch.empty(outputs, 4 * channels_in).uniform_(-0.1, 0.1))
        self.norm = BatchNorm(outputs)
        self.activation = BalancedActivation(channels_out)
        if stride == 2:
            self.shortcut = nn.Linear(channels_in, channels_out, bias=False)
            self.shortcut_norm = BatchNorm(channels_out)

    def forward(self, x):
        signs = SignWithThreshold.apply(x, self.threshold)
        # Blocks reach over the border where they are shifted, or the map is odd.
        before, after = self.shift, (self.size + self.shift) % 2
        if before or after:
            signs = functional.pad(signs, (0, 0, before, after, before, after), value=-1)
        y = self.norm(functional.linear(space_to_depth(signs, self.dilation), SignOfWeight.apply(self.weight)))
        if self.stride == 1:
            y = depth_to_space(y, self.dilation)
            # Cropped, the map is a part of a larger one, which adding to in place would not make smaller.
            rows = slice(before, before + self.size)
            return self.activation(y[:, rows, rows] + x if before or after else y.add_(x))
        pooled = functional.avg_pool2d(x.permute(0, 3, 1, 2), 2).permute(0, 2, 3, 1)
        return self.activation(y + self.shortcut_norm(self.shortcut(pooled)))
