"""The database in which a sweep keeps its trials: a file of SQLite, or a PostgreSQL server for several machines."""

from __future__ import annotations

import random
import re
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

from priorkit.errors import ConfigurationError, MissingExtraError, PriorkitError, RunFolderError
from priorkit.sweeps.request import SweepRequest

if TYPE_CHECKING:
    import optuna

__all__ = [
    "StudyDatabaseError",
    "explained_database_errors",
    "open_study",
    "require_optuna",
    "shown",
    "without_secrets",
]

_SERVER = re.compile(r"postgres(?:ql)?(?:\+psycopg)?://")
_ATTEMPTS = 5
_CONTENT = "priorkit"
"""The study's attribute that says what it is of."""


class StudyDatabaseError(PriorkitError):
    """The database of a sweep's study cannot be used, or has gone; what was trained stays in the sweep's folder."""


def require_optuna() -> None:
    """Makes sure that the libraries of sweeps are there.

    Raises:
        MissingExtraError: They are not.
    """
    try:
        import optuna
    except ImportError as error:
        raise MissingExtraError(
            f"sweeps are searched by Optuna ({error}); install it by pip install 'priorkit[sweep]'"
        ) from None
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)


def shown(request: SweepRequest) -> str:
    """The database as it may be printed."""
    return _shown(request.study) if request.study else str(request.out / "study.db")


def without_secrets(text: str, study: str | None) -> str:
    """A text in which the database of a study may be named, as it may be printed: without its password.

    Args:
        text: Such as a command, or what the database said.
        study: The database as the user gave it, if it was given.
    """
    if study is None or "://" not in study:
        return text
    text = text.replace(study, _shown(study))
    for secret in _secrets(study):
        text = text.replace(secret, "***")
    return text


def _shown(given: str) -> str:
    """A database without password and parameters, among which there may be another password."""
    from sqlalchemy.engine import URL, make_url
    from sqlalchemy.exc import ArgumentError

    if "://" not in given:
        return given
    kind = given.partition("://")[0]
    try:
        url = make_url(given)
    except (ArgumentError, ValueError):
        return f"{kind}://..."
    place = f"{url.host}/{url.database}"
    if "@" in place:
        # A password with an @ that is not written as %40 reaches into what looks like the host.
        return f"{kind}://{place.rpartition('@')[2]}"
    return URL.create(url.drivername, url.username, None, url.host, url.port, url.database).render_as_string()


def _secrets(given: str) -> list[str]:
    """Passwords of a database's URL, as they are and as the URL has them, the longest first."""
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        url = make_url(given)
    except (ArgumentError, ValueError):
        return []
    found = {str(url.password)} if url.password else set()
    for key, value in url.query.items():
        if "password" in key:
            found.update([value] if isinstance(value, str) else value)
    return sorted({*found, *map(quote, found), *map(quote_plus, found)} - {""}, key=len, reverse=True)


def _url(request: SweepRequest) -> str:
    from sqlalchemy.engine import URL, make_url
    from sqlalchemy.exc import ArgumentError

    given = request.study or str(request.out / "study.db")
    if _SERVER.match(given):
        try:
            import psycopg  # noqa: F401
        except ImportError as error:
            raise MissingExtraError(
                f"--study {shown(request)}: PostgreSQL is reached by psycopg ({error}); install it by pip install "
                "'priorkit[sweep]'"
            ) from None
        try:
            make_url(given)
        except (ArgumentError, ValueError):
            raise ConfigurationError(
                f"--study {shown(request)}: this is no URL of a database: expected "
                "postgresql://user@host:port/database, with %40 for an @ and %2F for a / in a name"
            ) from None
        return _SERVER.sub("postgresql+psycopg://", given)
    if "://" in given:
        raise ConfigurationError(f"--study {shown(request)}: expected a file, or a URL that starts with postgresql://")
    # As a URI of SQLite's: in a plain path, what follows a question mark would be taken for parameters.
    url = URL.create("sqlite", database=Path(given).absolute().as_uri(), query={"uri": "true"})
    return url.render_as_string()


@contextmanager
def explained_database_errors(request: SweepRequest) -> Iterator[None]:
    """Inside, whatever the database refuses is a `StudyDatabaseError` of one line."""
    import optuna
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (optuna.exceptions.StorageInternalError, SQLAlchemyError) as error:
        cause = error.__cause__ if isinstance(error, optuna.exceptions.StorageInternalError) else error
        cause = getattr(cause, "orig", None) or cause or error
        reason = without_secrets(" ".join(str(cause).split()), request.study)
        raise StudyDatabaseError(
            f"cannot use the study's database {shown(request)!r}: {reason}; what was trained stays in "
            f"{str(request.out)!r}, and the same command goes on once the database can be reached"
        ) from None
    except RuntimeError as error:
        if "optuna" not in str(error).lower():
            raise
        raise StudyDatabaseError(
            f"cannot use the study's database {shown(request)!r}: "
            f"{without_secrets(' '.join(str(error).split()), request.study)}"
        ) from None


def _storage(request: SweepRequest) -> optuna.storages.RDBStorage:
    import optuna
    from sqlalchemy.pool import NullPool

    # Optuna puts the version of its tables where the URL has braces.
    url = _url(request).replace("{", "{{").replace("}", "}}")
    if url.startswith("sqlite"):
        # Another process may write at the same time.
        return optuna.storages.RDBStorage(url, engine_kwargs={"connect_args": {"timeout": 60}})
    # No connection is held while runs train: a server that was started anew meanwhile is used again, and one that many
    # machines use has few at a time.
    engine = {"poolclass": NullPool, "connect_args": {"connect_timeout": 10}}
    return optuna.storages.RDBStorage(url, engine_kwargs=engine)


def _made(request: SweepRequest) -> optuna.Study:
    """The study, which is made if it is not there; several machines may make the same tables at the same moment."""
    import optuna
    from sqlalchemy.exc import IntegrityError, ProgrammingError

    for attempt in range(_ATTEMPTS):
        try:
            return optuna.create_study(
                storage=_storage(request),
                study_name=request.study_name,
                directions=[objective.direction for objective in request.objectives],
                load_if_exists=True,
            )
        except (IntegrityError, ProgrammingError, optuna.exceptions.StorageInternalError):
            if attempt == _ATTEMPTS - 1:
                raise
            time.sleep(0.5 + random.random())
    raise AssertionError("the last attempt returns or raises")


def open_study(request: SweepRequest) -> optuna.Study:
    """Makes a sweep's study, or opens it.

    Raises:
        StudyDatabaseError: The database cannot be used.
        RunFolderError: The database has a study of that name that looks for something else, or elsewhere.
    """
    with explained_database_errors(request):
        study = _made(request)
        content = request.content()
        kept = study.user_attrs.get(_CONTENT)
        if kept is None:
            study.set_user_attr(_CONTENT, content)
            return study
    for key, before in kept.items():
        if before != content[key]:
            raise RunFolderError(
                f"the study {request.study_name!r} in {shown(request)!r} was started with "
                f"{_difference(before, content[key])}: its trials would not compare; ask for the same, or name another "
                "folder with --out, or study with --name"
            )
    return study


def _difference(before: object, now: object) -> str:
    """What was asked for, and what is, where they differ first."""
    if isinstance(before, dict) and isinstance(now, dict):
        key = next(key for key in {**before, **now} if before.get(key) != now.get(key))
        return f"{key.replace('_', '-')} {before.get(key)!r}, and {now.get(key)!r} is asked for"
    one, other = (", ".join(value) if isinstance(value, list) else str(value) for value in (before, now))
    return f"{one}, and {other} is asked for"
