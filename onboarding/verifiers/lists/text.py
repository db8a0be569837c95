"""Bytes of a list file to text and records, refusing what a complete file can't be."""

from __future__ import annotations

import csv
import io

from onboarding.verifiers.lists.refusal import ListRefused

END_MARK = "\x1a"
"""The end-of-file character that OFAC's legacy files close with."""


def decoded(list_name: str, file: str, raw: bytes) -> str:
    """UTF-8, with or without a byte order mark.

    Raises:
        ListRefused: another encoding, or a NUL in it.
    """
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ListRefused("list_unreadable", list_name, f"{file} is not UTF-8 at byte {error.start}") from None
    if "\0" in text:
        raise ListRefused("list_unreadable", list_name, f"{file} holds a NUL")
    if not text.strip(f"{END_MARK}\r\n \t"):
        raise ListRefused("list_empty", list_name, f"{file} holds nothing")
    return text


def records(list_name: str, file: str, text: str, columns: int) -> list[list[str]]:
    """The records of a CSV text; blank lines are left out.

    Noticed: a text that ends within a record, an open quote, another number of columns. Not noticed: one that ends
    after a whole record.

    Raises:
        ListRefused: it is cut or has another shape.
    """
    if not text.endswith("\n"):
        raise ListRefused("list_cut", list_name, f"{file} ends within a line")
    found: list[list[str]] = []
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        for record in reader:
            if not record:
                continue
            if len(record) != columns:
                message = f"{file} line {reader.line_num} has {len(record)} columns, not {columns}"
                raise ListRefused("list_columns", list_name, message)
            found.append(record)
    except csv.Error as error:
        code = "list_cut" if "unexpected end" in str(error) else "list_unreadable"
        raise ListRefused(code, list_name, f"{file} line {reader.line_num}: {error}") from None
    return found
