"""Starts the app: `python -m ui`, and the frozen program."""

import sys

from ui.app import main
from ui.frozen import give_back_library_path

if __name__ == "__main__":
    give_back_library_path()
    sys.exit(main())
