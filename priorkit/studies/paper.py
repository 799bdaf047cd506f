"""The experiments of Wang, Peng and Ko, *Learning priors for adversarial autoencoders*, APSIPA Trans. 2020, as data."""

from typing import Any

from priorkit.studies.study import ComparedSystem, Study

__all__ = ["PAPER_STUDIES"]

_IS = "Inception Score"
_NOT_STATED = "not in the text"
_OURS = "proposed model"
_SAME_AUTOENCODER: dict[str, Any] = {"networks": "residual", "code_dim": 64}
_SUPERVISED = (
    ComparedSystem("learned-supervised", _OURS, "learned-supervised"),
    ComparedSystem(
        "aae-supervised", "AAE", "aae-supervised", remark="its code is [s; z] itself; same losses otherwise"
    ),
)
_UNSUPERVISED = (
    ComparedSystem("learned-unsupervised", _OURS, "learned-unsupervised"),
    ComparedSystem(
        "aae-unsupervised", "AAE", "aae-unsupervised", remark="its code is [s; z] itself; same losses otherwise"
    ),
)
_FROM_TEXT = (
    ComparedSystem("text-to-image", _OURS, "text-to-image", {"prior": {"name": "learned", "noise_dim": 100}}),
    ComparedSystem("text-to-image-flow", "flow matching with guidance", "text-to-image-flow", remark="not the paper's"),
)
_OF_SENTENCES = (
    "The paper's sentence embeddings come from a pre-trained recurrent network; here the text encoder learns in the "
    "first stage, from the same captions.",
    "Stages have the same shares of --steps as in their recipes. A step of the stage on codes, of flow matching, is "
    "cheaper than one on images.",
)
_CLASS_DATA = ("mnist", "svhn", "cifar10")

