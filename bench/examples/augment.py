"""Random shifts and flips of a batch [B, C, H, W], each row by a draw of its own."""

import torch
from torch.nn import functional as F


def random_shift(x, k=2):
    b, c, h, w = x.shape
    padded = F.pad(x, (k, k, k, k))
    rows = torch.arange(h).view(1, h, 1) + torch.randint(0, 2 * k + 1, (b, 1, 1))
    columns = torch.arange(w).view(1, 1, w) + torch.randint(0, 2 * k + 1, (b, 1, 1))
    return padded[torch.arange(b).view(b, 1, 1), :, rows, columns].permute(0, 3, 1, 2)


def random_flip(x):
    return torch.where(torch.rand(len(x), 1, 1, 1) < 0.5, x.flip(3), x)
