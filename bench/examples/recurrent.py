"""A recurrent network reads the rows of the image from top to bottom."""

import torch
from torch import nn
from torch.nn import functional as F
from torch.optim.lr_scheduler import LambdaLR

from common import accuracy, arguments, batches, fashion, report, steps_of
from schedules import cosine

o = arguments(epochs=5, cell="gru", both_ways=0)


class Reader(nn.Module):
    def __init__(self):
        super().__init__()
        kind = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}[o.cell]
        width = 64 if o.both_ways else 128
        self.stages = kind(
            28, width, 2, batch_first=True, bidirectional=bool(o.both_ways)
        )
        self.head = nn.Linear(128, 10)

    def forward(self, image):
        h, _ = self.stages(image)
        return self.head(h.amax(1))


net = Reader()
(image, label), test = fashion(o.data)
optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
schedule = LambdaLR(optimizer, cosine(steps_of(len(image), 128, o.epochs), warmup=100))

for epoch in range(o.epochs):
    for x, y in batches(128, image, label):
        loss = F.cross_entropy(net(x), y)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1)
        optimizer.step()
        schedule.step()

report("accuracy", accuracy(net, *test))
