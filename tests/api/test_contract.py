"""Whatever the API description allows or forbids: the service does what it says there.

schemathesis makes requests up from the description, valid and invalid, in sequences too, with every check on.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from fbclass.store.database import Database
from fbclass.store.keys import SCOPES, KeyStore

# make bench-api asks for many more. The figure counts the examples of all operations, about.
EXAMPLES = int(os.environ.get("FBCLASS_TEST_EXAMPLES", "200"))
OPERATIONS = 20


def test_the_service_keeps_its_description(serve: Any, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'x.db'}"
    database = Database.open(url)
    _, key = KeyStore(database).create("schemathesis", SCOPES)
    database.close()
    program = Path(sys.executable).parent / "schemathesis"
    with serve(database_url=url, rate_limit=0) as client:
        done = subprocess.run(
            [
                *(str(program), "--config-file", str(Path(__file__).with_name("schemathesis.toml"))),
                *("run", f"{client.base_url}/openapi.json", "--checks", "all", "--seed", "1", "--no-color"),
                *("--max-examples", str(max(1, EXAMPLES // OPERATIONS)), "--request-timeout", "30"),
                *("--header", f"Authorization: Bearer {key}", "--generation-database", "none"),
                *("--suppress-health-check", "all"),
            ],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            encoding="utf-8",
        )
        assert client.get("/health/ready").status_code == 200
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
