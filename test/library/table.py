"""The table: one line for each thing the library promises. How to read it: entries.py."""
import math

from entries import AREAS, area, bools, distinct, f, i, ints, mask, probabilities, program, values  # noqa: F401

E = area("math")
for name in "exp expm1 sin cos erf".split():
    E(f"{name}(x)", f"torch.{name}(x)", x=f(2, 3))
E("log(x)", "torch.log(x)", x=f(2, 3, lo=0.5, hi=4))
E("log1p(x)", "torch.log1p(x)", x=f(2, 3, lo=-0.5, hi=4))
E("sqrt(x)", "torch.sqrt(x)", x=f(2, 3, lo=0.5, hi=4))
for name in "floor ceil round".split():
    E(f"{name}(x)", f"torch.{name}(x)", x=f(2, 5), grad=False)
E("x * stop(y)", "x * y.detach()", x=f(5), y=f(5), still="y")
E("max(a, b)", "torch.maximum(a, b)", a=f(7), b=f(7))
E("min(a, b)", "torch.minimum(a, b)", a=f(7), b=f(7))
E("(f32(min(n, m)), f32(mirrored(n)), mirrored(x))", "(torch.minimum(n, m).double(), -n.double() - 1, -x)", n=ints(-5, 0, 3), m=ints(1, -1, 3), x=f(2), grad=False)
E("clip(x, -1, 1)", "x.clip(-1, 1)", x=f(7))
E("abs(x)", "abs(x)", x=f(7))
E("sign(x)", "torch.sign(x)", x=values(-2, 0, 3), grad=False)
E("square(x)", "x**2", x=f(7))
E("expand[1](x)", "x[:, None]", x=f(2, 3))
for axes in "", "[0]", "[(0, 2)]", "[-1, keep = true]":
    args = {"": "", "[0]": ", 0", "[(0, 2)]": ", (0, 2)", "[-1, keep = true]": ", -1, keepdim=True"}[axes]
    E(f"sum{axes}(x)", f"torch.sum(x{args})", x=f(2, 3, 4))
    E(f"mean{axes}(x)", f"torch.mean(x{args})", x=f(2, 3, 4))
    E(f"variance{axes}(x)", f"torch.var(x{args or ', None'}, correction=0)", x=f(2, 3, 4))
    E(f"deviation{axes}(x)", f"torch.std(x{args or ', None'}, correction=0)", x=f(2, 3, 4))
    E(f"norm{axes}(x)", f"torch.linalg.vector_norm(x{args and args.replace(', ', ', dim=', 1)})", x=f(2, 3, 4))
E("(amax(x), amax[1](x), amax[-1, keep = true](x))", "(x.amax(), x.amax(1), x.amax(-1, keepdim=True))", x=distinct(2, 3))
E("(amin(x), amin[1](x))", "(x.amin(), x.amin(1))", x=distinct(2, 3))
E("(f32(argmax(x)), f32(argmin[0](x)))", "(x.argmax(-1), x.argmin(0))", x=distinct(3, 4), grad=False)
E("cumulative_sum(x)", "x.cumsum(-1)", x=f(2, 5))
E("if cumulative_sum(x) < 3 { y } else { 0 * y }", "(x.cumsum(-1) < 3) * y", x=values(1, float("inf"), 2), y=values(4, 5, 6), grad=False)
E("root(x)", "torch.sqrt(x)", x=f(5, lo=0.5, hi=4))
E("normalize(x)", "F.normalize(x, dim=-1)", x=f(3, 4))
E("cosine_similarity(a, b)", "F.cosine_similarity(a, b, dim=-1)", a=f(3, 4), b=f(3, 4))
E("logsumexp(x)", "x.logsumexp(-1)", x=f(3, 4))
E("f32(within[5](n))", "(torch.arange(5) < n[:, None]).double()", n=ints(0, 3, 5), grad=False)
E("(f32(any[1](x > 0)), f32(all[1](x > 0)), f32(all(x > 0)), f32(any(x > 9)))", "((x > 0).any(1) + 0.0, (x > 0).all(1) + 0.0, (x > 0).all() + 0.0, (x > 9).any() + 0.0)", x=values(1, -1, 2, 3, -1, -2, shape=(3, 2)), grad=False)
E("masked_mean(x, m)", "x[m].mean()", x=f(3, 4), m=mask(3, 4))
E("masked_mean[1](x, within[4](n))", "torch.stack([x[0, :1].mean(0), 0 * x[1, 0], x[2, :2].mean(0)])", x=f(3, 4, 2), n=ints(1, 0, 2))
E("masked_mean(x, within[4](n))", "torch.cat([x[0, :1], x[1, :4], x[2, :2]]).mean()", x=f(3, 4, 2), n=ints(1, 4, 2))
E("weighted_mean(x, w)", "(x * w).sum() / w.sum()", x=f(3, 4), w=f(3, 4, lo=0, hi=2))
E("weighted_mean(x, w)", "0 * x.sum()", x=f(3), w=values(0, 0, 0), grad=False)
for name in "tan atan sinh cosh asinh".split():
    E(f"{name}(x)", f"torch.{name}(x)", x=f(2, 3))
for name in "asin acos atanh".split():
    E(f"{name}(x)", f"torch.{name}(x)", x=f(2, 3, lo=-0.9, hi=0.9))
E("acosh(x)", "torch.acosh(x)", x=f(2, 3, lo=1.1, hi=4))
E("atan2(y, x)", "torch.atan2(y, x)", y=f(3, 5), x=f(3, 5))
E("deviation[(-1, 0), keep = true](x)", "x.std((-1, 0), correction=0, keepdim=True)", x=f(3, 4, 2))

E = area("activations")
for name, reference in {
    "relu": "F.relu(x)", "relu6": "F.relu6(x)", "leaky_relu": "F.leaky_relu(x)", "leaky_relu[0.2]": "F.leaky_relu(x, 0.2)",
    "hard_sigmoid": "(x / 6 + 0.5).clip(0, 1)", "hard_silu": "(x * (x / 6 + 0.5).clip(0, 1))", "hard_tanh": "F.hardtanh(x)",
}.items():
    E(f"{name}(x)", reference, x=f(2, 7, lo=-8, hi=8))
for name, reference in {
    "elu": "F.elu(x)", "elu[0.5]": "F.elu(x, 0.5)", "selu": "F.selu(x)", "gelu": "F.gelu(x)", "gelu_tanh": "F.gelu(x, approximate='tanh')",
    "silu": "F.silu(x)", "mish": "F.mish(x)", "sigmoid": "torch.sigmoid(x)", "log_sigmoid": "F.logsigmoid(x)", "tanh": "torch.tanh(x)",
    "softplus": "F.softplus(x)", "softsign": "F.softsign(x)", "softmax": "F.softmax(x, -1)", "softmax[0]": "F.softmax(x, 0)",
    "log_softmax": "F.log_softmax(x, -1)", "log_softmax[0]": "F.log_softmax(x, 0)", "glu": "F.glu(x)",
}.items():
    E(f"{name}(x)", reference, x=f(3, 4))