PAPER_STUDIES = (
    Study(
        "table1",
        "comparison with AAE, VAE and VampPrior; all with the same autoencoder",
        data=("cifar10",),
        measure=_IS,
        settings=_SAME_AUTOENCODER,
        systems=(
            ComparedSystem("aae", "AAE", "aae", score=2.15),
            ComparedSystem("vae", "VAE", "vae", score=3.00),
            ComparedSystem("vampprior", "VampPrior", "vampprior", remark="no better than VAE"),
            ComparedSystem("learned", _OURS, "learned", score=6.52),
        ),
    ),
    Study(
        "table2",
        "comparison with generative adversarial networks, which have other decoders",
        data=("cifar10",),
        measure=_IS,
        systems=(
            ComparedSystem("began", "BEGAN", "began", remark=_NOT_STATED),
            ComparedSystem("dcgan", "DCGAN", "dcgan", remark=_NOT_STATED),
            ComparedSystem("lsgan", "LSGAN", "lsgan", remark=_NOT_STATED),
            ComparedSystem("wgan-gp", "WGAN-GP", "wgan-gp", remark=_NOT_STATED),
            ComparedSystem("learned", _OURS, "learned", score=6.52, remark="comparable with the others"),
        ),
        notes=(
            "Every system sees the same number of images. WGAN-GP's critic takes five steps for each step of its "
            "generator, which is thus trained a fifth as often as the others.",
        ),
    ),
    Study(
        "table3",
        "ablation of A, the learned prior, B, the perceptual loss, and C, the decoder updated in both phases",
        data=("cifar10",),
        measure=_IS,
        settings=_SAME_AUTOENCODER,
        systems=(
            ComparedSystem("baseline", "baseline (AAE)", "aae", score=2.15),
            ComparedSystem(
                "a",
                "+ A",
                "aae",
                {"prior": "learned", "decoder_in_both_phases": False},
                remark="about 0.9 more than the baseline",
            ),
            ComparedSystem("ab", "+ A + B", "learned", {"decoder_in_both_phases": False}, score=3.69),
            ComparedSystem("abc", "+ A + B + C", "learned", {"decoder_in_both_phases": True}, score=6.52),
        ),
        notes=(
            "With B, the code regularizer's weight changes, too, from that of the recipe aae to that of the recipe "
            "learned: the former balances it against a mean over pixels, the latter against features.",
        ),
    ),
    Study(
        "figure8",
        "samples at small code sizes: 8 on MNIST, 64 on CIFAR-10",
        data=("mnist", "cifar10"),
        code_dims={"mnist": 8, "cifar10": 64},
        settings={"networks": "residual"},
        systems=(ComparedSystem("learned", _OURS, "learned"), ComparedSystem("aae", "AAE", "aae")),
        notes=("The paper: its model gives sharper images than AAE on both.",),
    ),
    Study(
        "figure9",
        "samples at large code sizes: 100 on MNIST, 2000 on CIFAR-10; the AAE's encoder is re-parameterised",
        data=("mnist", "cifar10"),
        code_dims={"mnist": 100, "cifar10": 2000},
        settings={"networks": "residual"},
        systems=(ComparedSystem("learned", _OURS, "learned"), ComparedSystem("aae", "AAE", "aae-reparameterised")),
        notes=(
            "The paper: a larger code has little impact on its model, and AAE hardly makes recognisable images.",
            "The figure's caption has 64-D for MNIST, its text and its panels 100-D.",
        ),
    ),
    Study(
        "figure10",
        "supervised: a column shares its class, a row its noise; and the codes of Figure 11",
        data=_CLASS_DATA,
        settings={"code_dim": 64},
        systems=_SUPERVISED,
        pictures=("classes", "codes"),
        notes=("The paper: both separate class and style on MNIST and SVHN; on CIFAR-10, its model does better.",),
    ),
    Study(
        "figure11",
        "supervised: the code generator's codes of each class, by t-SNE",
        data=_CLASS_DATA,
        settings={"code_dim": 64},
        systems=_SUPERVISED[:1],
        pictures=("codes",),
        notes=("The paper: each class has a distinct distribution.",),
    ),
    Study(
        "figure12",
        "unsupervised: a column shares its s, a row its noise; and the codes of Figure 13",
        data=_CLASS_DATA,
        settings={"code_dim": 100},
        systems=_UNSUPERVISED,
        pictures=("classes", "codes"),
        notes=("The paper: columns are digits on MNIST; on SVHN and CIFAR-10 they share backgrounds.",),
    ),
    Study(
        "figure13",
        "unsupervised: codes of the encoder beside those of the code generator, by t-SNE",
        data=_CLASS_DATA,
        settings={"code_dim": 100},
        systems=_UNSUPERVISED[:1],
        pictures=("codes",),
        notes=("The paper: both have similar distributions, and distinct ones for each s.",),
    ),
    Study(
        "figure14",
        "images from sentences: samples of each of some texts",
        data=("flowers102",),
        systems=_FROM_TEXT,
        pictures=("texts",),
        texts={
            "flowers102": (
                "this vibrant flower features lush red petals and a similar colored pistil and stamen",
                "this flower has white and crumpled petals with yellow stamen",
            ),
            "digits": ("a handwritten 3", "this image shows a seven", "the digit zero"),
        },
        notes=("The paper: most images match the texts reasonably.", *_OF_SENTENCES),
    ),
    Study(
        "figure15",
        "images from sentences: one word of a text varies from column to column, rows share the noise",
        data=("flowers102",),
        systems=_FROM_TEXT,
        pictures=("sweep",),
        texts={
            "flowers102": (
                "the flower is {pink, red, yellow, orange, purple, blue, white, green, black} in color and has petals "
                "that are rounded in shape and ruffled",
            ),
            "digits": ("a handwritten {0, 1, 2, 3, 4, 5, 6, 7, 8, 9}",),
        },
        notes=(
            "The paper: most images agree with the texts to a large degree; its data has no green or black flower.",
            *_OF_SENTENCES,
        ),
    ),
)
"""The tables and figures that compare systems, in the order of the paper."""
