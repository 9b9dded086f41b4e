"""Runs the checks of a script, each with an empty folder of its own, and tells what became of them."""

import pathlib
import sys
import tempfile
import time
import traceback


class Checks:
    """Checks that are run one after another; where texts are wanted, only those with one of them in their names."""

    def __init__(self, wanted, scratch=None):
        self.wanted, self.scratch = wanted, scratch
        self.ran, self.failed = 0, 0

    def run(self, functions, *arguments):
        """Calls each function with the arguments, and its folder as the last."""
        for check in functions:
            if not self.wanted or any(text in check.__name__ for text in self.wanted):
                self._try(check, arguments)

    def _try(self, check, arguments):
        self.ran += 1
        start = time.monotonic()
        try:
            with tempfile.TemporaryDirectory(prefix=self.scratch) as scratch:
                check(*arguments, pathlib.Path(scratch).resolve())
            print(f"ok      {check.__name__} ({time.monotonic() - start:.1f} s)", flush=True)
        except Exception as error:  # every check reports, whatever it raises
            self.failed += 1
            print(f"FAILED  {check.__name__}: {''.join(traceback.format_exception(error))[-4000:]}", flush=True)

    def end(self):
        """Ends the script: with 1 where a check failed, or none was run."""
        print(f"{self.ran - self.failed} passed, {self.failed} failed")
        sys.exit(self.failed > 0 or self.ran == 0)


def named(names, prefix="check_"):
    """The functions of a script with such names, in its order."""
    return [value for name, value in names.items() if name.startswith(prefix)]
