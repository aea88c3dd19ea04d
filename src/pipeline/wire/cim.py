"""Commands as IEC 61968-9 `EndDeviceControls` in JSON, for head-ends that speak CIM.

One message a command: the envelope of IEC 61968-100 (verb, noun, revision, time, source, ids), and one
`EndDeviceControl` in the payload, with the fields that the CIM gives this class. The expiry is the end of
`scheduledInterval`; the evidence stands among the names, so that what is executed can be traced and verified.

Its `EndDeviceControlType` is a code of four numbers, as IEC 61968-9 lists them: the type of the device (3, an electric
meter), the domain (31, the switch for remote connection, RCDSwitch), the sub-domain (0, none) and the action (23,
disconnect; 18, connect). Head-ends in the field open a relay by 3.31.0.23 and close it by 3.31.0.18; some close it by
another, such as one that only arms it, so a head-end may be given codes of its own.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final, NamedTuple

import msgspec

from pipeline.wire.commands import SignedCommand

__all__ = ["Codes", "end_device_controls"]

_CODE: Final = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}")


class Codes(NamedTuple):
    """The `EndDeviceControlType` of each kind of command, as a head-end knows it."""

    trip: str = "3.31.0.23"
    restore: str = "3.31.0.18"

    def checked(self) -> Codes:
        """These codes; raises `ValueError` for what is none."""
        for kind, code in self._asdict().items():
            if not _CODE.fullmatch(code):
                raise ValueError(
                    f"the code {code!r} of {kind}; expected four numbers with dots between, such as 3.31.0.23"
                )
        if self.trip == self.restore:
            raise ValueError(f"trip and restore have the same code, {self.trip}; expected two")
        return self


_STANDARD: Final = Codes()


def end_device_controls(signed: SignedCommand, codes: Codes = _STANDARD, source: str = "feikong") -> bytes:
    """One command as JSON, UTF-8; the same command gives the same bytes."""
    command = signed.command
    identity = f"{source}-{command.command_id}-{command.attempt}"
    evidence = {
        "account_id": str(command.account_id),
        "attempt": str(command.attempt),
        "balance": _amount(command.balance_nano),
        "threshold": _amount(command.threshold_nano),
        "decided_seq": str(command.decided_seq),
        "signer": signed.signer.hex(),
        "signature": signed.signature.hex(),
    }
    message = {
        "Header": {
            "Verb": "create",
            "Noun": "EndDeviceControls",
            "Revision": "2.0",
            "Timestamp": _instant(command.issued_at_s),
            "Source": source,
            "AsyncReplyFlag": True,
            "AckRequired": True,
            "MessageID": identity,
            "CorrelationID": f"{source}-{command.command_id}",
        },
        "Payload": {
            "EndDeviceControls": {
                "EndDeviceControl": [
                    {
                        "mRID": identity,
                        "issuerID": source,
                        "issuerTrackingID": str(command.command_id),
                        "reason": command.reason,
                        "scheduledInterval": {
                            "start": _instant(command.issued_at_s),
                            "end": _instant(command.expires_at_s),
                        },
                        "EndDeviceControlType": {"ref": getattr(codes, command.kind)},
                        "EndDevices": [{"Names": [_name("meter_id", str(command.meter_id))]}],
                        "Names": [_name(kind, name) for kind, name in evidence.items()],
                    }
                ]
            }
        },
    }
    return msgspec.json.encode(message)


def _name(kind: str, name: str) -> dict[str, Any]:
    return {"name": name, "NameType": {"name": kind}}


def _instant(at_s: int) -> str:
    return datetime.fromtimestamp(at_s, UTC).replace(tzinfo=None).isoformat() + "Z"


def _amount(nano: int) -> str:
    return f"{Decimal(nano).scaleb(-9):.9f}"
