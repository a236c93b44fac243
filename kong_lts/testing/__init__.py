"""What tests and rehearsals need: fakes over a simulated world, scenarios, a server, a stand-in.

The names are in the modules of this package, so that a rehearsal loads no database driver.
"""

from pathlib import Path

__all__ = ["SMALL_DATABASE"]

SMALL_DATABASE = Path(__file__).with_name("small_28.sql")
"""A small database of 2.8, as a plain SQL dump."""
