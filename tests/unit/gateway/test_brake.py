"""NO-TRIP: what counts as the file, and that trips stop where nobody can tell."""

from __future__ import annotations

import pytest

from pipeline.gateway import no_trip


def test_without_the_file_trips_go(tmp_path):
    assert not no_trip(tmp_path)
    assert not no_trip(str(tmp_path))


@pytest.mark.parametrize("how", ["file", "directory", "dangling link"])
def test_whatever_has_the_name_stops_them(tmp_path, how):
    path = tmp_path / "NO-TRIP"
    if how == "file":
        path.touch()
    elif how == "directory":
        path.mkdir()
    else:
        path.symlink_to(tmp_path / "nowhere")
    assert no_trip(tmp_path)


def test_another_name_stops_nothing(tmp_path):
    (tmp_path / "NO-TRIP.txt").touch()
    assert not no_trip(tmp_path)


def test_where_nobody_can_tell_they_stop(tmp_path):
    assert no_trip(tmp_path / "gone")
    (tmp_path / "file").touch()
    assert no_trip(tmp_path / "file")
    assert no_trip(tmp_path / ("x" * 5000))
