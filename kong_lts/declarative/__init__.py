"""Declarative files: kong.yml and decK state, converted as 3.4 itself would, comments and all."""

from kong_lts.declarative.convert import Conversion, convert

__all__ = ["Conversion", "convert"]
