import re

from priorkit.config import RunConfig, resolve_config
from priorkit.data import load_data
from priorkit.display.console import Console
from priorkit.display.progress import Progress
from priorkit.registry import installed_plugins
from priorkit.training import Session, run_session


def test_a_terminal_gets_a_bar_that_is_removed_at_the_end(monkeypatch, capsys):
    monkeypatch.setattr(Console, "is_terminal", True)
    networks = {"name": "mlp", "hidden": 8}
    config = RunConfig(
        networks=networks, image_size=16, batch_size=8, steps=3, log_every=1, sample_every=2, device="cpu"
    )
    registry = installed_plugins()
    config = resolve_config(config, registry)
    session = Session(config, registry, load_data(config, registry))
    progress = Progress(Console())
    run_session(session, [progress], lambda: None)
    assert progress._live is None
    assert progress.scores.keys() == {"reconstruction_error", "sample_distance"}
    text = capsys.readouterr().out
    assert "step 2: held-out" in text
    assert re.search(r"3/3", text), text
