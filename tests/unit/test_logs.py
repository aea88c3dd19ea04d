"""What a process says: the same as text and as JSON, a line each."""

from __future__ import annotations

import io
import json
import logging
from datetime import UTC, datetime

import click
import pytest

from fastcore import ConfigError
from pipeline.cli._node import failing
from pipeline.journal import JournalError
from pipeline.logs import WARNING, Log, Message, under
from pipeline.node.reporting import Alarms
from pipeline.node.supervise import Part, Supervisor

SAID = [
    "ended",
    Message('listens at "here" \\ \x1b[31m', endpoint="here"),
    Message("two\nlines, of 电", WARNING, seconds=1.5),
    under("shard 3", Message("begins at snapshot 7", WARNING, snapshot=7, gap=None), shard=3),
]


def told(form, messages=SAID, **fields):
    stream = io.StringIO()
    log = Log("engine 0", form, stream=stream, **fields)
    for message in messages:
        log.say(message)
    return stream.getvalue()


def lines(text):
    return [json.loads(line) for line in text.splitlines()]


def test_each_message_is_one_line_of_json_with_what_the_text_says():
    found = lines(told("json"))
    assert [each["message"] for each in found] == [str(message) for message in SAID]
    assert told("text") == "".join(f"engine 0: {message}\n" for message in SAID)
    assert told("json").isascii()


def test_a_line_has_its_level_part_and_fields():
    ended, listens, two, begins = lines(told("json", shard=0))
    assert list(ended) == ["time", "level", "part", "message", "shard"]
    assert (ended["level"], ended["part"], ended["shard"]) == ("info", "engine 0", 0)
    assert listens["endpoint"] == "here"
    assert (two["level"], two["seconds"]) == ("warning", 1.5)
    assert begins["message"] == "shard 3: begins at snapshot 7"
    assert (begins["level"], begins["shard"], begins["snapshot"], begins["gap"]) == ("warning", 3, 7, None)


def test_a_line_has_its_time_in_utc(monkeypatch):
    make = logging.LogRecord.__init__

    def at(self, *args, **options):
        make(self, *args, **options)
        self.created = 1_700_000_000.25

    monkeypatch.setattr(logging.LogRecord, "__init__", at)
    (line,) = lines(told("json", ["ended"]))
    assert line["time"] == "2023-11-14T22:13:20.250Z"
    assert datetime.fromisoformat(line["time"]) == datetime(2023, 11, 14, 22, 13, 20, 250_000, UTC)


def test_an_alarm_names_itself_and_is_no_warning_when_it_ends():
    said: list[str] = []
    alarms = Alarms(said.append)
    alarms.set("disk", "full", 0.0)
    alarms.set("disk", None, 1.0)
    up, down = lines(told("json", said))
    assert (up["message"], up["level"], up["alarm"]) == ("disk: full", "warning", "disk")
    assert (down["message"], down["level"], down["alarm"]) == ("disk: all right again", "info", "disk")


def test_what_ends_is_named_and_an_engine_is_an_error():
    class Ended:
        def ended(self):
            return "signal SIGKILL"

    said: list[str] = []
    supervisor = Supervisor(
        [Part("worker-0", False), Part("engine-1", True)], lambda part: Ended(), said.append
    )
    supervisor.look(0.0)
    supervisor.look(0.1)
    worker, engine = lines(told("json", said))
    assert (worker["level"], worker["process"], worker["seconds"]) == ("warning", "worker-0", 0.5)
    assert (engine["level"], engine["process"]) == ("error", "engine-1")


def fails(form, error):
    """What is said of an error, and what a command does with it then."""
    stream = io.StringIO()
    with pytest.raises(Exception) as raised, failing(Log("engine 0", form, stream=stream), JournalError):  # noqa: PT011
        raise error
    return stream.getvalue(), raised.value


@pytest.mark.parametrize(
    ("error", "text", "status"),
    [
        (JournalError("frame 3 expected"), "frame 3 expected", 1),
        (ConfigError(["a", "b"]), str(ConfigError(["a", "b"])), 1),
        (FileNotFoundError(2, "No such file", "county.toml"), "county.toml: No such file", 1),
        (click.ClickException("no"), "no", 1),
        (
            click.BadParameter("7; expected 0", param_hint="--shard"),
            "Invalid value for --shard: 7; expected 0",
            2,
        ),
    ],
)
def test_why_a_process_fails_is_a_line_as_well(error, text, status):
    said, raised = fails("json", error)
    (line,) = lines(said)
    assert (line["level"], line["message"]) == ("error", text)
    assert isinstance(raised, click.exceptions.Exit)
    assert raised.exit_code == status


def test_as_text_a_failure_is_told_as_every_command_tells_it():
    said, raised = fails("text", JournalError("frame 3 expected"))
    assert said == ""
    assert isinstance(raised, click.ClickException)
    assert raised.format_message() == "engine 0: frame 3 expected"
    said, raised = fails("text", error := ConfigError(["a"]))
    assert said == ""
    assert raised is error


def test_a_fault_of_the_program_keeps_its_traceback():
    said, raised = fails("json", ZeroDivisionError("by 0"))
    (line,) = lines(said)
    assert (line["level"], line["message"]) == ("critical", "ZeroDivisionError('by 0')")
    assert "test_logs.py" in line["traceback"]
    assert raised.exit_code == 1


def test_a_command_that_has_ended_is_not_a_failure():
    said, raised = fails("json", click.exceptions.Exit(0))
    assert said == ""
    assert raised.exit_code == 0
