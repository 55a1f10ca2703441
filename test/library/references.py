"""PyTorch for entries of the table that are no one-liners. Only make_fixtures.py reads it; metrics are scikit-learn's."""
import math

import torch
import torch.nn.functional as F
from sklearn import metrics  # noqa: F401


def focal(x, y, gamma=2.0, alpha=0.25):
    """As torchvision.ops.sigmoid_focal_loss."""
    p = torch.sigmoid(x)
    q = p * y + (1 - p) * (1 - y)
    loss = F.binary_cross_entropy_with_logits(x, y, reduction="none") * (1 - q)**gamma
    return ((alpha * y + (1 - alpha) * (1 - y)) * loss).mean()


def multi_hinge(x, y):
    own = F.one_hot(y, x.shape[-1]).bool()
    return F.relu(1 + x.masked_fill(own, -torch.inf).amax(-1) - x[own]).mean()


def contrastive(a, b, same, margin):
    d = torch.linalg.vector_norm(a - b, dim=-1)
    return (same * d**2 + (1 - same) * F.relu(margin - d)**2).mean()


def triplet(a, p, n):
    return F.relu(torch.linalg.vector_norm(a - p, dim=-1) - torch.linalg.vector_norm(a - n, dim=-1) + 1).mean()


def info_nce(a, b, temperature):
    s = F.normalize(a, dim=-1) @ F.normalize(b, dim=-1).T / temperature
    k = torch.arange(len(a))
    return (F.cross_entropy(s, k) + F.cross_entropy(s.T, k)) / 2


# A weight of the library has the output last: [kh, kw, C/groups, n]; PyTorch's is [n, C/groups, kh, kw].

def conv2d(x, w, b=None, **options):
    return F.conv2d(x, w.permute(3, 2, 0, 1), b, **options)


def conv1d(x, w, b=None, **options):
    return F.conv1d(x.mT, w.permute(2, 1, 0), b, **options).mT


