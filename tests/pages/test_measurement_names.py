import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from priorkit.pages import MeasurementName, name_measurement


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (
            "held_out/reconstruction_error",
            MeasurementName("Held-out images", "Reconstruction error of held-out images"),
        ),
        ("loss/autoencoder/critic_fake", MeasurementName("Losses", "Autoencoder: critic", "fake")),
        ("loss/autoencoder/code_critic_real", MeasurementName("Losses", "Autoencoder: code critic", "real")),
        ("loss/code_fitting/prior", MeasurementName("Losses", "Code fitting: prior")),
        ("score/frechet_distance", MeasurementName("Scores during training", "Frechet distance")),
        ("indicator/new_one", MeasurementName("Indicators of collapse", "New one")),
        ("temperature", MeasurementName("Others", "temperature")),
    ],
)
def test_measurements_have_names_for_people(key: str, expected: MeasurementName) -> None:
    assert name_measurement(key) == expected


@settings(deadline=None)
@given(st.text())
def test_any_key_has_a_name(key: str) -> None:
    name = name_measurement(key)
    assert name.section
    assert name.panel or not key
