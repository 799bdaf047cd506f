"""Two processes, as on two machines, work on one study in a PostgreSQL server."""

import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from priorkit.sweeps import StudyDatabaseError, carry_out_sweep
from priorkit.sweeps.storage import open_study

pytestmark = pytest.mark.whole

HERE = str(Path(__file__).parent)
_SWEEP = """
import sys
import trials_of_tests
from pathlib import Path
from priorkit.registry import installed_plugins
from priorkit.sweeps import *
from priorkit.sweeps import supervision
supervision.carry_out_trial = trials_of_tests.quick_trial
supervision.TrialJob = trials_of_tests.QuickJob.of
class Told(SweepObserver):
    def reviewed_trial(self, number, step, scores):
        print(number, flush=True)
space = SearchSpace.checked({"device": "cpu"}, parse_search(["learning_rate=1e-4..1e-2"]), installed_plugins())
out, study, trials = sys.argv[1:]
request = SweepRequest(space, parse_objectives("sample_distance"), Path(out), int(trials), study=study, pruner="none")
carry_out_sweep(request, Told())
"""


def _unprivileged() -> int | None:
    """Whom the server runs as: it refuses to run as root."""
    if os.geteuid():
        return None
    return pwd.getpwnam("nobody").pw_uid


@pytest.fixture
def postgresql() -> Iterator[str]:
    """The URL of a PostgreSQL server."""
    if not shutil.which("initdb") or not shutil.which("postgres"):
        pytest.skip("there is no PostgreSQL server to start")
    pytest.importorskip("psycopg")
    user = _unprivileged()
    # Not below pytest's folder, which nobody else may enter.
    home = Path(tempfile.mkdtemp(prefix="priorkit-postgres-"))
    if user is not None:
        os.chown(home, user, -1)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    data = home / "data"
    make = ["initdb", "-D", str(data), "-A", "trust", "-U", "priorkit", "--no-sync"]
    subprocess.run(make, check=True, capture_output=True, user=user, cwd=home)
    command = ["postgres", "-D", str(data), "-p", str(port), "-h", "127.0.0.1", "-k", str(home), "-c", "fsync=off"]
    server = subprocess.Popen(command, stderr=subprocess.DEVNULL, user=user, cwd=home)
    try:
        for _ in range(300):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield f"postgresql://priorkit@127.0.0.1:{port}/postgres"
    finally:
        # SIGTERM would wait until everybody has left.
        server.send_signal(signal.SIGINT)
        server.wait(timeout=60)
        shutil.rmtree(home)


def test_one_of_two_processes_is_killed_and_nothing_is_lost(
    postgresql, make_request, quick_trials, tmp_path, monkeypatch
):
    monkeypatch.setenv("TRIAL_SECONDS", "0.3")
    out = tmp_path / "sweep"
    command = [sys.executable, "-c", _SWEEP, str(out), postgresql, "6"]
    killed, other = (subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2))
    assert killed.stdout is not None
    number = int(killed.stdout.readline())
    killed.kill()
    killed.wait()
    output, _ = other.communicate(timeout=400)
    assert other.returncode == 0
    # The other one has gone on with the trial of which the killed one has told, in its run folder, and done the rest.
    trials = json.loads((out / "sweep.json").read_text())["trials"]
    assert [trial["state"] for trial in trials] == ["complete"] * 6
    assert number not in {trial["number"] for trial in trials}
    (again,) = [trial for trial in trials if Path(trial["run"]).name == f"trial-{number:04d}"]
    assert (out / f"trial-{number:04d}" / "calls").read_text().count("called") == 2
    assert str(again["number"]) in output.split()
    # Whoever comes later sees the same, and has nothing to do.
    later = carry_out_sweep(make_request(study=postgresql, trials=6, out=out, pruner="none"))
    assert [trial.number for trial in later.trials] == [trial["number"] for trial in trials]
    # A database that is not there is one line.
    request = make_request(study=postgresql.replace("/postgres", "/nowhere"))
    with pytest.raises(StudyDatabaseError, match='database "nowhere" does not exist') as refused:
        open_study(request)
    assert "\n" not in str(refused.value)
