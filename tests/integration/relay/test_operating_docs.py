"""What docs/operating.md tells to type and to put into files, tried with the real programs."""

import re
import ssl
import subprocess
from hashlib import sha256
from pathlib import Path

from server_stub.settings import DEFINITIONS
from tests.harness.relay import ROOT
from tests.integration.relay.test_cli import write_pair
from ui.dialogs.certificate import grouped

DOC = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")


def block_after(line: str) -> str:
    """The indented block that follows a line of the page."""
    found = re.search(rf"^{re.escape(line)}\n\n((?:    .*\n|\n)+)", DOC, re.MULTILINE)
    assert found, line
    return found[1]


def test_nginx_takes_the_block(tmp_path: Path) -> None:
    chain, key = write_pair(tmp_path, "proxy")
    server = block_after("nginx:")
    for given, here in (
        ("/etc/ssl/support.example.org.crt", str(chain)),
        ("/etc/ssl/support.example.org.key", str(key)),
        ("listen 443 ", f"listen unix:{tmp_path}/s "),  # a port would need rights
    ):
        assert given in server
        server = server.replace(given, here)
    folders = "".join(
        f"{kind}_temp_path {tmp_path}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    config = tmp_path / "nginx.conf"
    config.write_text(
        f"pid {tmp_path}/pid;\nerror_log stderr;\nevents {{}}\nhttp {{\naccess_log off;\n{folders}{server}}}\n"
    )
    tried = subprocess.run(
        ["/usr/sbin/nginx", "-t", "-e", "stderr", "-c", str(config)], capture_output=True, text=True, check=False
    )
    assert tried.returncode == 0, tried.stderr


def test_the_fingerprint_reads_as_the_app_shows_it(tmp_path: Path) -> None:
    chain, _ = write_pair(tmp_path, "chain")
    chain.rename(tmp_path / "chain.pem")
    command = re.search(r"^    (openssl x509 .* fold .*)$", DOC, re.MULTILINE)
    assert command
    said = subprocess.run(["/bin/sh", "-c", command[1]], cwd=tmp_path, capture_output=True, text=True, check=True)
    der = ssl.PEM_cert_to_DER_cert((tmp_path / "chain.pem").read_text())
    assert [line.split() for line in said.stdout.splitlines()] == [
        line.split() for line in grouped(sha256(der).hexdigest()).splitlines()
    ]


def test_every_setting_stands_in_the_table() -> None:
    table = DOC.partition("\n## Settings\n")[2].partition("\n## ")[0]
    assert [key for key in DEFINITIONS if f"`{key}`" not in table] == []