E("prelu(x)", "F.prelu(x, prelu_slope)", x=f(2, 3, 2), **{"prelu.slope": f(3)})

E = area("losses")
for reduce, red in ("", ""), ("[reduce = none]", ", reduction='none'"), ("[reduce = sum]", ", reduction='sum'"):
    E(f"mse{reduce}(a, b)", f"F.mse_loss(a, b{red})", a=f(2, 3), b=f(2, 3))
    E(f"mae{reduce}(a, b)", f"F.l1_loss(a, b{red})", a=f(2, 3), b=f(2, 3))
    E(f"cross_entropy{reduce}(x, y)", f"F.cross_entropy(x, y{red})", x=f(4, 3), y=i(3, 4))
    E(f"binary_cross_entropy{reduce}(x, y)", f"F.binary_cross_entropy_with_logits(x, y{red})", x=f(4), y=f(4, lo=0, hi=1))
E("huber(2 * a, b)", "F.huber_loss(2 * a, b)", a=f(7), b=f(7))
E("huber[0.5, none](a, b)", "F.huber_loss(a, b, reduction='none', delta=0.5)", a=f(7), b=f(7))
E("log_cosh(a, b)", "torch.log(torch.cosh(a - b)).mean()", a=f(5), b=f(5))
E("quantile_loss[0.8](a, b)", "torch.maximum(0.8 * (b - a), -0.2 * (b - a)).mean()", a=f(5), b=f(5))
E("one_hot[4](y)", "F.one_hot(y, 4).double()", y=i(4, 2, 3), grad=False)
E("f32(is_class[4](y))", "F.one_hot(y, 4).double()", y=i(4, 3), grad=False)
E("at_label(x, y)", "x.gather(-1, y[..., None])[..., 0]", x=f(2, 3, 4), y=i(4, 2, 3))
E("cross_entropy(x, y)", "F.cross_entropy(x, y)", x=f(4, 3), y=probabilities(4, 3))
E("cross_entropy[smoothing = 0.1](x, y)", "F.cross_entropy(x, y, label_smoothing=0.1)", x=f(4, 3), y=i(3, 4))
E("cross_entropy[smoothing = 0.1](x, y)", "F.cross_entropy(x, y, label_smoothing=0.1)", x=f(4, 3), y=probabilities(4, 3))
E("cross_entropy[none, 0.1](x, y)", "F.cross_entropy(x.movedim(-1, 1), y, label_smoothing=0.1, reduction='none')", x=f(2, 4, 3), y=i(3, 2, 4))
E("cross_entropy[reduce = fn(e) { masked_mean(e, within[4](n)) }](x, y)",
  "F.cross_entropy(torch.cat([x[0, :3], x[1, :1]]), torch.cat([y[0, :3], y[1, :1]]))", x=f(2, 4, 3), y=i(3, 2, 4), n=ints(3, 1))
E("nll(log_softmax(x), y)", "F.nll_loss(F.log_softmax(x, -1), y)", x=f(4, 3), y=i(3, 4))
E("binary_cross_entropy[positive = 3](x, y)", "F.binary_cross_entropy_with_logits(x, y, pos_weight=torch.tensor(3.0))", x=f(4), y=f(4, lo=0, hi=1))
E("focal(x, y)", "focal(x, y)", x=f(6), y=values(0, 1, 1, 0, 0, 1), still="y")
E("dice(sigmoid(x), y)", "(1 - (2 * (torch.sigmoid(x) * y).sum((1, 2)) + 1) / ((torch.sigmoid(x) + y).sum((1, 2)) + 1)).mean()", x=f(2, 2, 3), y=f(2, 2, 3, lo=0, hi=1))
E("hinge(x, y)", "F.relu(1 - x * y).mean()", x=f(6), y=values(1, -1, 1, -1, 1, 1))
E("squared_hinge(x, y)", "(F.relu(1 - x * y)**2).mean()", x=f(6), y=values(1, -1, 1, -1, 1, 1))
E("multi_hinge(x, y)", "multi_hinge(x, y)", x=f(5, 4), y=i(4, 5))
E("poisson(x, y)", "F.poisson_nll_loss(x, y)", x=f(6), y=values(0, 1, 5, 2, 0, 3))
E("gaussian_nll(m, v, y)", "F.gaussian_nll_loss(m, y, torch.exp(v))", m=f(6), v=f(6), y=f(6))
E("kl_divergence(p, q)", "F.kl_div(F.log_softmax(q, -1), F.log_softmax(p, -1), log_target=True, reduction='batchmean')", p=f(3, 4), q=f(3, 4))
E("kl_normal(m, v)", "torch.distributions.kl_divergence(torch.distributions.Normal(m, torch.exp(0.5 * v)), torch.distributions.Normal(torch.zeros(3, 4), torch.ones(3, 4))).sum(-1).mean()", m=f(3, 4), v=f(3, 4))
E("cosine_distance(a, b)", "F.cosine_embedding_loss(a, b, torch.ones(3))", a=f(3, 4), b=f(3, 4))
E("contrastive[4.0](a, b, y)", "contrastive(a, b, y, 4.0)", a=f(4, 3), b=f(4, 3), y=values(0, 1, 0, 1), still="y")
E("triplet(a, p, n)", "triplet(a, p, n)", a=f(4, 3), p=f(4, 3), n=f(4, 3))
E("info_nce(a, b)", "info_nce(a, b, 0.1)", a=f(4, 3), b=f(4, 3))
E("l2(x)", "(x**2).sum()", x=f(5))
E("l1(x)", "abs(x).sum()", x=f(5))
E("elastic_net[0.3](x)", "0.3 * abs(x).sum() + 0.35 * (x**2).sum()", x=f(5))

E = area("layers")
E("dense[3](x)^2", "(x @ dense_w + dense_b)**2", x=f(2, 4), **{"dense.w": f(4, 3), "dense.b": f(3)})
E("dense[3](x)", "F.linear(x, dense_w.T, dense_b)", x=f(2, 2, 4), **{"dense.w": f(4, 3), "dense.b": f(3)})
E("linear[3](x)", "F.linear(x, linear_w.T)", x=f(2, 4), **{"linear.w": f(4, 3)})
E("embed[5, 3](i)", "F.embedding(i, embed_w)", i=i(5, 2, 3), **{"embed.w": f(5, 3)})
E("bilinear[2](x, y)", "F.bilinear(x, y, bilinear_w.permute(2, 0, 1), bilinear_b)", x=f(2, 4), y=f(2, 3), **{"bilinear.w": f(4, 3, 2), "bilinear.b": f(2)})
E("swiglu[5](x)", "(F.silu(x @ swiglu_gate_w) * (x @ swiglu_up_w)) @ swiglu_down_w", x=f(2, 3),
  **{"swiglu.gate.w": f(3, 5), "swiglu.up.w": f(3, 5), "swiglu.down.w": f(5, 3)})
