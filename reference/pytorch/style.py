"""Section 9.11's style transfer: the slice of VGG-19, the losses, and what trains the picture."""
from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F


class VGG19(nn.Module):
    """Up to the last layer asked for; returns (content features, style features). Its weights gather no gradients."""

    def __init__(self, content_layers=(25,), style_layers=(0, 5, 10, 19, 28)) -> None:
        super().__init__()
        self.content_layers, self.style_layers, layers, c_in = content_layers, style_layers, [], 3
        for repeats, c_out in ((2, 64), (2, 128), (4, 256), (4, 512), (4, 512)):
            for _ in range(repeats):
                layers += [nn.Conv2d(c_in, c_out, 3, 1, 1), nn.ReLU()]
                c_in = c_out
            layers.append(nn.MaxPool2d(2))
        self.layers = nn.Sequential(*layers[:max(*content_layers, *style_layers) + 1])
        self.requires_grad_(False)

    def forward(self, X):
        outputs = [X := layer(X) for layer in self.layers]
        return [outputs[i] for i in self.content_layers], [outputs[i] for i in self.style_layers]


def gram(X):
    """(1, C, h, w) to (C, C)."""
    rows = X[0].flatten(1)
    return rows @ rows.T / X.numel()


def style_loss(X, goal):
    """``goal`` is a Gram matrix."""
    return F.mse_loss(gram(X), goal)


def tv_loss(X):
    return 0.5 * (X.diff(dim=2).abs().mean() + X.diff(dim=3).abs().mean())


def losses(X, contents, styles, content_goals, grams, weights):
    """Of content, of style and of the picture's total variation, each times its weight."""
    content = sum(map(F.mse_loss, contents, content_goals))
    style = sum(map(style_loss, styles, grams))
    return content * weights[0], style * weights[1], tv_loss(X) * weights[2]


class Transfer:
    """Takes features and Gram matrices of the two pictures once, then goes ``step`` by ``step``."""

    def __init__(self, net, content, style, rate: float, weights) -> None:
        self.net, self.weights = net, weights
        with torch.no_grad():
            self.goals = net(content)[0], [gram(Y) for Y in net(style)[1]]
        self.picture = nn.Parameter(content.clone(memory_format=torch.preserve_format))
        self.optimizer = torch.optim.Adam([self.picture], rate)

    def losses(self):
        """The three, each times its weight."""
        return losses(self.picture, *self.net(self.picture), *self.goals, self.weights)

    def step(self):
        """The three losses, each times its weight."""
        self.optimizer.zero_grad()
        parts = self.losses()
        sum(parts).backward()
        self.optimizer.step()
        return [part.item() for part in parts]

    def picture_now(self):
        """(1, 3, h, w)."""
        return self.picture.detach().contiguous().numpy()
