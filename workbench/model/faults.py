"""What pydantic finds wrong with a value, in words for a person who wrote it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.errors import nearest

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

# By pydantic's type of a fault; what stands in braces is in its context.
_WORDS = {
    "greater_than": "must be more than {gt:,}",
    "greater_than_equal": "must be at least {ge:,}",
    "less_than": "must be less than {lt:,}",
    "less_than_equal": "must be at most {le:,}",
    "int_parsing": "must be a whole number",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_parsing": "must be a number",
    "float_type": "must be a number",
    "string_type": "must be text",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "literal_error": "must be {expected}",
    "extra_forbidden": "is no setting here",
    "missing": "is missing",
    "union_tag_not_found": "its kind is missing",
}


def fault_words(fault: ErrorDetails) -> str:
    """The fault as the end of a sentence that begins with the field's name."""
    context = fault.get("ctx", {})
    if fault["type"] == "union_tag_invalid":
        known = [tag.strip("'") for tag in context["expected_tags"].split(", ")]
        return f'no kind "{context["tag"]}": {nearest(context["tag"], known)}'
    words = _WORDS.get(fault["type"])
    if words is not None:
        return words.format(**context)
    message = fault["msg"].removeprefix("Value error, ")
    return message[:1].lower() + message[1:]
