"""The program `priorkit`, also as `python -m priorkit`."""

import sys

__all__ = ["program"]


def program() -> int:
    """Runs the command that the process was started with, which ends when this returns.

    Returns:
        The exit status, as of `main`.
    """
    try:
        # Imported here, because Ctrl-C may come meanwhile.
        from priorkit.cli import main
        from priorkit.cli.streams import printing

        with printing() as outcome:
            outcome.status = main()
        return outcome.status
    except KeyboardInterrupt:
        print("priorkit: interrupted", file=sys.stderr, flush=True)
        return 130
    finally:
        if "--json" in sys.argv[1:]:
            # What is printed from now on, by a plug-in that asked to be called at exit, is no object for programs.
            sys.stdout = sys.stderr


if __name__ == "__main__":
    sys.exit(program())
