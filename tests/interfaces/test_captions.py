"""Captions of images."""

import dataclasses
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from priorkit.interfaces import Captions

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12).filter(str.strip)
OF_IMAGES = st.lists(st.lists(TEXTS, min_size=1, max_size=4), max_size=6)


@settings(deadline=None, max_examples=50)
@given(of_images=OF_IMAGES, data=st.data())
def test_captions_are_kept_and_taken(of_images: list[list[str]], data: st.DataObject) -> None:
    captions = Captions(of_images)
    assert list(captions) == [tuple(texts) for texts in of_images]
    assert captions == Captions(captions)
    assert captions.max_count == max([0, *map(len, of_images)])
    indices = data.draw(st.lists(st.integers(0, len(of_images) - 1), max_size=9)) if of_images else []
    taken = captions.take(torch.tensor(indices, dtype=torch.int64))
    assert taken == Captions([of_images[index] for index in indices])
    assert captions[1:] == Captions(of_images[1:])


@settings(deadline=None, max_examples=50)
@given(of_images=OF_IMAGES)
def test_places_lead_back_to_the_captions(of_images: list[list[str]]) -> None:
    captions = Captions(of_images)
    distinct, places = captions.distinct(), captions.places()
    assert len(set(distinct)) == len(distinct)
    assert places.dtype == torch.int64
    assert places.shape == (len(of_images), captions.max_count)
    assert [[distinct[place] for place in row if place >= 0] for row in places.tolist()] == of_images


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ((), "image 1 has no caption"),
        ("a red flower", "captions of image 1 are one text, 'a red flower'"),
        (["red", ""], "a caption of image 1 is empty"),
        ([" \n\t"], "a caption of image 1 is empty"),
        ([3], "a caption of image 1 is a int, not a text"),
        (["half a smile \ud83d"], "a caption of image 1 is not valid Unicode"),
    ],
)
def test_what_is_no_caption_is_refused(wrong: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Captions([["a flower"], wrong])


def test_captions_do_not_change_and_are_short_in_print() -> None:
    captions = Captions([["a", "b"], ["c"]])
    assert repr(captions) == "Captions of 2 images, at most 2 each"
    with pytest.raises(dataclasses.FrozenInstanceError):
        captions.of_images = ()  # type: ignore[misc]