E("dense[3, weight = weight_norm](x)", "x @ weight_norm(dense_w, dense_weight_norm_g) + dense_b", x=f(2, 4),
  **{"dense.w": f(4, 3), "dense.b": f(3), "dense.weight_norm.g": f(3)})
E("conv[2, weight = weight_norm](x)", "conv2d(x, weight_norm(conv_w, conv_weight_norm_g), conv_b, padding=1)", x=f(1, 2, 3, 3),
  **{"conv.w": f(3, 3, 2, 2), "conv.b": f(2), "conv.weight_norm.g": f(2)})
E("linear[3, weight = spectral_norm](x)", "spectral(x, linear_w, linear_spectral_norm_u, linear_spectral_norm_v)", x=f(2, 4), training=True, smooth=False,
  still="linear.spectral_norm.u linear.spectral_norm.v", **{"linear.w": f(4, 3), "linear.spectral_norm.u": f(4), "linear.spectral_norm.v": f(3)})
E("flatten(x)", "x.flatten(1)", x=f(2, 3, 2))
E("dropout[0.5](x)", "F.dropout(x, 0.5, training=False)", x=f(2, 3))
E("dropped[1.0](x, keep)", "0 * x", x=f(3), keep=bools(False, False, False))
E("spatial_dropout[0.5](x)", "F.dropout2d(x, 0.5, training=False)", x=f(2, 3, 2, 2))
E("drop_path[0.5](x)", "x", x=f(2, 3))
E("standardized[1](x)", "F.layer_norm(x.movedim(1, -1), (3,)).movedim(-1, 1)", x=f(2, 3, 2))
E("batch_norm(x)", "batch_norm(x, batch_norm_g, batch_norm_b, batch_norm_m, batch_norm_v, False)[0]", x=f(2, 3, 4), still="batch_norm.m batch_norm.v",
  **{"batch_norm.g": f(3), "batch_norm.b": f(3), "batch_norm.m": f(3), "batch_norm.v": f(3, lo=0.5)})
E("batch_norm(x)", "batch_norm(x, batch_norm_g, batch_norm_b, batch_norm_m, batch_norm_v, True)", x=f(2, 3, 2, 2), training=True, still="batch_norm.m batch_norm.v",
  **{"batch_norm.g": f(3), "batch_norm.b": f(3), "batch_norm.m": f(3), "batch_norm.v": f(3, lo=0.5)})
E("layer_norm(x)^2", "F.layer_norm(x, (4,), layer_norm_g, layer_norm_b)**2", x=f(2, 3, 4), **{"layer_norm.g": f(4), "layer_norm.b": f(4)})
E("rms_norm(x)^2", "F.rms_norm(x, (4,), rms_norm_g, 1e-6)**2", x=f(2, 3, 4), **{"rms_norm.g": f(4)})
E("group_norm[2](x)", "F.group_norm(x, 2, group_norm_g, group_norm_b)", x=f(2, 4, 3), **{"group_norm.g": f(4), "group_norm.b": f(4)})
E("instance_norm(x)", "F.instance_norm(x, weight=instance_norm_g, bias=instance_norm_b)", x=f(2, 3, 2, 2), **{"instance_norm.g": f(3), "instance_norm.b": f(3)})

E = area("convolution")
W = lambda kh, kw, c, n: {"conv.w": f(kh, kw, c, n), "conv.b": f(n)}    # noqa: E731
E("conv[3](x)^2", "conv2d(x, conv_w, conv_b, padding=1)**2", x=f(2, 2, 4, 5), **W(3, 3, 2, 3))
E("conv[3, 3, 2](x)", "conv2d(x, conv_w, conv_b, padding=1, stride=2)", x=f(2, 2, 4, 5), **W(3, 3, 2, 3))
E("conv[3, (1, 3), pad = 0](x)", "conv2d(x, conv_w, conv_b)", x=f(2, 2, 4, 5), **W(1, 3, 2, 3))
E("conv[3, 3, (2, 1), pad = (2, 0)](x)", "conv2d(x, conv_w, conv_b, stride=(2, 1), padding=(2, 0))", x=f(2, 2, 4, 5), **W(3, 3, 2, 3))
E("conv[3, 2, dilation = (1, 2), pad = 1](x)", "conv2d(x, conv_w, conv_b, dilation=(1, 2), padding=1)", x=f(2, 2, 4, 5), **W(2, 2, 2, 3))
E("conv[3, 2](x)", "conv2d(F.pad(x, (0, 1, 0, 1)), conv_w, conv_b)", x=f(2, 2, 4, 5), **W(2, 2, 2, 3))
E("conv[4, 3, groups = 2](x)", "conv2d(x, conv_w, conv_b, padding=1, groups=2)", x=f(2, 4, 3, 3), **W(3, 3, 2, 4))
E("correlate[lo = (1, 0), hi = (2, 1)](x, w)", "conv2d(F.pad(x, (0, 1, 1, 2)), w)", x=f(1, 2, 3, 4), w=f(2, 2, 2, 2))
E("correlate1d[2, 1](x, w)", "conv1d(x, w, stride=2, padding=1)", x=f(1, 5, 2), w=f(3, 2, 2))
E("depthwise[3](x)", "conv2d(x, depthwise_conv_w, depthwise_conv_b, padding=1, groups=2)", x=f(2, 2, 4, 5),
  **{"depthwise.conv.w": f(3, 3, 1, 2), "depthwise.conv.b": f(2)})
E("separable[3](x)", "conv2d(conv2d(x, separable_depthwise_conv_w, separable_depthwise_conv_b, padding=1, groups=2), separable_point_w, separable_point_b)",
  x=f(2, 2, 4, 5), **{"separable.depthwise.conv.w": f(3, 3, 1, 2), "separable.depthwise.conv.b": f(2), "separable.point.w": f(1, 1, 2, 3), "separable.point.b": f(3)})
