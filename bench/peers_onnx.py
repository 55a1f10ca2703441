"""Predictions of the models of bench/models by ONNX Runtime: the PyTorch models of peers_pytorch.py, exported.

usage: peers_onnx.py MODEL --rows N [--steps N] [--repeat N] [--threads N] [--folder FOLDER]
Prints what peers_pytorch.py prints. FOLDER keeps MODEL.onnx: where it is missing it is made, which needs torch; running
it needs onnxruntime, perhaps that of another Python.
"""
import contextlib
import pathlib
import sys
import tempfile

import timing


def export(model, path):
    import peers_pytorch as peers
    import torch
    torch.manual_seed(1)
    net = peers.NETS[model]().eval()
    x = next(peers.batches(model, 2))[0]
    x = x[:, :128] if model == "gpt" else x
    path.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.redirect_stdout(sys.stderr):  # its messages are no measurements
        torch.onnx.export(net, (x,), str(path), dynamic_shapes=({0: torch.export.Dim("rows")},), external_data=False)


def session_of(path, threads):
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def input_of(session, rows):
    import numpy as np
    port = session.get_inputs()[0]
    shape = (rows, *port.shape[1:])
    rng = np.random.default_rng(1)
    if "int64" in port.type:
        return {port.name: rng.integers(128, size=shape)}
    return {port.name: rng.random(shape, np.float32)}


def main():
    options = timing.options(folder={"type": pathlib.Path, "default": pathlib.Path(tempfile.gettempdir()) / "nnc-bench-onnx"})
    if not options.rows:
        sys.exit("peers_onnx.py: it predicts: --rows says for how many")
    path = options.folder / f"{options.model}.onnx"
    if not path.exists():
        export(options.model, path)
    session = session_of(path, options.threads)
    x = input_of(session, options.rows)
    timing.report(lambda: session.run(None, x), options)


if __name__ == "__main__":
    main()
