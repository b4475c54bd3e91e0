"""`python -m lead_endpoint [--port N]`: the endpoint alone, with the settings of the environment."""

from __future__ import annotations

import argparse
import sys

from lead_endpoint.serving import serve
from ops.logs import configure
from ops.settings import SettingsError, load


def main() -> int:
    try:
        settings = load()
    except SettingsError as error:
        sys.stderr.write("\n".join(error.lines) + "\n")
        return 2
    parser = argparse.ArgumentParser(prog="python -m lead_endpoint", description=__doc__)
    parser.add_argument("--address", default=settings.endpoint_address)
    parser.add_argument("--port", type=int, default=settings.endpoint_port)
    given = parser.parse_args()
    configure(settings)
    serve(given.address, given.port)
    return 0


if __name__ == "__main__":
    sys.exit(main())
