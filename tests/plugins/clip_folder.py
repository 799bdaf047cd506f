"""A tiny CLIP model of random weights, in the files of transformers."""

import json
from pathlib import Path

import torch

__all__ = ["write_clip_folder"]


def write_clip_folder(folder: Path, *, seed: int = 0) -> None:
    """Writes a model of images of 16 pixels and texts of 20 letters, whose projections have 8 dimensions."""
    from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel, CLIPTokenizerFast

    folder.mkdir(parents=True)
    letters = [chr(number) for number in range(ord("a"), ord("z") + 1)]
    begin, end = "<|startoftext|>", "<|endoftext|>"
    tokens = [*letters, *(f"{letter}</w>" for letter in letters), begin, end]
    vocabulary = {token: number for number, token in enumerate(tokens)}
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    small = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    of_texts = {
        "vocab_size": len(tokens),
        "max_position_embeddings": 20,
        "bos_token_id": vocabulary[begin],
        "eos_token_id": vocabulary[end],
        "pad_token_id": vocabulary[end],
    }
    config = CLIPConfig(
        text_config={**small, **of_texts}, vision_config={**small, "image_size": 16, "patch_size": 8}, projection_dim=8
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        CLIPModel(config).save_pretrained(folder)
    CLIPTokenizerFast(str(folder / "vocab.json"), str(folder / "merges.txt")).save_pretrained(folder)
    CLIPImageProcessor(size={"shortest_edge": 16}, crop_size={"height": 16, "width": 16}).save_pretrained(folder)
