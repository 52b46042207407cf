"""Data that a person may have written: the base of its classes, and what is wrong in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

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
    "int_parsing_size": "is beyond all numbers",
    "finite_number": "must be a finite number",
    "string_type": "must be text",
    "string_too_short": "must not be empty",
    "string_too_long": "must have at most {max_length:,} letters",
    "string_pattern_mismatch": "has letters that it cannot have",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "too_short": "must have {min_length:,} or more",
    "too_long": "must have {max_length:,} or fewer",
    "dict_type": "must be a group of settings",
    "model_type": "must be a group of settings",
    "model_attributes_type": "must be a group of settings",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "literal_error": "must be {expected}",
    "enum": "must be {expected}",
    "extra_forbidden": "is no setting here",
    "missing": "is missing",
    "union_tag_not_found": "its kind is missing",
}


class Validated(BaseModel):
    """Checked when it is made, then never changed; a field that it does not have is a fault."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


def fault_words(fault: ErrorDetails) -> str:
    """The fault as the end of a sentence that begins with the field's name."""
    context = fault.get("ctx", {})
    if fault["type"] == "union_tag_invalid":
        known = [tag.strip("'") for tag in context["expected_tags"].split(", ")]
        return f'no kind "{context["tag"]}": {nearest(context["tag"], known)}'
    words = _WORDS.get(fault["type"])
    if words is not None:
        return words.format(**context)
    # Our own validators' words; the library's own would be of another kind.
    own = str(context["error"]) if fault["type"] == "value_error" else "cannot have this value"
    return own[:1].lower() + own[1:]
