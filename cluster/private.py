"""Folders and files that nobody else on the machine can read or change.

A folder is as safe as those above it: who may write to one of them can put another in its place.
https://man.openbsd.org/sshd_config#StrictModes has the same rule.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
from pathlib import Path

from cluster.errors import StackError

CLOSED = 0o700
PASSABLE = 0o711
"""Others get through to what they are let into, by its name, and see nothing of the rest."""
UMASK = 0o077
"""Under it, what this process and its children make is for this user only."""
SECRET_FILE = 0o600


def own_folder(folder: Path) -> None:
    """Make the folder, or take it when it is this user's, and close it to others.

    What somebody else has put into one that was open to them is removed. Raises StackError for a
    folder that is somebody else's or a link, or lies where others could exchange it.
    """
    try:
        folder.mkdir(mode=CLOSED, parents=True, exist_ok=True)
        found = folder.lstat()
    except OSError as error:
        raise StackError(f"{folder} cannot be made ({error.strerror})") from None
    if not stat.S_ISDIR(found.st_mode):
        raise StackError(f"{folder} is a link or a file: a folder is needed there")
    if found.st_uid != os.getuid():
        raise StackError(f"{folder} belongs to somebody else: a folder of yours is needed there")
    changeable = _changeable_above(folder)
    if changeable is not None:
        raise StackError(
            f"others can change {changeable} and so exchange {folder}: name another place"
        )
    was_open = found.st_mode & 0o022
    folder.chmod(CLOSED)
    if was_open:
        _remove_foreign(folder)


def close_contents(folder: Path) -> None:
    """Close what lies directly in the folder and is this user's: it may have been made before the
    folder was closed."""
    for path in folder.iterdir():
        with contextlib.suppress(FileNotFoundError):
            found = path.lstat()
            is_ours = found.st_uid == os.getuid() and not stat.S_ISLNK(found.st_mode)
            if is_ours and found.st_mode & UMASK:
                path.chmod(stat.S_IMODE(found.st_mode) & ~UMASK)


def secret_file(path: Path, content: str) -> None:
    """Have the file there, readable for this user only; `content` where there is none, or an empty
    one. Raises OSError when that cannot be, also when it is somebody else's."""
    path.parent.mkdir(mode=CLOSED, parents=True, exist_ok=True)
    with contextlib.suppress(FileNotFoundError):
        if not path.stat().st_size:
            path.unlink()
    try:
        made = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, SECRET_FILE)
    except FileExistsError:
        with path.open("rb") as file:
            found = os.fstat(file.fileno())
            if found.st_uid not in (0, os.getuid()):
                raise PermissionError(
                    errno.EPERM, "it belongs to somebody else", str(path)
                ) from None
            if found.st_mode & UMASK:
                os.fchmod(file.fileno(), SECRET_FILE)
        return
    with os.fdopen(made, "w", encoding="ascii") as file:
        file.write(content)


def _changeable_above(folder: Path) -> Path | None:
    """The first folder above in which others may exchange what lies there: one that they may write
    to (unless it is sticky, as /tmp is), or that belongs to neither this user nor root."""
    for above in folder.resolve().parents:
        found = above.stat()
        writable = found.st_mode & stat.S_IWOTH or (
            found.st_mode & stat.S_IWGRP and found.st_gid not in (0, os.getgid())
        )
        if found.st_uid not in (0, os.getuid()) or (writable and not found.st_mode & stat.S_ISVTX):
            return above
    return None


def _remove_foreign(folder: Path) -> None:
    for path in folder.iterdir():
        found = path.lstat()
        if found.st_uid == os.getuid():
            continue
        try:
            if stat.S_ISDIR(found.st_mode):
                shutil.rmtree(path)
            else:
                path.unlink()
        except OSError as error:
            raise StackError(
                f"{path} was put there by somebody else and cannot be removed ({error.strerror})"
            ) from None
