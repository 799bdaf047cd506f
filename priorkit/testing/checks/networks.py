"""Checks of the parts of a family of networks: their sizes, inputs and ranges."""

import torch
from torch import Tensor, nn

from priorkit.errors import ConfigurationError
from priorkit.testing.check import Check, Defect, NotApplicable, require
from priorkit.testing.subjects.network_bodies import CODE_DIM, DecoderSubject, MapEncoderSubject, NetworksSubject

__all__ = ["NETWORKS", "apart"]


def every_part_is_there(subject: NetworksSubject) -> None:
    """For each accepted image shape, a family has every part except perhaps Q, and its `shape` is right."""
    family = subject.family()
    require(
        getattr(family, "shape", None) == subject.shape,
        f"its shape is {getattr(family, 'shape', None)}, but it was built for {subject.shape}",
        "the constructor does not pass its shape on",
        "call super().__init__(shape)",
    )
    if subject.optional:
        raise NotApplicable(f"a family need not have a {subject.words}")
    try:
        part = subject.take(family)
    except ValueError as error:
        raise Defect(
            f"the family is built, but it refuses its {subject.words}: {' '.join(str(error).split())}",
            "impossible shapes or options are detected too late, when the parts are made",
            "refuse image shapes and options in `build`; every family has every part except perhaps the recogniser",
        ) from error
    require(isinstance(part, subject.interface), f"its {subject.words} is a {type(part).__name__}, not a module")


def parts_are_new_each_time(subject: NetworksSubject) -> None:
    """Every call makes a new module, which shares nothing with earlier ones and starts from other weights."""
    family = subject.family()
    try:
        first, second = subject.take(family), subject.take(family)
    except ConfigurationError as error:
        raise NotApplicable(f"it has no {subject.words}: {error}") from error
    held = {tensor.data_ptr() for tensor in (*first.parameters(), *first.buffers()) if tensor.numel()}
    shared = [
        name
        for name, tensor in (*second.named_parameters(), *second.named_buffers())
        if tensor.numel() and tensor.data_ptr() in held
    ]
    require(
        first is not second and not shared,
        f"two calls return modules that share {', '.join(shared) or 'everything'}",
        "a module or a layer is made once, in __init__ or as a class attribute, and returned each time",
        "create every layer inside the method",
    )
    weights = [weight for weight in first.parameters() if weight.numel()]
    if not weights:
        raise NotApplicable(f"its {subject.words} has no parameters")
    require(
        any(not torch.equal(one, other) for one, other in zip(first.parameters(), second.parameters(), strict=True)),
        "two calls return modules with the same weights",
        "the method seeds torch (torch.manual_seed), or copies an existing module",
        "do not seed, and create every layer inside the method",
    )


def images_are_in_range(subject: NetworksSubject) -> None:
    """Decoded images are in [-1, 1] and use dark values, in training and evaluation mode, for any codes."""
    if not isinstance(subject, DecoderSubject):
        raise NotApplicable
    least = torch.inf
    for seed in range(3):
        decoder = subject.component(seed)
        codes = subject.inputs(decoder, 32, subject.case.seed + seed)["code"]
        for scale in (0.0, 1.0, 30.0, 1e3):
            for training in (False, True):
                with torch.no_grad():
                    images = decoder.train(training)(scale * codes)
                low, high = float(images.min()), float(images.max())
                require(
                    low >= -1 and high <= 1,
                    f"images of codes of size {scale:g} have values from {low:.4g} to {high:.4g}, not in [-1, 1]",
                )
                least = min(least, low)
    require(
        least < 0,
        f"no value of many images is below {least:.3g}, but black is -1",
        "the last layer is a sigmoid or a ReLU",
        "end with nn.Tanh(), or turn the output x of a sigmoid into 2 * x - 1",
    )


def apart(first: Tensor, second: Tensor) -> float:
    """Returns the largest difference of two tensors; NaN if their shapes differ."""
    return float((first - second).abs().max()) if first.shape == second.shape else float("nan")


def channels_last_agrees(subject: NetworksSubject) -> None:
    """With weights and images in channels-last memory format, it computes the same."""
    module = subject.component()
    inputs = dict(subject.inputs(module, 4, subject.case.seed))
    expected = [one.without_gradients(inputs) for one in subject.passes(module)]
    torch.nn.Module.to(module, memory_format=torch.channels_last)
    if "image" in inputs:
        inputs["image"] = inputs["image"].contiguous(memory_format=torch.channels_last)
    for one, outputs in zip(subject.passes(module), expected, strict=True):
        for name, output in one.without_gradients(inputs).items():
            require(
                torch.allclose(output, outputs[name], rtol=1e-3, atol=1e-4),
                f"{name} differs by up to {apart(output, outputs[name]):.3g} in channels-last memory format",
            )


def sizes_are_taken_as_asked(subject: NetworksSubject) -> None:
    """Encoder, decoder and code critic have the requested numbers of outputs or inputs, from 1 on."""
    family = subject.family()
    images = subject.inputs(subject.component(), 3, subject.case.seed)
    for dim in (1, 2, CODE_DIM + 3):
        codes = torch.randn(3, dim, generator=torch.Generator().manual_seed(dim))
        image: tuple[int, ...] = (3, subject.shape.channels, subject.shape.size, subject.shape.size)
        expected: tuple[int, ...]
        try:
            with torch.no_grad():
                match subject.words:
                    case "encoder":
                        asked, found, expected = f"encoder({dim})", family.encoder(dim)(images["image"]), (3, dim)
                    case "decoder":
                        asked, found, expected = f"decoder({dim})", family.decoder(dim)(codes), image
                    case "code critic":
                        asked, found, expected = f"code_critic({dim})", family.code_critic(dim)(codes), (3,)
                    case _:
                        raise NotApplicable
        except NotApplicable:
            raise
        except Exception as error:
            raise Defect(
                f"the {subject.words} for codes of {dim} dimensions raises {type(error).__name__}: {error}"
            ) from error
        require(tuple(found.shape) == expected, f"{asked} returns shape {tuple(found.shape)}, not {expected}")


