"""Lets `python -m server_stub` do what `support-relay` does."""

import sys

from server_stub.cli import main

if __name__ == "__main__":
    sys.exit(main())
