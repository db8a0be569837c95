"""Why a list file is not put into use."""

from __future__ import annotations


class ListRefused(Exception):  # noqa: N818 -- a refusal
    """A list that is not put into use; whatever was in use before stays so.

    ``code`` is one of:

    - ``list_missing``: a file that belongs to the list is not there, or the folder holds no list at all;
    - ``list_format_unknown``: a file of the folder is of no format that can be read;
    - ``list_unreadable``: not the encoding or the syntax of its format, or it holds a value that can't be;
    - ``list_unsafe``: an XML file with a document type declaration;
    - ``list_too_large``: above the size that is read at all;
    - ``list_columns``: a record has another number of columns than its format;
    - ``list_cut``: the file ends before its end, or its parts do not belong together;
    - ``list_empty``: no entry in it;
    - ``list_shrunk``: fewer than half of the entries of the version in use;
    - ``list_duplicate``: two entries with one id, or two lists with one name;
    - ``list_changing``: the file was written while it was read.
    """

    def __init__(self, code: str, list_name: str, message: str = "") -> None:
        super().__init__(f"{list_name}: {code}" + (f": {message}" if message else ""))
        self.code = code
        self.list_name = list_name

    def again(self) -> ListRefused:
        """The same refusal, to be raised anew for a file that did not change since."""
        again = ListRefused(self.code, self.list_name)
        again.args = self.args
        return again
