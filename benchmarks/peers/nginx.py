"""Debian's nginx on a free port, with a page that uploads by plain HTTP and a file to be downloaded."""

import asyncio
import socket
from pathlib import Path
from typing import Self

EXECUTABLE = "/usr/sbin/nginx"
_START_S = 10.0
_PAGE = """<!doctype html><title>plain HTTP</title><input type="file" id="file">
<a id="down" href="/files/down" download></a><script>
window.upload = async () => {
  const began = performance.now();
  const answer = await fetch("/files/up", { method: "PUT", body: document.getElementById("file").files[0] });
  if (!answer.ok) throw new Error(String(answer.status));
  return (performance.now() - began) / 1000;
};
</script>"""
_CONFIGURATION = """daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ }}
http {{
  access_log off; default_type application/octet-stream; types {{ text/html html; }}
  client_max_body_size 0; client_body_temp_path {folder}/bodies; sendfile on; tcp_nopush on;
  server {{
    listen 127.0.0.1:{port}; root {folder};
    location /files/ {{ dav_methods PUT; }}
  }}
}}
"""


class Nginx:
    """nginx as a process of its own; what is uploaded lies in `files/up`, what is downloaded in `files/down`.

    Args:
        folder: for all it has; empty.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.files = folder / "files"
        self.url = ""
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Self:
        self.files.mkdir(parents=True)
        (self._folder / "index.html").write_text(_PAGE, encoding="utf-8")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        configuration = self._folder / "nginx.conf"
        configuration.write_text(_CONFIGURATION.format(folder=self._folder, port=port), encoding="utf-8")
        # The user it would change to, started as root, could not read the folder.
        root = ("-g", "user root;") if self._folder.owner() == "root" else ()
        self._process = await asyncio.create_subprocess_exec(
            *(EXECUTABLE, "-p", str(self._folder), "-c", str(configuration), *root),
            stdin=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        self.url = f"http://127.0.0.1:{port}"
        async with asyncio.timeout(_START_S):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                except OSError:
                    if self._process.returncode is not None:
                        raise OSError(f"nginx ended with {self._process.returncode}") from None
                    await asyncio.sleep(0.02)
                    continue
                writer.close()
                return self

    async def __aexit__(self, *exc: object) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.terminate()
            await self._process.wait()
