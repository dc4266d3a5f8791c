"""Tables of comments: read any format, find the open questions, give the file back with the tags added.

table = read_table("survey.xlsx")
texts = [comment.text for comment in table.comments()]
write_table(table, {column: predictions, …}, "survey_tagged.xlsx", schema=schema)
"""

from __future__ import annotations

from fbclass.tables.output import check_output, replacing
from fbclass.tables.read import MAX_CHARACTERS, READABLE, read_table
from fbclass.tables.table import Comment, Note, RawTable, Table
from fbclass.tables.tagged import existing_tags
from fbclass.tables.write import check_format, default_output, write_table

__all__ = [
    "MAX_CHARACTERS",
    "READABLE",
    "Comment",
    "Note",
    "RawTable",
    "Table",
    "check_format",
    "check_output",
    "default_output",
    "existing_tags",
    "read_table",
    "replacing",
    "write_table",
]
