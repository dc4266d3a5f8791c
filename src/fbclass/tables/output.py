"""Output files: checked before the work starts, complete or absent afterwards."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from fbclass.errors import OutputError


def check_output(path: Path, inputs: Sequence[Path], *, force: bool = False) -> None:
    """Raise ``OutputError`` unless ``path`` can be written: folder there and writable, no input overwritten.

    An output that exists is refused without ``force``: tags in it may have been corrected by hand.
    """
    for source in inputs:
        if _same_file(path, source):
            raise OutputError(
                f"{path} would overwrite the input {source}: choose another name with -o",
                f"输出文件 {path} 会覆盖输入文件 {source}：请用 -o 换一个文件名",
            )
    if path.is_dir():
        raise OutputError(
            f"{path} is a folder: give a file name with -o",
            f"{path} 是一个文件夹：请用 -o 给出文件名",
        )
    folder = path.resolve().parent
    if not folder.is_dir():
        raise OutputError(
            f"the folder {folder} for {path.name} does not exist: create it or choose another with -o",
            f"要存放 {path.name} 的文件夹 {folder} 不存在：请先建好，或用 -o 换一个位置",
        )
    if path.exists() and not force:
        raise OutputError(
            f"{path} already exists: add --force to replace it, or choose another name with -o",
            f"{path} 已经存在：要替换请加 --force，或用 -o 换一个文件名",
        )
    try:
        if path.exists():  # a workbook open in Excel on Windows is locked against this
            os.close(os.open(path, os.O_RDWR))
        probe = _temporary(path.resolve())
        probe.touch(exist_ok=False)
        probe.unlink()
    except OSError as error:
        raise _not_written(path, error) from error


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Open a temporary file beside ``path`` that takes its place when the block ends without an exception.

    A link is followed, so that it goes on pointing where it did. After an exception or an interrupt
    nothing is left; after a power cut or a hard kill at most the hidden temporary file.
    """
    target = path.resolve()
    temporary = _temporary(target)
    try:
        with temporary.open("xb") as handle:
            yield handle
            handle.flush()
            os.fsync(handle.fileno())
        temporary.replace(target)
    except OSError as error:
        raise _not_written(path, error) from error
    finally:
        temporary.unlink(missing_ok=True)


def _temporary(target: Path) -> Path:
    # Short, so that a long name does not become too long; hidden, so that nobody opens it by mistake.
    return target.with_name(f".fbclass-{secrets.token_hex(6)}.tmp")


def _same_file(one: Path, other: Path) -> bool:
    with contextlib.suppress(OSError):
        if one.samefile(other):  # also through links, and through case where the file system ignores it
            return True
    # Two names that differ only by case are two files here, and one as soon as the folder is copied to Windows.
    return str(one.resolve()).casefold() == str(other.resolve()).casefold()


def _not_written(path: Path, error: OSError) -> OutputError:
    reason = error.strerror or str(error)
    return OutputError(
        f"{path} cannot be written ({reason}): close it in other programs, check rights and free space, "
        "or choose another place with -o",
        f"{path} 写不进去（{reason}）：请关掉正在打开它的程序，检查权限和磁盘空间，或用 -o 换一个位置",
    )
