"""The database of a sweep's trials: a SQLite file, or a PostgreSQL server for several machines."""

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
"""The study's attribute that describes its sweep."""


class StudyDatabaseError(PriorkitError):
    """The database of a sweep's study is not available; trained runs stay in the sweep's folder."""


def require_optuna() -> None:
    """Checks that the libraries for sweeps are installed.

    Raises:
        MissingExtraError: They are not installed.

    Examples:
        >>> from priorkit.sweeps import require_optuna
        >>> require_optuna()
        >>> import optuna
        >>> optuna.logging.get_verbosity() == optuna.logging.ERROR
        True
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
    """The name of the study's database for output, without secrets."""
    return _shown(request.study) if request.study else str(request.out / "study.db")


def without_secrets(text: str, study: str | None) -> str:
    """Removes the database's password from a text, for output.

    Args:
        text: The text, such as a command or an error message of the database.
        study: The database that the user gave, or None.
    """
    if study is None or "://" not in study:
        return text
    text = text.replace(study, _shown(study))
    for secret in _secrets(study):
        text = text.replace(secret, "***")
    return text


def _shown(given: str) -> str:
    """A database's URL without password and parameters, which may hold another password."""
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
        # A password with an @ that is not escaped as %40 extends into the apparent host.
        return f"{kind}://{place.rpartition('@')[2]}"
    return URL.create(url.drivername, url.username, None, url.host, url.port, url.database).render_as_string()


def _secrets(given: str) -> list[str]:
    """The passwords in a database's URL, escaped and unescaped, longest first."""
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
                f"--study {shown(request)}: this is not a URL of a database: expected "
                "postgresql://user@host:port/database, with %40 for an @ and %2F for a / in a name"
            ) from None
        return _SERVER.sub("postgresql+psycopg://", given)
    if "://" in given:
        raise ConfigurationError(f"--study {shown(request)}: expected a file, or a URL that starts with postgresql://")
    # As a SQLite URI: in a plain path, text after a question mark would be taken for parameters.
    url = URL.create("sqlite", database=Path(given).absolute().as_uri(), query={"uri": "true"})
    return url.render_as_string()


@contextmanager
def explained_database_errors(request: SweepRequest) -> Iterator[None]:
    """Inside this context, errors of the database become a `StudyDatabaseError` of one line."""
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
            f"{str(request.out)!r}, and the same command resumes once the database can be reached"
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
    # No connection is held while runs train, so that a restarted server can be used again, and a shared server has few
    # connections.
    engine = {"poolclass": NullPool, "connect_args": {"connect_timeout": 10}}
    return optuna.storages.RDBStorage(url, engine_kwargs=engine)


def _made(request: SweepRequest) -> optuna.Study:
    """Opens or creates the study; several machines may create the same tables at the same moment."""
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
    """Opens the study of a sweep, or creates it.

    Raises:
        StudyDatabaseError: The database cannot be used.
        RunFolderError: The database has a study of this name with other objectives or another search space.
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
                f"{_difference(before, content[key])}: its trials could not be compared; use the same settings, or "
                "name another folder with --out, or another study with --name"
            )
    return study


def _difference(before: object, now: object) -> str:
    """The first difference between the study and the request, in words."""
    if isinstance(before, dict) and isinstance(now, dict):
        key = next(key for key in {**before, **now} if before.get(key) != now.get(key))
        return f"{key.replace('_', '-')} {before.get(key)!r}, but this command has {now.get(key)!r}"
    one, other = (", ".join(value) if isinstance(value, list) else str(value) for value in (before, now))
    return f"{one}, but this command has {other}"