T = lambda kh, kw, c, n: {"conv_transposed.w": f(kh, kw, c, n), "conv_transposed.b": f(n)}    # noqa: E731
REF = "transposed(x, conv_transposed_w, conv_transposed_b, "
E("conv_transposed[3](x)^2", REF + "stride=2, padding=1)**2", x=f(2, 2, 3, 4), **T(4, 4, 2, 3))
E("conv_transposed[3, (2, 3), (2, 3)](x)", REF + "stride=(2, 3))", x=f(1, 2, 3, 2), **T(2, 3, 2, 3))
E("conv_transposed[3, 3, (1, 2), pad = (1, 0)](x)", REF + "stride=(1, 2), padding=(1, 0))", x=f(1, 2, 3, 4), **T(3, 3, 2, 3))
E("conv_transposed[4, 2, 2, pad = 0, dilation = 2, groups = 2](x)", REF + "stride=2, dilation=2, groups=2)", x=f(1, 4, 3, 2), **T(2, 2, 2, 4))
E("conv1d[3](x)", "conv1d(x, conv1d_w, conv1d_b, padding=1)", x=f(2, 5, 2), **{"conv1d.w": f(3, 2, 3), "conv1d.b": f(3)})
E("conv1d[4, 3, 2, 2, pad = 2, groups = 2](x)", "conv1d(x, conv1d_w, conv1d_b, stride=2, padding=2, dilation=2, groups=2)", x=f(2, 5, 2),
  **{"conv1d.w": f(3, 1, 4), "conv1d.b": f(4)})
E("conv1d[3, 3, causal = true, pad = 1](x)", "conv1d(F.pad(x, (0, 0, 1, 0)), conv1d_w, conv1d_b)", x=f(2, 5, 2),
  **{"conv1d.w": f(3, 2, 3), "conv1d.b": f(3)})
E("conv1d[3, 3, dilation = 2, causal = true](x)", "conv1d(F.pad(x, (0, 0, 4, 0)), conv1d_w, conv1d_b, dilation=2)", x=f(2, 5, 2),
  **{"conv1d.w": f(3, 2, 3), "conv1d.b": f(3)})
E("conv1d_from[3, 3, 2](x, s)", "(conv1d(torch.cat([s, x], 1), conv1d_from_w, conv1d_from_b, dilation=2), torch.cat([s, x], 1)[:, -4:])",
  x=f(2, 3, 2), s=f(2, 4, 2), **{"conv1d_from.w": f(3, 2, 3), "conv1d_from.b": f(3)})
E("let m = conv1d_from[3, 3, 2]; let s: [2, 4, 2] = 0; let (y1, s1) = m(x[:, 0..2], s); let (y2, _) = m(x[:, 2..5], s1); concat[1](y1, y2)",
  "conv1d(F.pad(x, (0, 0, 4, 0)), m_w, m_b, dilation=2)", x=f(2, 5, 2), **{"m.w": f(3, 2, 3), "m.b": f(3)})
E("conv1d_transposed[3, 4, 2](x)", "transposed1d(x, conv1d_transposed_w, conv1d_transposed_b, stride=2, padding=1)", x=f(2, 3, 2),
  **{"conv1d_transposed.w": f(4, 2, 3), "conv1d_transposed.b": f(3)})
E("conv1d_transposed[3, 3, 2, pad = 0, dilation = 2](x)", "transposed1d(x, conv1d_transposed_w, conv1d_transposed_b, stride=2, dilation=2)", x=f(2, 3, 2),
  **{"conv1d_transposed.w": f(3, 2, 3), "conv1d_transposed.b": f(3)})
E("windows[(2, 3), 1](x)", "x.unfold(2, 2, 1).unfold(3, 3, 1)", x=f(1, 2, 3, 4))
E("padded[(1, 2), 0.5](x)", "F.pad(x, (2, 2, 1, 1), value=0.5)", x=f(1, 2, 2, 3))
E("max_pool[2](x)", "F.max_pool2d(x, 2)", x=distinct(2, 2, 4, 5))
E("max_pool[(3, 2), (2, 1), (1, 0)](x)", "F.max_pool2d(x, (3, 2), (2, 1), (1, 0))", x=distinct(1, 2, 4, 5))
E("avg_pool[2](x)", "F.avg_pool2d(x, 2)", x=f(2, 2, 4, 5))
E("avg_pool[3, 2, 1](x)", "F.avg_pool2d(x, 3, 2, 1)", x=f(1, 2, 4, 5))
E("global_pool(x)", "F.adaptive_avg_pool2d(x, 1)[..., 0, 0]", x=f(2, 2, 3, 4))
E("global_max_pool(x)", "F.adaptive_max_pool2d(x, 1)[..., 0, 0]", x=distinct(2, 2, 3, 4))
E("max_pool1d[3, 2](x)", "F.max_pool1d(x.mT, 3, 2).mT", x=distinct(2, 5, 2))
E("avg_pool1d[3, 2](x)", "F.avg_pool1d(x.mT, 3, 2).mT", x=f(2, 5, 2))
E("upsample[2](x)", "F.interpolate(x, scale_factor=2)", x=f(1, 2, 2, 3))
E("pixel_shuffle[2](x)", "F.pixel_shuffle(x, 2)", x=f(1, 8, 2, 3))
E("resize[5, 7](x)", "F.interpolate(x, size=(5, 7), mode='bilinear')", x=f(1, 2, 3, 4))
E("resize[2, 3](x)", "F.interpolate(x, size=(2, 3), mode='bilinear')", x=f(1, 2, 4, 5))
E("resize1d[7](x)", "F.interpolate(x.mT, size=7, mode='linear').mT", x=f(2, 3, 2))

E = area("attention")
QKV = {"q": f(2, 2, 3, 2), "k": f(2, 2, 5, 2), "v": f(2, 2, 5, 2)}
E("attend(q, k, v)", "F.scaled_dot_product_attention(q, k, v)", **QKV)
E("attend(q, k, v, m)", "F.scaled_dot_product_attention(q, k, v, m)", m=mask(3, 5), **QKV)
E("attend(q, k, v, none, n)", "F.scaled_dot_product_attention(q, k, v, (torch.arange(5) < n[:, None])[:, None, None])", n=ints(5, 2), **QKV)
E("f32(causal(4))", "torch.ones(4, 4).tril()", grad=False)
E("f32(causal_window[2](4))", "torch.ones(4, 4).tril().triu(-1)", grad=False)
M = lambda *shape: f(*shape, lo=-1, hi=1)    # noqa: E731
A = {"qkv.w": M(4, 12), "qkv.b": M(12), "out.w": M(4, 4), "out.b": M(4)}
below = lambda path, params: {f"{path}.{n}": s for n, s in params.items()}    # noqa: E731
ATTN = "self_attention(x, p('self_attention'), 2"
E("self_attention[2](x)", ATTN + ")", x=f(2, 3, 4), **below("self_attention", A))
E("self_attention[2](x, causal(3), n)", ATTN + ", torch.ones(3, 3).tril().bool() & (torch.arange(3) < n[:, None])[:, None, None])", x=f(2, 3, 4), n=ints(2, 3),
  **below("self_attention", A))
