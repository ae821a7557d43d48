"""What a frozen program must put right: the programs it starts must find the system's libraries, not ours."""

import os
import sys


def give_back_library_path() -> None:
    """Undo, for programs started from here, what PyInstaller's boot loader did to `LD_LIBRARY_PATH`.

    The loader of this process has read it by now and keeps to it. Handed on, it would make a mail program or a
    browser load our older GLib and OpenSSL and crash (PyInstaller manual, "LD_LIBRARY_PATH / LIBPATH considerations").
    """
    if not getattr(sys, "frozen", False) or not sys.platform.startswith("linux"):
        return
    before = os.environ.pop("LD_LIBRARY_PATH_ORIG", None)
    if before is None:
        os.environ.pop("LD_LIBRARY_PATH", None)
    else:
        os.environ["LD_LIBRARY_PATH"] = before
