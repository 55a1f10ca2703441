"""Learning rates by step, for torch.optim.lr_scheduler.LambdaLR."""

import math


def cosine(steps, warmup=0):
    def factor(step):
        t = min(max(step - warmup, 0) / max(steps - warmup, 1), 1)
        rise = min((step + 1) / warmup, 1) if warmup else 1
        return rise * 0.5 * (1 + math.cos(math.pi * t))

    return factor
