from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def test_without_the_extra_the_message_says_what_to_install(root: Path) -> None:
    code = f"""
import sys
sys.path.insert(0, {str(root / "src")!r})
from fbclass.errors import MissingExtraError
try:
    import fbclass.store.keys
except MissingExtraError as error:
    print(error.english)
"""
    # -S: an interpreter that has only the standard library
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=True)
    assert "pip install 'fbclass[store]'" in done.stdout
