"""What is asked for over Flight comes, all of it, once; what cannot be asked for is refused in words."""

from __future__ import annotations

import pytest

from pipeline.outputs.follower import ALL
from unit.outputs.flight_world import begun, by_seq, get, wanted


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    found = begun(tmp_path_factory.mktemp("n"))
    with found.serve():
        yield found


@pytest.mark.parametrize("name", ALL)
def test_an_output_is_all_rows_of_files_and_of_memory(served, name):
    with served.client() as client:
        table = get(client, output=name)
    assert table.schema == wanted(name).schema
    assert by_seq(table) == by_seq(wanted(name))