X = {"q.w": M(4, 4), "q.b": M(4), "kv.w": M(6, 8), "kv.b": M(8), "out.w": M(4, 4), "out.b": M(4)}
E("cross_attention[2](x, y, none, n)", "cross_attention(x, y, p('cross_attention'), 2, (torch.arange(5) < n[:, None])[:, None, None])", x=f(2, 3, 4), y=f(2, 5, 6),
  n=ints(2, 5), **below("cross_attention", X))
E("causal_attention[2](x)", "self_attention(x, p('causal_attention.from'), 2, torch.ones(3, 3).tril().bool())", x=f(2, 3, 4), **below("causal_attention.from", A))
E("causal_attention[2, turn = true](x)", "self_attention(x, p('causal_attention.from'), 2, torch.ones(3, 3).tril().bool(), rotary)", x=f(2, 3, 4),
  **below("causal_attention.from", A))
E("""let m = causal_attention_from[2]; let (y1, c1) = m(x[:, 0..2], empty_cache[2, 5, 2](2), 0); let (y2, _) = m(x[:, 2..5], c1, 2); concat[1](y1, y2)""",
  "self_attention(x, p('m'), 2, torch.ones(5, 5).tril().bool())", x=f(2, 5, 4), **below("m", A))
N = {"g": f(4), "b": f(4)}
FF = {"up.w": M(4, 16), "up.b": M(16), "down.w": M(16, 4), "down.b": M(4)}
ENC = {**below("ln1", N), **below("attn", A), **below("ln2", N), **FF}
E("encoder_block[2](x, none, n)", "encoder_layer(x, p('encoder_block'), 2, n)", x=f(2, 3, 4), n=ints(2, 3), **below("encoder_block", ENC))
DEC = {**below("ln1", N), **below("attn", A), **below("ln2", N), **below("cross", {**X, "kv.w": M(4, 8)}), **below("ln3", N), **FF}
E("decoder_block[2](x, y, n)", "decoder_layer(x, y, p('decoder_block'), 2, n)", x=f(2, 3, 4), y=f(2, 5, 4), n=ints(5, 2), **below("decoder_block", DEC))
E("encoder_stack[2, 2](x, causal(3))", "stack('encoder_stack', p, 2, lambda y, q: encoder_layer(y, q, 2, causal=True), x)", x=f(2, 3, 4),
  **{**below("encoder_stack.h.0", ENC), **below("encoder_stack.h.1", ENC), **below("encoder_stack.ln", N)})
E("decoder_stack[2, 2](x, y)", "stack('decoder_stack', p, 2, lambda z, q: decoder_layer(z, y, q, 2), x)", x=f(2, 3, 4), y=f(2, 5, 4),
  **{**below("decoder_stack.h.0", DEC), **below("decoder_stack.h.1", DEC), **below("decoder_stack.ln", N)})
E("positions(x)", "x + positions_w", x=f(2, 3, 4), **{"positions.w": f(3, 4)})
E("sinusoidal(x)", "x + torch.cat([torch.sin(angles(3, 2)), torch.cos(angles(3, 2))], -1)", x=f(2, 3, 4))
E("rotary(x, 2)", "rotary(x, 2)", x=f(1, 2, 3, 4))
E("angles[3, 2](1)", "angles(3, 2, 1)", grad=False)

E = area("sequence")
R = {"wx.w": f(3, 2), "wx.b": f(2), "wh.w": f(2, 2)}
L = {"wx.w": f(3, 8), "wx.b": f(8), "wh.w": f(2, 8)}
G = {"wx.w": f(3, 6), "wx.b": f(6), "wh.w": f(2, 6), "wh.b": f(6)}
LENGTHS = {"x": f(3, 4, 3), "n": ints(2, 4, 1)}
for kind, params in ("rnn", R), ("lstm", L), ("gru", G):
    state = {"h": f(3, 2), "c": f(3, 2)} if kind == "lstm" else {"h": f(3, 2)}
    s, t = ("(h, c)", "(h, c)") if kind == "lstm" else ("h", "(h,)")
    E(f"{kind}[2](x)^2", f"recurrent('{kind}', p('{kind}.from.cell'), x)[0]**2", x=f(3, 4, 3), **below(f"{kind}.from.cell", params))
    E(f"{kind}[2, reverse = true](x)", f"recurrent('{kind}', p('{kind}.from.cell'), x.flip(1))[0].flip(1)", x=f(3, 4, 3), **below(f"{kind}.from.cell", params))
    E(f"{kind}_from[2](x, {s})", f"recurrent('{kind}', p('{kind}_from.cell'), x, {t})", x=f(3, 4, 3), **state, **below(f"{kind}_from.cell", params))
    E(f"{kind}[2](x, n)", f"recurrent('{kind}', p('{kind}.from.cell'), x, None, n)[0]", **LENGTHS, **below(f"{kind}.from.cell", params))
    E(f"let z: [3, 2] = 0; {kind}_from[2](x, {'(z, z)' if kind == 'lstm' else 'z'}, n)", f"recurrent('{kind}', p('{kind}_from.cell'), x, None, n)",
      **LENGTHS, **below(f"{kind}_from.cell", params))
    E(f"bidirectional[{kind}, 2](x, n)", f"bidirectional('{kind}', p('bidirectional.forward.from.cell'), p('bidirectional.backward.from.cell'), x, n)",
      **LENGTHS, **below(f"bidirectional.forward.from.cell", params), **below(f"bidirectional.backward.from.cell", params))
    E(f"let m = {kind}_from[2]; let (y1, s1) = m(x[:, 0..2], {s}); let (y2, s2) = m(x[:, 2..3], s1); let (y3, s3) = m(x[:, 3..4], s2); concat[1](y1, y2, y3)",
      f"recurrent('{kind}', p('m.cell'), x, {t})[0]", x=f(3, 4, 3), **state, **below("m.cell", params))
E("rnn_cell[2](x, h)", "torch.tanh(x @ rnn_cell_wx_w + rnn_cell_wx_b + h @ rnn_cell_wh_w)", x=f(3, 3), h=f(3, 2), **below("rnn_cell", R))
E("lstm_cell[2](x, (h, c))", "lstm_cell(x, h, c, p('lstm_cell'))", x=f(3, 3), h=f(3, 2), c=f(3, 2), **below("lstm_cell", L))
E("gru_cell[2](x, h)", "gru_cell(x, h, p('gru_cell'))", x=f(3, 3), h=f(3, 2), **below("gru_cell", G))
E("reverse_within(x, n)", "torch.stack([torch.cat([r[:k].flip(0), 0 * r[k:]]) for r, k in zip(x, n)])", **LENGTHS)
E("last_within(x, n)", "x[torch.arange(3), n - 1]", **LENGTHS)
E("bidirectional[gru, 2](x)", "bidirectional('gru', p('bidirectional.forward.from.cell'), p('bidirectional.backward.from.cell'), x, torch.tensor([4, 4, 4]))",
  x=f(3, 4, 3), **below("bidirectional.forward.from.cell", G), **below("bidirectional.backward.from.cell", G))

