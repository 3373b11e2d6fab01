"""Contents of a user's files; one that can't be read is an error of one line."""

from pathlib import Path


def contents(path: str) -> bytes:
    """Returns the bytes of a file.

    Args:
        path: Of the file.

    Raises:
        ValueError: If it can't be read; it names the file and the reason.

    Example:
        >>> contents("missing.npz")
        Traceback (most recent call last):
        ...
        ValueError: missing.npz can't be read: no such file or directory
    """
    try:
        return Path(path).read_bytes()
    except OSError as error:
        reason = (error.strerror or "unknown reason").lower()
    except ValueError as error:  # For example, the name contains a null character.
        reason = str(error)
    raise ValueError(f"{path} can't be read: {reason}")


def text(path: str) -> str:
    """Returns the text of a file in UTF-8, with or without a byte order mark.

    Args:
        path: Of the file.

    Raises:
        ValueError: If it can't be read, or is not UTF-8.
    """
    try:
        return contents(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        reason = f"byte {error.start} is not UTF-8 text"
    raise ValueError(f"{path} can't be read: {reason}")
