"""The one list of the examples: what is trained, what it must reach, and how the same recipe in PyTorch is called."""
import dataclasses


@dataclasses.dataclass
class Recipe:
    name: str  # of the table's row
    file: str  # examples/<file>.nn and bench/examples/<file>.py
    data: str
    metric: str  # as `nn eval` names it, or a measurement of run.py
    bar: float = None  # what one full run must reach; None: what PyTorch's recipe reaches
    split: str = "test"
    sets: dict = dataclasses.field(default_factory=dict)  # hyperparameters; the same options for the script
    epochs: int = None  # of the comparison; None: the file's
    part: float = 1.0  # of the training data in the comparison
    measure: str = "eval"  # or "folds", "strings", "samples", "pairs"
    lower: bool = False  # whether smaller is better
    picture: str = None  # an export whose result docs/examples.md shows


# A comparison trains as long and on as much as the example itself where that takes either side two minutes at most.
FASHION = "Fashion-MNIST"
BIBLE = "King James Bible"

RECIPES = [
    Recipe("logistic regression", "logistic", "breast cancer", "accuracy", 0.95, "valid", measure="folds"),
    Recipe("support vector machine", "svm", "breast cancer", "accuracy", 0.95, "valid", measure="folds"),
    Recipe("regression MLP", "regression", "diabetes", "r2"),
    Recipe("MLP", "fashion_mlp", FASHION, "accuracy", 0.885),
    *[Recipe(f"MLP, {name}", "regularised_mlp", FASHION, "accuracy", 0.885, sets=sets)
      for name, sets in (("l1", {"penalty": "l1", "strength": 2e-6, "drop": 0.0}),
                         ("l2", {"penalty": "l2", "strength": 2e-5, "drop": 0.0}),
                         ("dropout", {"drop": 0.3}),
                         ("batch norm", {"norm": "batch_norm", "drop": 0.0}))],
    Recipe("CNN", "fashion_cnn", FASHION, "accuracy", 0.92, sets={"augment": False}, epochs=6, part=0.4),
    Recipe("CNN, augmented", "fashion_cnn", FASHION, "accuracy", 0.92, sets={"augment": True}, epochs=6, part=0.4),
    Recipe("ResNet-20", "resnet", FASHION, "accuracy", 0.925, epochs=4, part=0.4),
    Recipe("depthwise-separable net", "separable", FASHION, "accuracy", 0.925, epochs=4, part=0.4),
    Recipe("RNN", "recurrent", FASHION, "accuracy", sets={"cell": "rnn"}),
    Recipe("GRU", "recurrent", FASHION, "accuracy", 0.87, sets={"cell": "gru"}),
    Recipe("LSTM", "recurrent", FASHION, "accuracy", 0.87, sets={"cell": "lstm"}),
    Recipe("GRU, bidirectional", "recurrent", FASHION, "accuracy", 0.87, sets={"cell": "gru", "both_ways": True}),
    Recipe("character model, LSTM", "char_lstm", BIBLE, "loss", split="valid", epochs=1, part=0.2, lower=True),
    Recipe("GPT", "gpt", BIBLE, "loss", split="valid", epochs=1, part=0.1, lower=True),
    Recipe("vision transformer", "vit", FASHION, "accuracy", 0.88, epochs=4, part=0.4),
    Recipe("encoder and decoder", "sort_digits", "random strings", "strings", 0.99, epochs=1, measure="strings"),
    Recipe("autoencoder", "autoencoder", FASHION, "loss", lower=True, picture="beside"),
    Recipe("denoising autoencoder", "autoencoder", FASHION, "loss", sets={"noise": 0.3}, lower=True, picture="beside"),
    Recipe("variational autoencoder", "vae", FASHION, "loss", lower=True, picture="sample"),
    Recipe("DCGAN", "dcgan", FASHION, "frechet", epochs=6, part=0.3, measure="samples", lower=True, picture="sample"),
    Recipe("WGAN, gradient penalty", "wgan_gp", FASHION, "frechet", epochs=6, part=0.3, measure="samples", lower=True, picture="sample"),
    Recipe("word embedding", "word_embedding", BIBLE, "loss", split="valid", lower=True, measure="pairs"),
    *[Recipe(f"optimizer {o}", "optimizers", FASHION, "accuracy", sets={"optimizer": o, "schedule": s, "lr": lr})
      for o, s, lr in (("sgd", "cosine", 0.1), ("momentum", "thirds", 0.02), ("nesterov", "cosine", 0.02),
                       ("rmsprop", "exponential", 1e-3), ("adagrad", "constant", 0.02), ("adam", "one_cycle", 1e-3),
                       ("adamw", "cosine", 1e-3))],
]


def shortfalls(recipe, pair):
    """In what our side of a comparison (run.py compare) falls short of theirs: two standard errors, and half a point of a share."""
    behind = (pair["ours"] - pair["theirs"]) * (1 if recipe.lower else -1)
    if recipe.measure == "samples":
        found = [f"{recipe.metric} is above 1.1 times theirs"] if pair["ours"] > 1.1 * pair["theirs"] else []
    else:
        found = [f"{recipe.metric} is two standard errors behind"] if behind > 2 * pair["error"] else []
        if recipe.metric in ("accuracy", "strings") and behind > 0.005:
            found.append(f"{recipe.metric} is half a point behind")
    if recipe.measure == "pairs" and pair["pairs"][0] < pair["pairs"][1] - 2:
        found.append("more than two pairs fewer")
    return found
