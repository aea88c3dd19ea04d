"""Payments: what is refused, in which order, and that each counts once (reference, section 6)."""

from __future__ import annotations

import pytest

from stories.county import HOME, county
from stories.language import check


def check_home(story: str, engine: str = "") -> None:
    check(HOME + story, county(engine))


def test_money_comes_and_goes():
    check_home("""
        top_up     A1  50.00             -> top_up A1 amount=50 balance=75
        reversal   A1 -20.5              -> reversal A1 amount=-20.5 balance=54.5
        adjustment A1  0.000000001       -> adjustment A1 balance=54.500000001
        adjustment A1 -4                 -> adjustment A1 balance=50.500000001
        top_up     A1  1 at=00:10 payment_id=till-7 now=00:15  -> top_up A1 at=00:10 ref=till-7
        see account A1 balance=51.500000001
    """)


def test_each_refusal():
    check_home("""
        top_up     A9  50                  -> refused unknown_account A9 amount=50
        payment    A1  50 gift             -> refused bad_value A1 amount=50
        top_up     A1   0                  -> refused bad_amount A1
        top_up     A1  -1                  -> refused bad_amount A1
        reversal   A1   0                  -> refused bad_amount A1
        reversal   A1   1                  -> refused bad_amount A1
        adjustment A1   0                  -> refused bad_amount A1
        top_up     A1  50 at=+3601s        -> refused future A1
        top_up     A1  50 at=+1h           -> top_up A1 amount=50
    """)


def test_a_closed_account_takes_no_top_up_but_what_must_be_booked():
    check_home("""
        close_account A1
        top_up     A1  5   -> refused closed A1
        reversal   A1 -5   -> reversal A1 balance=20
        adjustment A1  3   -> adjustment A1 balance=23
    """)


def test_too_old():
    check_home(
        """
        +48h
        top_up A1 5 at=00:00     -> refused too_old A1
        top_up A1 5 at=00:00:01  -> top_up A1 at=00:00:01
        """,
        'payment_horizon = "2d"',
    )


def test_a_payment_counts_once_however_often_it_is_sent():
    check_home("""
        top_up   A1  50 payment_id=a           -> top_up A1 balance=75
        top_up   A1  50 payment_id=a           -> refused duplicate A1
        # Another time or channel makes it no other payment.
        top_up   A1  50 payment_id=a at=00:30 channel=bank  -> refused duplicate A1
        top_up   A1  51 payment_id=a           -> refused conflict A1
        adjustment A1 50 payment_id=a          -> refused conflict A1
        account  A2  0
        top_up   A2  50 payment_id=a           -> refused conflict A2
        top_up   A1  50 payment_id=b           -> top_up A1 balance=125
        # In one batch as well.
        top_up   A1  1 payment_id=c            -> top_up A1 balance=126
        & top_up A1  1 payment_id=c            -> refused duplicate A1
        # What was refused is not remembered.
        top_up   A1  0 payment_id=d            -> refused bad_amount A1
        top_up   A1  1 payment_id=d            -> top_up A1 balance=127
    """)


def test_an_id_is_remembered_as_long_as_its_payment_could_come_again():
    # Accepted at midnight, dated an hour ahead: for two days and an hour.
    check_home(
        """
        top_up A1 5 payment_id=a at=01:00
        at 49:00
        top_up A1 5 payment_id=a           -> refused duplicate A1
        +1s
        top_up A1 5 payment_id=a           -> top_up A1 balance=35
        """,
        'payment_horizon = "2d"',
    )


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("payment A9 0 gift at=+2h payment_id=a", "unknown_account"),
        ("top_up A2 0 at=+2h payment_id=a", "closed"),
        ("payment A1 0 gift at=+2h payment_id=a", "bad_value"),
        ("top_up A1 0 at=+2h payment_id=a", "bad_amount"),
        ("top_up A1 6 at=+2h payment_id=a", "future"),
        ("top_up A1 6 at=-401d payment_id=a", "too_old"),
        ("top_up A1 6 payment_id=a", "conflict"),
        ("top_up A1 999999999 payment_id=b", "out_of_range"),
    ],
)
def test_the_first_reason_is_given(row, reason):
    check_home(f"""
        account A2 0
        close_account A2
        top_up A1 5 payment_id=a
        {row}  -> refused {reason}
    """)


def test_a_balance_stays_in_its_bounds():
    check_home("""
        # 25 and 999,999,974.999999999 are the most that a balance can be.
        top_up     A1  999999975            -> refused out_of_range A1
        top_up     A1  999999974.999999999  -> top_up A1 balance=999999999.999999999
        adjustment A1  0.000000001          -> refused out_of_range A1
    """)


def test_a_payment_and_what_it_brings_about_stand_in_one_batch():
    check(
        HOME
        + """
        adjustment A1 -25   -> notice low_balance A1 20, notice trip_due A1, trip A1 M1
        ack 1 done          -> notice tripped A1
        top_up A1 0.01      -> top_up A1 balance=0.01, restore A1 M1 reason=balance
        """,
        county(policy='notice = "0s"'),
    )
