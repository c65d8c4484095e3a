"""Python imports this at its start where the folder is on PYTHONPATH: a wall clock that a test can step.

How many seconds it is off stands in the file that TEST_CLOCK names. Clocks that only go forward are left alone, as they
are when a real wall clock is set.
"""

import os
import time

_file = os.open(os.environ["TEST_CLOCK"], os.O_RDONLY)
_real = time.time


def _stepped() -> float:
    return _real() + float(os.pread(_file, 32, 0))


time.time = _stepped