E = area("optimizers")
P = {"p": f(2, 3), "target": f(2, 3)}
RULE = "{name}(p, (p - target)^3{options})"
for rule, options, torch_name, args in [
    ("sgd", "", "SGD", ""), ("sgd", ", decay = 0.1", "SGD", ", weight_decay=0.1"), ("momentum", "", "SGD", ", momentum=0.9"),
    ("momentum", ", decay = 0.1", "SGD", ", momentum=0.9, weight_decay=0.1"), ("nesterov", "", "SGD", ", momentum=0.9, nesterov=True"),
    ("adagrad", "", "Adagrad", ""), ("rmsprop", "", "RMSprop", ", alpha=0.9"), ("adadelta", "", "Adadelta", ""), ("adam", "", "Adam", ""),
    ("adam", ", b1 = 0.8, b2 = 0.9, eps = 1e-4", "Adam", ", betas=(0.8, 0.9), eps=1e-4"), ("adam", ", decay = 0.1", "AdamW", ", weight_decay=0.1"),
    ("adamw", "", "AdamW", ""), ("amsgrad", "", "Adam", ", amsgrad=True"), ("adamax", "", "Adamax", ""),
]:
    E(f"p = {rule}(p, (p - target)^3, lr = 0.1{options}); p", f"optimized(torch.optim.{torch_name}, p, target, lr=0.1{args})", steps=3, **P)
E("p = nadam(p, (p - target)^3, lr = 0.1); p", "nadam(p, target, 0.1)", steps=3, **P)
E("let q = lamb((p[0], p[1]), ((p[0] - target[0])^3, (p[1] - target[1])^3), lr = 0.1); p = stack(q[0], q[1]); p", "lamb(p, target, 0.1)", steps=3, **P)
E("p = lion(p, (p - target)^3, lr = 0.1, decay = 0.1); p", "lion(p, target, 0.1, 0.1)", steps=3, **P)
E("lamb(p, 0 * p, decay = none)", "p.clone()", steps=1, p=f(3))
E("decayed(p, g, 0.1)", "g + 0.1 * p", p=f(3), g=f(3))
E("clip_norm[0.5](g)", "0.5 * g / torch.linalg.vector_norm(g)", g=f(5))
E("clip_norm[50](g)", "g.clone()", g=f(5))
E("clip_value[1](g)", "g.clip(-1, 1)", g=f(5))
E("average_weights[0.9](a, p)", "0.9 * a + 0.1 * p", a=f(3), p=f(3))
E("mean_weights(p[step])", "p.mean(0)", steps=4, p=f(4, 3))
E("p = lookahead[2](p, sgd(p, (p - target)^3, lr = 0.1)); p", "lookahead(p, target, 0.1)", steps=5, **P)

E = area("schedules")
S = {"step": ints(0, 1, 7, 20, 50, 99, 120), "grad": False}
STEPS = "[0, 1, 7, 20, 50, 99, 120]"
E("fraction(step, 100)", f"torch.tensor({STEPS}).clip(0, 100) / 100", **S)
E("fraction_after(step, 100, 20)", f"(torch.tensor({STEPS}) - 20).clip(0, 80) / 80", **S)
E("warmup(2.0, step, 10)", f"schedule(lambda o: torch.optim.lr_scheduler.LinearLR(o, 0.1, 1.0, 9), {STEPS})", **S)
E("warmed(2.0, step, 10)", f"schedule(lambda o: torch.optim.lr_scheduler.LinearLR(o, 0.1, 1.0, 9), {STEPS})", **S)
E("cosine(2.0, step, 120, last = 0.1)", f"schedule(lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, 120, 0.1), {STEPS})", **S)
E("cosine(2.0, step, 100, warmup = 20)", f"torch.tensor([2 * min((k + 1) / 20, 1) * (1 + math.cos(math.pi * min(max(k - 20, 0) / 80, 1))) / 2 for k in {STEPS}])", **S)
E("cosine_restarts(2.0, step, 30, last = 0.1)", f"schedule(lambda o: torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(o, 30, 1, 0.1), {STEPS})", **S)
E("polynomial(2.0, step, 100, power = 2.0)", f"schedule(lambda o: torch.optim.lr_scheduler.PolynomialLR(o, 100, 2.0), {STEPS})", **S)
E("linear_decay(2.0, step, 100)", f"schedule(lambda o: torch.optim.lr_scheduler.PolynomialLR(o, 100, 1.0), {STEPS})", **S)
E("inverse_sqrt(2.0, step, 16)", f"torch.tensor([2 * min((k + 1)**-0.5, (k + 1) * 16**-1.5) for k in {STEPS}])", **S)
E("step_decay(2.0, step, 30)", f"schedule(lambda o: torch.optim.lr_scheduler.StepLR(o, 30), {STEPS})", **S)
E("piecewise(2.0, step, (10, 50), 0.5)", f"schedule(lambda o: torch.optim.lr_scheduler.MultiStepLR(o, [10, 50], 0.5), {STEPS})", **S)
E("exponential(2.0, step, 0.9)", f"schedule(lambda o: torch.optim.lr_scheduler.ExponentialLR(o, 0.9), {STEPS})", **S)
E("one_cycle(2.0, step, 121, rise = 1.0)", f"torch.tensor([0.08 + 1.92 * (1 - math.cos(math.pi * k / 120)) / 2 for k in {STEPS}])", **S)
E("one_cycle(2.0, step, 121, rise = 0.0)", f"torch.tensor([8e-6 + (2 - 8e-6) * (1 + math.cos(math.pi * k / 120)) / 2 for k in {STEPS}])", **S)
E("one_cycle(2.0, step, 1)", f"torch.tensor([8e-6 if k else 2.0 for k in {STEPS}])", **S)
E("one_cycle(2.0, step, 121)", f"schedule(lambda o: torch.optim.lr_scheduler.OneCycleLR(o, 2.0, 121, cycle_momentum=False), {STEPS})", **S)
E("plateau(2.0, x[step], patience = 1, factor = 0.5)", "plateau(x, 1, 0.5)", steps=9, x=values(3, 2, 2.5, 2.25, 2.75, 1, 1.5, 1.75, 1.25))

