"""Section 9.11 in PyTorch; the weights of the network gather no gradients."""
from __future__ import annotations

import torch
from torch.nn import functional


class Transfer:
    """As ``book_style.Transfer``."""

    def __init__(self, net, content, style, rate: float, weights) -> None:
        self.net, self.weights = net, weights
        with torch.no_grad():
            self.contents, self.grams = net(content)[0], [_gram(Y) for Y in net(style)[1]]
        self.picture = torch.nn.Parameter(content.clone(memory_format=torch.preserve_format))
        self.optimizer = torch.optim.Adam([self.picture], rate)

    def step(self):
        """The three losses, each times its weight."""
        self.optimizer.zero_grad()
        X = self.picture
        contents, styles = self.net(X)
        content = sum(functional.mse_loss(a, b) for a, b in zip(contents, self.contents)) * self.weights[0]
        style = sum(functional.mse_loss(_gram(a), b) for a, b in zip(styles, self.grams)) * self.weights[1]
        variation = 0.5 * (X.diff(dim=2).abs().mean() + X.diff(dim=3).abs().mean()) * self.weights[2]
        (content + style + variation).backward()
        self.optimizer.step()
        return content.item(), style.item(), variation.item()

    def picture_now(self):
        """(1, 3, h, w)."""
        return self.picture.detach().contiguous().numpy()


def _gram(X):
    rows = X[0].flatten(1)
    return rows @ rows.T / X.numel()
