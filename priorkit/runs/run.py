"""A trained run: its configuration, its metrics and its model."""

from functools import cached_property
from pathlib import Path

from priorkit.engine import CheckpointStore, torch_defaults
from priorkit.exporting import ExportedPart, export_part, part_named
from priorkit.runs.export_records import about_export, suppliers
from priorkit.runs.folder import explained_os_errors
from priorkit.runs.metrics_file import read_metrics
from priorkit.runs.run_description import run_as_html, run_in_words
from priorkit.runs.run_model import RunModel
from priorkit.runs.sharing import pack_run, push_run

__all__ = ["Run"]


class Run(RunModel):
    """A run: its configuration, its metrics and its trained model.

    Attributes:
        path: The run folder.
        config: The resolved configuration.
        environment: The environment of its training: versions, hardware, plug-ins, data.
        shape: The images' shape.
        model: The trained model, in evaluation mode, ready to use.
        checkpoint: The name of the loaded checkpoint's folder: `step-00001500`.
        data: The run's data set, if its prior reads the training images; otherwise None.
        registry: The registry of its components.

    Examples:
        >>> import tempfile
        >>> import priorkit
        >>> config = priorkit.RunConfig(networks={"name": "mlp", "hidden": 8}, steps=1, device="cpu")
        >>> run = priorkit.train(config, f"{tempfile.mkdtemp()}/run")
        >>> run.sample(3).shape
        torch.Size([3, 1, 16, 16])
    """

    def __repr__(self) -> str:
        return run_in_words(self.path, self.checkpoint, self.config, self.model)

    def _repr_html_(self) -> str:
        return run_as_html(repr(self), lambda: self.sample(16))

    @property
    def checkpoints(self) -> CheckpointStore:
        """The run's checkpoints."""
        return self.folder.checkpoints

    @cached_property
    def metrics(self) -> list[dict[str, float]]:
        """The rows of `metrics.jsonl`; invalid lines are left out."""
        return read_metrics(self.folder)

    def pack(self, path: str | Path | None = None, *, resumable: bool = False) -> Path:
        """Packs the run, with the loaded checkpoint, into one file for `priorkit.unpack`.

        Args:
            path: The file, which must not exist yet; by default the run's name with `.priorkit.zip`, in the working
                directory.
            resumable: Whether to include the optimisers' state, so that the training can be resumed elsewhere.

        Returns:
            The file.

        Raises:
            RunFolderError: The run cannot be read, or the file cannot be written.
        """
        return pack_run(self.folder, path, checkpoint=self.checkpoint, resumable=resumable)

    def push(
        self,
        repository: str,
        *,
        private: bool | None = None,
        revision: str | None = None,
        message: str | None = None,
        license: str | None = None,  # noqa: A002
    ) -> str:
        """Pushes the run, with the loaded checkpoint and a model card, to the Hugging Face hub.

        Args:
            repository: `user/name`, which is created if missing.
            private: Whether a created repository is private; if None, the hub's default for the user.
            revision: The branch, which is created if missing; the main branch if None.
            message: The commit's message.
            license: The licence in the card, by its name on the hub (`mit`); None for no licence.

        Returns:
            The address for `priorkit.load_run`: `hf://user/name`.

        Raises:
            MissingExtraError: huggingface_hub is not installed: `pip install 'priorkit[hub]'`.
            RunFolderError: The run cannot be read, or the hub does not answer or refuses the push.
        """
        return push_run(
            self.folder,
            repository,
            checkpoint=self.checkpoint,
            private=private,
            revision=revision,
            message=message,
            license_name=license,
        )

    @torch_defaults()
    def export(
        self,
        path: str | Path,
        *,
        part: str | None = None,
        codes: str = "prior",
        noise: bool = False,
        overwrite: bool = False,
    ) -> ExportedPart:
        """Writes a part of the model to a file that runs without priorkit, for batches of any size, in float32.

        Args:
            path: A file that ends in `.onnx` or `.pt2` (torch.export's format).
            part: `decoder`, `encoder`, `prior`, or `sampler` for the prior followed by the decoder; by default, the
                stem of the file's name.
            codes: The codes for an exported decoder, `prior` or `encoder`, like `from_prior` in `decode`.
            noise: Whether a stochastic encoder takes noise as a second input and returns draws, instead of means.
            overwrite: Whether to replace an existing file.

        Returns:
            A description of the file: its inputs, its output, and the difference between its results and torch's.

        Raises:
            ConfigurationError: The run has no such part, or the part has no such option.
            ExportError: The file cannot be written there, a component cannot be exported, or the file's results differ;
                no file is left.
            MissingExtraError: The extra `export` is not installed.
            RunFolderError: The operating system refuses the file.
        """
        path = Path(path)
        wanted = part_named(path, part)
        with explained_os_errors(f"export the {wanted.value}", None):
            return export_part(
                self.model,
                path,
                wanted,
                codes=codes,
                noise=noise,
                overwrite=overwrite,
                about=about_export(self.config, self.environment, self.checkpoint, self.class_names),
                suppliers=suppliers(self.environment),
            )
