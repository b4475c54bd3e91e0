"""The checker that shares no code with the verifier stands beside the tests of that."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "insights" / "coaching"))
