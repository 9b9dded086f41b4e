"""The command: ``partnerscore``, or ``python -m partnerscore``."""

import sys

from . import _partnerscore


def main() -> int:
    """Runs the command line of this process and returns its exit code."""
    # Started anew, it is this package still, whatever lies in the working folder.
    return _partnerscore.main([sys.executable, "-P", "-m", "partnerscore"], sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