def transposed(x, w, b, groups=1, **options):
    """PyTorch's weight of the transpose is [C, n/groups, kh, kw], and mirrored."""
    kh, kw, c, n = w.shape
    v = w.flip(0, 1).reshape(kh, kw, c, groups, n // groups).permute(3, 2, 4, 0, 1).reshape(groups * c, n // groups, kh, kw)
    return F.conv_transpose2d(x, v, b, groups=groups, **options)


def transposed1d(x, w, b, **options):
    return F.conv_transpose1d(x.mT, w.flip(0).permute(1, 2, 0), b, **options).mT


def weight_norm(v, g):
    return g * v / torch.linalg.vector_norm(v.flatten(0, -2), dim=0)


def spectral(x, w, u, v):
    """One step of power iteration, then w / (u w v), as torch.nn.utils.parametrizations.spectral_norm."""
    with torch.no_grad():
        v = F.normalize(u @ w, dim=0)
        u = F.normalize(w @ v, dim=0)
    return x @ (w / (u @ w @ v)), {"linear.spectral_norm.u": u, "linear.spectral_norm.v": v}


def batch_norm(x, g, b, m, v, training):
    """The library's moving variance is of the batch as it is, PyTorch's takes n/(n-1) of it."""
    y = F.batch_norm(x, m.clone(), v.clone(), g, b, training)
    axes = [a for a in range(x.dim()) if a != 1]
    return y, {"batch_norm.m": m + 0.1 * (x.mean(axes) - m), "batch_norm.v": v + 0.1 * (x.var(axes, correction=0) - v)}


def angles(t, n, start=0):
    return (start + torch.arange(t))[:, None] / 10000**(torch.arange(n) / n)


def rotary(x, start=0):
    """As complex numbers: the halves times e^(i angle)."""
    a, b = x.chunk(2, -1)
    t = angles(x.shape[-2], a.shape[-1], start)
    z = torch.complex(a, b) * torch.polar(torch.ones_like(t), t)
    return torch.cat([z.real, z.imag], -1)


def heads(x, h):
    return x.unflatten(-1, (h, -1)).transpose(1, 2)


def attention(q, k, v, p, h, mask, turn=lambda x: x):
    y = F.scaled_dot_product_attention(turn(heads(q, h)), turn(heads(k, h)), heads(v, h), mask)
    return y.transpose(1, 2).flatten(2) @ p["out.w"] + p["out.b"]


def self_attention(x, p, h, mask=None, turn=lambda x: x):
    return attention(*(x @ p["qkv.w"] + p["qkv.b"]).chunk(3, -1), p, h, mask, turn)


def cross_attention(x, memory, p, h, mask=None):
    return attention(x @ p["q.w"] + p["q.b"], *(memory @ p["kv.w"] + p["kv.b"]).chunk(2, -1), p, h, mask)


def load(module, weights):
    """The output of a module of PyTorch with weights by its names, differentiable."""
    return lambda *args, **kwargs: torch.func.functional_call(module, weights, args, kwargs)


def packed(p, name):
    return {f"{name}.in_proj_weight": p["qkv.w"].T, f"{name}.in_proj_bias": p["qkv.b"], f"{name}.out_proj.weight": p["out.w"].T, f"{name}.out_proj.bias": p["out.b"]}


def part(p, path):
    return {n.removeprefix(path + "."): t for n, t in p.items() if n.startswith(path + ".")}


def feed_forward(p, norms):
    w = {"linear1.weight": p["up.w"].T, "linear1.bias": p["up.b"], "linear2.weight": p["down.w"].T, "linear2.bias": p["down.b"]}
    for i in range(1, norms + 1):
        w |= {f"norm{i}.weight": p[f"ln{i}.g"], f"norm{i}.bias": p[f"ln{i}.b"]}
    return w


def options(d, h):
    return dict(d_model=d, nhead=h, dim_feedforward=4 * d, dropout=0.0, activation="gelu", batch_first=True, norm_first=True)


def unfilled(lengths, t):
    return None if lengths is None else torch.arange(t) >= lengths[:, None]


def encoder_layer(x, p, h, lengths=None, causal=False):
    layer = torch.nn.TransformerEncoderLayer(**options(x.shape[-1], h))
    ahead = torch.ones(x.shape[1], x.shape[1]).triu(1).bool() if causal else None
    return load(layer, {**packed(part(p, "attn"), "self_attn"), **feed_forward(p, 2)})(x, src_mask=ahead, src_key_padding_mask=unfilled(lengths, x.shape[1]))


def decoder_layer(x, memory, p, h, lengths=None):
    layer = torch.nn.TransformerDecoderLayer(**options(x.shape[-1], h))
    c = part(p, "cross")
    cross = {"qkv.w": torch.cat([c["q.w"], c["kv.w"]], 1), "qkv.b": torch.cat([c["q.b"], c["kv.b"]]), "out.w": c["out.w"], "out.b": c["out.b"]}
    ahead = torch.ones(x.shape[1], x.shape[1]).triu(1).bool()
    weights = {**packed(part(p, "attn"), "self_attn"), **packed(cross, "multihead_attn"), **feed_forward(p, 3)}
    return load(layer, weights)(x, memory, tgt_mask=ahead, memory_key_padding_mask=unfilled(lengths, memory.shape[1]))


def stack(path, below, depth, block, x):
    for i in range(depth):
        x = block(x, below(f"{path}.h.{i}"))
    ln = below(path + ".ln")
    return F.layer_norm(x, x.shape[-1:], ln["g"], ln["b"])


def gates(kind, p):
    """Weights for torch.nn's cells: the LSTM's forget offset starts at 1 there by the weights, here by the formula."""
    b = p["wx.b"]
    if kind == "lstm":
        n = len(b) // 4
        b = b + torch.cat([torch.zeros(n), torch.ones(n), torch.zeros(2 * n)])
    return p["wx.w"].T, p["wh.w"].T, b, p.get("wh.b", torch.zeros_like(b))


def recurrent(kind, p, x, state=None, lengths=None):
    """(outputs, last state) of torch.nn.RNN, LSTM or GRU; with lengths of a packed sequence."""
    n = p["wh.w"].shape[0]
    module = {"rnn": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru": torch.nn.GRU}[kind](x.shape[-1], n, batch_first=True)
    weights = dict(zip(("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"), gates(kind, p)))
    zero = torch.zeros(len(x), n)
    s = state or ((zero, zero) if kind == "lstm" else (zero,))
    s = tuple(t[None] for t in s) if kind == "lstm" else s[0][None]
    given = x if lengths is None else torch.nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
    y, last = load(module, weights)(given, s)
    if lengths is not None:
        y, _ = torch.nn.utils.rnn.pad_packed_sequence(y, batch_first=True, total_length=x.shape[1])
    return y, tuple(t[0] for t in last) if kind == "lstm" else last[0]


def bidirectional(kind, front, back, x, lengths):
    turned = torch.stack([torch.cat([r[:k].flip(0), r[k:]]) for r, k in zip(x, lengths)])
    y = recurrent(kind, back, turned, None, lengths)[0]
    y = torch.stack([torch.cat([r[:k].flip(0), r[k:]]) for r, k in zip(y, lengths)])
    return torch.cat([recurrent(kind, front, x, None, lengths)[0], y], -1)


def lstm_cell(x, h, c, p):
    return torch.ops.aten.lstm_cell(x, (h, c), *gates("lstm", p))


def gru_cell(x, h, p):
    return torch.ops.aten.gru_cell(x, h, *gates("gru", p))


def optimized(kind, p, target, steps=3, **options):
    """p after steps of torch.optim on the gradient (p - target)^3."""
    p = p.clone().requires_grad_()
    o = kind([p], **options)
    for _ in range(steps):
        p.grad = (p.detach() - target)**3
        o.step()
    return p


def nadam(p, target, lr, b1=0.9, b2=0.999, eps=1e-8):
    """Dozat 2016, algorithm 8, with constant b1 (torch.optim.NAdam has a schedule for it)."""
    m, v = 0, 0
    for k in range(1, 4):
        g = (p - target)**3
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g * g
        ahead = b1 * m / (1 - b1**(k + 1)) + (1 - b1) * g / (1 - b1**k)
        p = p - lr * ahead / ((v / (1 - b2**k)).sqrt() + eps)
    return p


def lamb(p, target, lr, b1=0.9, b2=0.999, eps=1e-6, decay=0.01):
    """You et al. 2020, algorithm 2: of the rows of p, each a tensor of its own."""
    m, v = 0, 0
    for k in range(1, 4):
        g = (p - target)**3
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g * g
        u = m / (1 - b1**k) / ((v / (1 - b2**k)).sqrt() + eps) + decay * p
        p = p - lr * p.norm(dim=1, keepdim=True) / u.norm(dim=1, keepdim=True) * u
    return p


def lion(p, target, lr, decay, b1=0.9, b2=0.99):
    m = 0
    for _ in range(3):
        g = (p - target)**3
        p = p - lr * (torch.sign(b1 * m + (1 - b1) * g) + decay * p)
        m = b2 * m + (1 - b2) * g
    return p


def lookahead(p, target, lr, k=2, share=0.5):
    slow = p
    for step in range(1, 6):
        p = p - lr * (p - target)**3
        if step % k == 0:
            p = slow = slow + share * (p - slow)
    return p


def schedule(make, steps, lr=2.0):
    """The rates of a scheduler of torch.optim at some steps."""
    o = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=lr)
    s = make(o)
    rates = []
    for _ in range(max(steps) + 1):
        rates.append(o.param_groups[0]["lr"])
        o.step()
        if len(rates) <= max(steps):
            s.step()
    return torch.tensor([rates[k] for k in steps])


def plateau(watched, patience, factor):
    o = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=2.0)
    s = torch.optim.lr_scheduler.ReduceLROnPlateau(o, factor=factor, patience=patience, threshold=0.0, threshold_mode="abs")
    for x in watched:
        s.step(x)
    return torch.tensor(o.param_groups[0]["lr"])


def sample(image, y, x):
    """F.grid_sample takes (x, y) from -1 to 1."""
    h, w = image.shape[2:]
    grid = torch.stack([2 * x / (w - 1) - 1, 2 * y / (h - 1) - 1], -1)
    return F.grid_sample(image, grid, mode="bilinear", padding_mode="zeros", align_corners=True)


def kl(p, q):
    return F.kl_div(F.log_softmax(q, -1), F.log_softmax(p, -1), log_target=True, reduction="batchmean")
