"""A module whose import takes longer than the time limit."""

import time

time.sleep(30)
