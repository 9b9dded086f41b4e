"""The command: ``partnerscore``, or ``python -m partnerscore``."""

import sys

from . import _partnerscore


def main() -> int:
    """Runs the command line of this process and returns its exit code."""
    return _partnerscore.main([sys.executable, "-m", "partnerscore"], sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
