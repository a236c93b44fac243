"""Digits are a number, however many there are."""

from hypothesis import given
from hypothesis import strategies as st

from kong_lts.digits import whole


@given(st.integers(0, 10**18 - 1), st.integers(0, 5_000))
def test_a_number_is_itself_whatever_zeros_are_in_front(number: int, zeros: int) -> None:
    assert whole("0" * zeros + str(number)) == number


@given(st.integers(18, 5_000))
def test_what_is_longer_stays_beyond_every_limit(length: int) -> None:
    assert whole("9" * length) >= 10**17