E = area("metrics")
C = {"y": distinct(2, 7, 4), "label": i(4, 2, 7)}    # two batches
BIN = {"x": f(2, 8), "y": values(1, 0, 1, 1, 0, 0, 1, 0, 0, 0, 1, 1, 0, 1, 0, 0, shape=(2, 8))}
E("ratio(a, b)", "torch.where(b == 0, 0, a / b)", a=f(4), b=values(1, 0, 2, -1), grad=False)
E("ratio(a, b)", "a / b", a=f(4), b=values(1, 3, 2, -1))
E("average(x[step])", "x.mean()", steps=2, x=f(2, 3))
E("total(x[step])", "x.sum()", steps=2, x=f(2, 3))
E("perplexity(x[step])", "x.mean().exp()", steps=2, x=f(2, 3))
E("accuracy(y[step], label[step])", "(y.argmax(-1) == label).double().mean()", steps=2, **C)
E("top_k[2](0 * y[step], label[step])", "torch.tensor(1.0)", steps=2, grad=False, **C)
E("top_k[2](y[step] / (0 * y[step]) * 0, label[step])", "torch.tensor(0.0)", steps=2, grad=False, **C)
E("top_k[2](y[step], label[step])", "(y.topk(2).indices == label[..., None]).any(-1).double().mean()", steps=2, **C)
E("binary_accuracy(x[step], y[step])", "((x > 0) == (y > 0)).double().mean()", steps=2, **BIN)
for name in "precision", "recall", "f1":
    E(f"{name}(x[step], y[step])", f"torch.tensor(metrics.{name}_score(y.flatten(), x.flatten() > 0))", steps=2, **BIN)
    E(f"macro_{name}(y[step], label[step])", f"torch.tensor(metrics.{name}_score(label.flatten(), y.argmax(-1).flatten(), average='macro', zero_division=0))", steps=2, **C)
E("confusion[4](y[step], label[step])", "torch.tensor(metrics.confusion_matrix(label.flatten(), y.argmax(-1).flatten()))", steps=2, **C)
E("diagonal(x)", "x.diagonal()", x=f(3, 3))
E("auc(x[step], y[step])", "torch.tensor(metrics.roc_auc_score(y.flatten(), x.flatten()))", steps=2, **BIN)
E("mean_absolute_error(a[step], b[step])", "abs(a - b).mean()", steps=2, a=f(2, 3), b=f(2, 3))
E("root_mean_squared_error(a[step], b[step])", "((a - b)**2).mean().sqrt()", steps=2, a=f(2, 3), b=f(2, 3))
E("r2(a[step], b[step])", "torch.tensor(metrics.r2_score(b.flatten(), a.flatten()))", steps=2, a=f(2, 3), b=f(2, 3))

E = area("initializers")
for name in "zeros", "ones":
    E(f"let w: [2, 3] = {name}; w", f"torch.{name}(2, 3)", grad=False)
E("let w: [2, 3] = constant[0.5]; w", "torch.full((2, 3), 0.5)", grad=False)
E("let w: [2, 2, 3] = identity[2.0]; w", "2 * torch.eye(4, 3).reshape(2, 2, 3)", grad=False)
E("let w: [2, 3, 4] = constant[fan_in((2, 3, 4))]; w + fan_out((2, 3, 4))", "torch.full((2, 3, 4), 10.0)", grad=False)
E("let e = erf_inverse(x) / 1e6; e", "torch.erfinv(x) / 1e6", x=values(-0.9, -0.5, 0.1, 0.7, 0.99), grad=False)    # single precision

E = area("augment")
E("sample(image, y, x)", "sample(image, y, x)", image=f(2, 2, 3, 4), y=f(2, 2, 2, lo=-1, hi=3), x=f(2, 2, 2, lo=-1, hi=4))
for name in "random_shift[2]", "random_flip", "add_noise", "cutout[2]", "random_rotate":
    E(f"{name}(x)", "x.clone()", x=f(2, 1, 3, 4))    # in evaluation
E("random_crop[2](x)", "x[:, :, 0:2, 1:3]", x=f(2, 1, 3, 4))

E = area("models")    # whole networks: what a second-order method sees of them
DENSE = lambda path, d, n: {f"{path}.w": f(d, n, lo=-1, hi=1), f"{path}.b": f(n, lo=-1, hi=1)}    # noqa: E731
E("cross_entropy(x |> h: dense[5] |> tanh |> out: dense[3], y)", "F.cross_entropy(torch.tanh(x @ h_w + h_b) @ out_w + out_b, y)", x=f(4, 3), y=i(3, 4),
  **DENSE("h", 3, 5), **DENSE("out", 5, 3))
E("cross_entropy(x |> conv[3] |> gelu |> max_pool[2] |> batch_norm |> flatten |> out: dense[3], y)",
  "F.cross_entropy(F.max_pool2d(F.gelu(conv2d(x, conv_w, conv_b, padding=1)), 2).mul(batch_norm_g[:, None, None]).div(math.sqrt(1 + 1e-5)).add(batch_norm_b[:, None, None]).flatten(1) @ out_w + out_b, y)",
  still="batch_norm.m batch_norm.v", x=f(2, 2, 4, 4, lo=-1, hi=1), y=i(3, 2), **DENSE("out", 12, 3), **{"conv.w": f(3, 3, 2, 3, lo=-1, hi=1), "conv.b": f(3),
  "batch_norm.g": f(3), "batch_norm.b": f(3), "batch_norm.m": values(0, 0, 0), "batch_norm.v": values(1, 1, 1)})
E("cross_entropy((x |> lstm[2])[:, -1] |> out: dense[3], y)", "F.cross_entropy(recurrent('lstm', p('lstm.from.cell'), x)[0][:, -1] @ out_w + out_b, y)",
  x=f(3, 4, 3), y=i(3, 3), **DENSE("out", 2, 3), **below("lstm.from.cell", L))
E("cross_entropy((x |> causal_attention[2])[:, -1] |> out: dense[3], y)",
  "F.cross_entropy(self_attention(x, p('causal_attention.from'), 2, torch.ones(3, 3).tril().bool())[:, -1] @ out_w + out_b, y)", x=f(2, 3, 4), y=i(3, 2), **DENSE("out", 4, 3),
  **below("causal_attention.from", A))

E = area("numerics")    # where the naive formula overflows, cancels or is 0/0
N = E
E = lambda *args, **inputs: N(*args, smooth=False, **inputs)    # noqa: E731
BIG = {"x": values(1e4, -1e4, 1e4, -1e4, 0, 2e4, shape=(2, 3))}
for name, reference in {
    "softmax": "F.softmax(x, -1)", "log_softmax": "F.log_softmax(x, -1)", "logsumexp": "x.logsumexp(-1)", "log_sigmoid": "F.logsigmoid(x)",
    "softplus": "F.softplus(x)", "sigmoid": "torch.sigmoid(x)", "tanh": "torch.tanh(x)", "silu": "F.silu(x)", "mish": "x * torch.tanh(F.softplus(x))", "gelu": "F.gelu(x)",
}.items():
    E(f"{name}(x)", reference, **BIG)
