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
        environment: What it was made with.
        shape: The images' shape.
        model: The trained model, in evaluation mode, ready to use.
        checkpoint: The name of the checkpoint's folder that its weights are from: `step-00001500`.
        data: The run's data set, where its prior reads the training images; otherwise None.
        registry: Where its components come from.

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
        """The rows of `metrics.jsonl`; lines in it that are no measurements are left out."""
        return read_metrics(self.folder)

    def pack(self, path: str | Path | None = None, *, resumable: bool = False) -> Path:
        """Packs the run, with the weights that it was loaded with, into one file for `priorkit.unpack`.

        Args:
            path: The file, which must not be there yet; by default the run's name with `.priorkit.zip`, here.
            resumable: Whether the optimisers' state is packed, too, so that the training can go on elsewhere.

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
        """Pushes the run, with the weights that it was loaded with and a model card, to the Hugging Face hub.

        Args:
            repository: `user/name`, which is made if it is not there.
            private: Whether a repository that is made is private; if None, as the hub makes them for its user.
            revision: The branch, which is made if it is not there; the main one if None.
            message: The commit's message.
            license: The licence for the card, as the hub calls it (`mit`); the card names none if None.

        Returns:
            The address for `priorkit.load_run`: `hf://user/name`.

        Raises:
            MissingExtraError: huggingface_hub is not installed: `pip install 'priorkit[hub]'`.
            RunFolderError: The run cannot be read, or the hub gives no answer or refuses it.
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
            part: `decoder`, `encoder`, `prior`, or `sampler` for the prior with the decoder behind it; the stem of the
                file's name if it is None.
            codes: Whose codes an exported decoder decodes, `prior` or `encoder`, as `from_prior` says in `decode`.
            noise: Whether a stochastic encoder takes noise as a second input and gives draws, instead of means.
            overwrite: Whether a file that is there is replaced.

        Returns:
            What was written: the inputs, the output, and by how much the file's numbers differ from torch's.

        Raises:
            ConfigurationError: The run has no such part, or it has no such choice.
            ExportError: The file cannot be written there, a component cannot be exported, or the file computes
                something else; no file is left then.
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
