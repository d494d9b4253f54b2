"""Link a folder, also on Windows, where few users may create symbolic links."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def link_folder(link: Path, target: Path) -> None:
    """Point `link` to the folder `target`; replace an old link."""
    if link.is_symlink() or (sys.platform == "win32" and link.is_dir()):
        link.unlink()  # fails for a real folder
    if sys.platform == "win32":
        command = ["cmd", "/c", "mklink", "/J", str(link), str(target)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    else:
        link.symlink_to(target, target_is_directory=True)