def maps_go_both_ways(subject: NetworksSubject) -> None:
    """A family encodes and decodes maps of the same sizes, and refuses other sizes with a ConfigurationError."""
    if not isinstance(subject, MapEncoderSubject):
        raise NotApplicable
    family, size = subject.family(), 1
    images = subject.inputs(nn.Identity(), 3, subject.case.seed)["image"]
    offered = []
    while size < subject.shape.size:
        made: dict[str, nn.Module] = {}
        for name in ("map_encoder", "map_decoder"):
            try:
                made[name] = getattr(family, name)(2, size).eval()
            except ConfigurationError:
                continue
            except Exception as error:
                raise Defect(f"{name}(2, {size}) raises {type(error).__name__}: {error}") from error
        require(
            len(made) != 1,
            f"for maps of {size}x{size} it has only the {', '.join(made)}",
            "one of the two is missing, or they accept other sizes",
            "implement both, and refuse the same sizes with a ConfigurationError",
        )
        if made:
            offered.append(size)
            with torch.no_grad():
                maps = made["map_encoder"](images)
                require(
                    tuple(maps.shape) == (3, 2, size, size),
                    f"map_encoder(2, {size}) returns shape {tuple(maps.shape)}, not (3, 2, {size}, {size})",
                )
                decoded = made["map_decoder"](maps)
            require(
                decoded.shape == images.shape,
                f"map_decoder(2, {size}) returns shape {tuple(decoded.shape)}, not {tuple(images.shape)}",
            )
        size *= 2
    if not offered:
        raise NotApplicable("it supports no maps as codes")


def _unread(gradient: Tensor) -> list[str]:
    """Returns the dimensions of codes, or channels and quarters of images, whose gradients are 0 for all samples."""
    total = gradient.abs().sum(0)
    if total.ndim == 1:
        return [f"dimension {index} of the codes" for index, size in enumerate(total.tolist()) if not size]
    found = []
    for channel, image in enumerate(total):
        for side, rows in zip(("top", "bottom"), image.tensor_split(2), strict=True):
            for end, quadrant in zip(("left", "right"), rows.tensor_split(2, dim=1), strict=True):
                if quadrant.numel() and not quadrant.any():
                    found.append(f"channel {channel} of the {side} {end} quarter of images")
    return found


def inputs_are_read_whole(subject: NetworksSubject) -> None:
    """The output depends on every dimension of a code, or every channel and quarter of an image."""
    module = subject.component()
    inputs = dict(subject.inputs(module, 32, subject.case.seed))
    name = "code" if subject.takes_codes else "image"
    inputs[name] = inputs[name].requires_grad_()
    for one in subject.passes(module):
        outputs = [output for output in one.outputs(inputs).values() if output.requires_grad]
        if not outputs:
            continue
        generator = torch.Generator().manual_seed(subject.case.seed)
        weights = [torch.rand(output.shape, generator=generator) + 0.5 for output in outputs]
        (gradient,) = torch.autograd.grad(outputs, inputs[name], weights, allow_unused=True, materialize_grads=True)
        if not gradient.any():
            # Another check reports missing gradients.
            continue
        unread = _unread(gradient)
        require(not unread, f"{one.name} does not depend on {', '.join(unread[:3])}{', ...' if unread[3:] else ''}")


NETWORKS = (
    Check(
        "every_part_is_there",
        every_part_is_there,
        "a method returns the wrong object",
        "derive D_I from priorkit.interfaces.ImageCritic, and the other parts from torch.nn.Module",
    ),
    Check(
        "maps_go_both_ways",
        maps_go_both_ways,
        "a size is hard-coded, or a map is flattened",
        "return (N, channels, size, size) from map_encoder(channels, size); map_decoder(channels, size) takes it",
        required=False,
        explains_errors=True,
    ),
    Check(
        "parts_are_new_each_time",
        parts_are_new_each_time,
        "a module is made once and returned each time",
        "create every layer inside the method",
    ),
    Check(
        "sizes_are_taken_as_asked",
        sizes_are_taken_as_asked,
        "a size is hard-coded, or halved down to 0 (1 // 2)",
        "compute every width from the arguments, at least 1",
    ),
    Check(
        "inputs_are_read_whole",
        inputs_are_read_whole,
        "the input is sliced, or convolutions without padding skip part of it",
        "let every dimension of a code and every pixel of an image reach the first layer",
    ),
    Check(
        "images_are_in_range",
        images_are_in_range,
        "the last layer is linear, or something is added after the activation",
        "end with nn.Tanh()",
    ),
    Check(
        "channels_last_agrees",
        channels_last_agrees,
        "code depends on the memory layout: `.view` of an image, `.as_strided`, `.storage`",
        "use `.flatten(1)` or `.reshape`, which respect strides",
        explains_errors=True,
    ),
)
