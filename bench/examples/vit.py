"""A vision transformer over 49 patches of 4 x 4 pixels."""

import torch
from torch import nn
from torch.nn import functional as F
from torch.optim.lr_scheduler import LambdaLR

from augment import random_flip
from common import accuracy, arguments, batches, fashion, report, steps_of
from schedules import cosine

o = arguments(epochs=15)


class VisionTransformer(nn.Module):
    def __init__(self, width=64, depth=4):
        super().__init__()
        self.patch = nn.Linear(16, width)
        self.token = nn.Parameter(0.02 * torch.randn(1, 1, width))
        self.position = nn.Parameter(0.02 * torch.randn(50, width))
        block = nn.TransformerEncoderLayer(
            width, 4, 4 * width, 0.0, "gelu", batch_first=True, norm_first=True
        )
        self.blocks = nn.TransformerEncoder(block, depth, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, 10)

    def forward(self, image):
        b = len(image)
        patches = image.view(b, 7, 4, 7, 4).transpose(2, 3).reshape(b, 49, 16)
        x = (
            torch.cat([self.token.expand(b, 1, -1), self.patch(patches)], 1)
            + self.position
        )
        return self.head(self.norm(self.blocks(x)[:, 0]))


net = VisionTransformer()
(image, label), (test_image, test_label) = fashion(o.data)
optimizer = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=0.05)
schedule = LambdaLR(optimizer, cosine(steps_of(len(image), 128, o.epochs), warmup=400))

for epoch in range(o.epochs):
    for x, y in batches(128, image.unsqueeze(1), label):
        loss = F.cross_entropy(net(random_flip(x)), y)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1)
        optimizer.step()
        schedule.step()

report("accuracy", accuracy(net, test_image.unsqueeze(1), test_label))
