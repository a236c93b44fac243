"""Declarative files: kong.yml and decK state, converted as 3.4 itself would, comments and all."""

from kong_lts.declarative.convert import Conversion, convert
from kong_lts.declarative.folder import convert_all, read_all
from kong_lts.declarative.inventory import Listed, inventory
from kong_lts.declarative.masking import masked_document
from kong_lts.declarative.plain import routing_document

__all__ = [
    "Conversion",
    "Listed",
    "convert",
    "convert_all",
    "inventory",
    "masked_document",
    "read_all",
    "routing_document",
]
