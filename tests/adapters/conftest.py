"""A server for each test that asks for one."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.adapters.servers import Serve, serving


@pytest.fixture
def serve() -> Iterator[Serve]:
    with ExitStack() as stack:
        yield lambda answer: stack.enter_context(serving(answer))