ELU = "torch.where(x > 0, x, {} * torch.expm1(torch.where(x > 0, 0 * x, x)))"    # at 0 PyTorch has another second derivative
E("elu(x)", ELU.format(1), **BIG)
E("selu(x)", "1.0507009873554805 * " + ELU.format(1.6732632423543772), **BIG)
E("log(softmax(x))", "F.log_softmax(x, -1)", x=values(10, -10, 3, shape=(1, 3)))
E("cross_entropy(x, y)", "F.cross_entropy(x, y)", y=ints(1, 2, bound=3), **BIG)
E("cross_entropy[smoothing = 0.1](x, y)", "F.cross_entropy(x, y, label_smoothing=0.1)", y=ints(1, 2, bound=3), **BIG)
E("binary_cross_entropy(x, y)", "F.binary_cross_entropy_with_logits(x, y)", x=values(1e4, -1e4, 1e4, -1e4), y=values(0, 0, 1, 1), still="y")
E("focal(x, y)", "focal(x, y)", x=values(1e3, -1e3, 1e3, -1e3), y=values(0, 0, 1, 1), still="y")
E("kl_divergence(x, y)", "kl(x, y)", x=values(1e3, -1e3, 0, shape=(1, 3)), y=values(-1e3, 1e3, 0, shape=(1, 3)))
E("log_cosh(a, b)", "(abs(a - b) - math.log(2)).mean()", a=values(1e4, -1e4), b=values(0, 0))
E("(expm1(x), log1p(x))", "(torch.expm1(x), torch.log1p(x))", x=values(1e-12, -1e-12, 1e-6))
E("variance(x)", "x.var(correction=0)", x=values(*[1024.5] * 4))
E("deviation[1](x)", "0 * x.sum(1)", x=values(*[1024.5] * 4, shape=(2, 2)))
E("variance(x)", "x.var(correction=0)", x=values(4096, 4097, 4098))
E("norm(x)", "0 * x.sum()", x=values(0, 0, 0))
E("normalize(x)", "x / 1e-12", x=values(0, 0, 0, shape=(1, 3)))
E("cosine_similarity(x, y)", "(x * y).sum(-1) / (1e-8 * torch.linalg.vector_norm(y, dim=-1))", x=values(0, 0, shape=(1, 2)), y=values(0, 2, shape=(1, 2)))
E("triplet(x, x, y)", "F.relu(1 - torch.linalg.vector_norm(x - y, dim=-1)).mean()", x=values(0.5, 0.5, shape=(1, 2)), y=values(0.75, 0.25, shape=(1, 2)))
E("clip_norm[1](x)", "x.clone()", x=values(0, 0))
STEEP = {"adam": "1e8", "amsgrad": "1e8", "nadam": "1e8 * (1 + 0.9 / 1.9)", "rmsprop": "1e8", "adagrad": "1e10"}    # where PyTorch's is no number
for rule, slope in STEEP.items():
    E(f"grad(sum({rule}(p, g, lr = 0.1)), g)", f"0 * g - 0.1 * {slope}", steps=1, p=f(2), g=values(0, 0))
E("standardized(x)", "F.layer_norm(x, (3,))", x=values(5, 5, 5, 7, 7, 7, shape=(2, 3)))
E("standardized(x)", "F.layer_norm(x, (3,))", x=values(4096, 4097, 4098, shape=(1, 3)))
E("attend(q, k, q, m)", "torch.softmax(torch.where(m, q @ k.mT / 2**0.5, -1e9), -1) @ q", q=f(1, 1, 2, 2), k=values(1e4, -1e4, 1e4, 1e4, shape=(1, 1, 2, 2)), m=mask(2, 2))
E("masked_mean(x, m)", "x[0]", x=values(3, 1e30), m=bools(True, False))
E("masked_mean(x, m)", "0 * x.sum()", x=values(3, 4), m=bools(False, False))
E("ratio(a, b)", "a * 0", a=values(0, 3), b=values(0, 0), still="b")
for name in "sinh asinh atanh tan asin".split():
    E(f"1e6 * {name}(1e-6 * x)", f"1e6 * torch.{name}(1e-6 * x)", x=values(1, -1e-6, 1e-30, 0))
E("(asinh(x), atan(x), asinh(-x))", "(torch.asinh(x), torch.atan(x), torch.asinh(-x))", x=values(1e10, -1e25, 3e38))
E("(1024 * acosh(1 + x), acosh(1e20 * x))", "(1024 * torch.acosh(1 + x), torch.acosh(1e20 * x))", x=values(2**-23, 2**-20, 2e15))
E("(asin(1 - x), 1024 * acos(1 - x), asin(x - 1), acos(x - 1))",
  "(torch.asin(1 - x), 1024 * torch.acos(1 - x), torch.asin(x - 1), torch.acos(x - 1))", x=values(2**-23, 2**-20, 2**-10))
E("(asin(x), acos(x), acosh(abs(x)))", "(torch.asin(x).detach() + 0 * x**3, torch.acos(x).detach() + 0 * x**3, 0 * x**3)", x=values(1, -1))
E("f32(asin(x) != asin(x) and acos(x) != acos(x) and acosh(-x) != acosh(-x) and atanh(x) != atanh(x) and root(-x) != root(-x))",
  "0 * x + 1", x=values(2, 1.5), grad=False)
E("atan2(y, x)", "torch.atan2(y, x)", y=values(0, 0, 2, -2, 3, -3, 3, -3), x=values(2, -2, 0, 0, 3, 3, -3, -3))
E("(atan2(1, x), atan2(x, 0), atan2(0, x), acos(-1) + 0 * x)", "(torch.atan2(0 * x + 1, x), torch.atan2(x, 0 * x), torch.atan2(abs(0 * x), x), math.pi + 0 * x)", x=values(0.5, -2))
E("atan2(1e19 * y, 1e19 * x)", "torch.atan2(y, x)", y=values(1, -3, 1e18), x=values(2, 1, -1))
E("atan2(y, x)", "0 * (y * x)**3", y=values(0, 0), x=values(0, 0))
E("(atan2(y, x), atan2(-y, x), atan2(y, -x), atan2(-y, -x))", "(torch.atan2(y, x), torch.atan2(-y, x), torch.atan2(y, -x), torch.atan2(-y, -x))",
  y=values(0, 0, 1, 1, math.inf, math.inf, 0), x=values(0, 2, 0, math.inf, 2, math.inf, math.inf), grad=False)
for name in "tan atan asin sinh atanh".split():    # the sign of -0
    E(f"clip(1 / {name}(-x), -1, 1)", f"(1 / torch.{name}(-x)).clip(-1, 1)", x=values(0), grad=False)
E("clip(1 / atan2(-y, x), -1, 1)", "(1 / torch.atan2(-y, x)).clip(-1, 1)", y=values(0, 0), x=values(0, 2), grad=False)
