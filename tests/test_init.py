import subprocess
import sys

import priorkit


def test_every_public_name_is_there():
    for name in priorkit.__all__:
        assert getattr(priorkit, name) is not None
    assert set(priorkit.__all__) == {name for name in dir(priorkit) if name == "__version__" or name[0] != "_"}


def test_importing_priorkit_imports_no_torch():
    code = "import sys, priorkit; priorkit.RunConfig; priorkit.PriorkitError; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
