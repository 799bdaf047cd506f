"""Packs a run into one file, and unpacks it."""

from pathlib import Path

from priorkit.errors import RunFolderError
from priorkit.runs.folder import RunFolder, explained_os_errors
from priorkit.runs.sharing.gathering import gather
from priorkit.runs.sharing.packed_files import open_packed, write_packed
from priorkit.runs.sharing.receiving import free_path, receive
from priorkit.runs.sharing.shared_checkpoint import share_checkpoint

__all__ = ["ENDING", "pack_run", "unpack"]

ENDING = ".priorkit.zip"


def pack_run(
    folder: RunFolder, out: str | Path | None = None, *, checkpoint: str = "last", resumable: bool = False
) -> Path:
    """Packs a run into one file, to share it: configuration, weights, scores, pictures and report, but no data.

    Args:
        folder: The run.
        out: The file, which must not exist yet; by default the run's name with `.priorkit.zip`, in the working
            directory.
        checkpoint: `last`, `best`, or the name of a checkpoint's folder. In the packed run, this checkpoint is both
            the last and the best.
        resumable: Whether to include the optimisers' state, so that the training can be resumed elsewhere.

    Returns:
        The path of the file.

    Raises:
        RunFolderError: The run cannot be read, or the file cannot be written.

    Examples:
        >>> from pathlib import Path
        >>> from priorkit.runs import RunFolder, pack_run
        >>> pack_run(RunFolder.open(Path("runs/first"))).name
        'first.priorkit.zip'
    """
    path = Path(f"{folder.path.resolve().name}{ENDING}") if out is None else Path(out)
    with explained_os_errors("write the packed run", None):
        if path.exists() or path.is_symlink():
            raise RunFolderError(f"{str(path)!r} already exists and is left as it is: name another file with --out")

    def write(found: Path) -> None:
        contents = gather(folder, found, resumable=resumable)
        with explained_os_errors("write the packed run", None):
            path.parent.mkdir(parents=True, exist_ok=True)
            write_packed(contents, path)

    share_checkpoint(folder, checkpoint, write, state=resumable)
    return path


def unpack(file: str | Path, out: str | Path | None = None) -> Path:
    """Unpacks a run that `priorkit pack` or `Run.pack` has packed; the file may come from an untrusted source.

    The folder appears complete or not at all. Nothing in the file is executed, and nothing is written outside the
    folder.

    Args:
        file: The file.
        out: The run folder to make, which must not exist yet; by default `runs/` and the file's name.

    Returns:
        The run folder.

    Raises:
        RunFolderError: The file is damaged, holds something that is not a file of a run, or exceeds memory or disk; or
            the folder already exists or cannot be written.

    Examples:
        >>> import tempfile
        >>> import priorkit
        >>> config = priorkit.RunConfig(networks={"name": "mlp", "hidden": 8}, steps=1, device="cpu")
        >>> folder = tempfile.mkdtemp()
        >>> file = priorkit.train(config, f"{folder}/run").pack(f"{folder}/run.priorkit.zip")
        >>> priorkit.load_run(priorkit.unpack(file, f"{folder}/received")).sample(3).shape
        torch.Size([3, 1, 16, 16])
    """
    file = Path(file)
    name = file.name.removesuffix(ENDING).removesuffix(".zip")
    if out is None and not name.strip("."):
        raise RunFolderError(f"{str(file)!r} names no run: name the folder to make with --out")
    path = free_path(Path(out) if out is not None else Path("runs") / name)
    with open_packed(file) as files:
        return receive(files, path).path
