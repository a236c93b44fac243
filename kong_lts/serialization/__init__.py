"""The JSON form of the value classes, and YAML that people write, both strict.

Nothing is guessed: a number is not taken for a text, a field that the class does not know is an
error, and every document carries `format_version`.
"""

from kong_lts.serialization.forms import FORMAT_VERSION, Form
from kong_lts.serialization.json_schemas import json_schema
from kong_lts.serialization.yaml_documents import loose_documents, yaml_document

__all__ = ["FORMAT_VERSION", "Form", "json_schema", "loose_documents", "yaml_document"]
