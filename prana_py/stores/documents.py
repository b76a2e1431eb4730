"""Executions and workflows as documents: plain JSON data, with a format that stays readable for good.

Rows are written as in ``Execution.to_storage_format``, but a large value stands in ``blobs``, once, under its hash.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any, Final

import msgspec

from prana_py.errors import StorageError
from prana_py.execution.storage import UNREADABLE, tagged, untagged
from prana_py.model.document import workflow_from_dict, workflow_to_dict
from prana_py.model.workflow import Workflow
from prana_py.stores.sql.transfer import COLUMNS
from prana_py.stores.transfer import Parcel

FORMAT: Final = 1

EXECUTIONS: Final = "prana executions"
WORKFLOW: Final = "prana workflow"

_PACK: Final = msgspec.msgpack.Encoder().encode


def executions_document(parcels: Sequence[Parcel], workflows: Sequence[Workflow]) -> dict[str, Any]:
    """Executions, with the versions of workflows that they belong to."""
    blobs = {name: body for parcel in parcels for name, body in parcel.blobs.items()}
    return {
        "kind": EXECUTIONS,
        "format": FORMAT,
        "executions": [_written(parcel) for parcel in parcels],
        "blobs": {name.hex(): _told(body) for name, body in sorted(blobs.items())},
        "workflows": [workflow_to_dict(workflow) for workflow in workflows],
    }


def workflow_document(workflow: Workflow) -> dict[str, Any]:
    """One version of a workflow."""
    return {"kind": WORKFLOW, "format": FORMAT, "workflows": [workflow_to_dict(workflow)]}


def _written(parcel: Parcel) -> dict[str, Any]:
    header = {name: value for name, value in parcel.header.items() if value is not None and name != "submission"}
    submission = parcel.header["submission"]
    return {
        **header,
        "submission": None if submission is None else _told(submission),
        "wake_at": None if submission is None else parcel.wake_at,
        "rows": [_told(body) for body in parcel.bodies],
        "blobs": sorted(name.hex() for name in parcel.blobs),
        "letters": [
            {"key": key, "content": _told(payload), "sent_at": sent_at, "refusal": refusal}
            for key, payload, sent_at, refusal in parcel.letters
        ],
        "deliveries": [list(delivery) for delivery in parcel.deliveries],
        "turns": [{"mutex": name, "run": _told(run)} for name, run in parcel.turns],
    }


def _told(body: bytes) -> Any:
    return tagged(msgspec.msgpack.decode(body))


def _packed(data: Any) -> bytes:
    return _PACK(untagged(data))


def read_document(document: Any) -> tuple[list[Parcel], list[Workflow]]:
    """What a document holds; ``StorageError`` if it is none of these, or damaged."""
    if not isinstance(document, Mapping) or document.get("kind") not in (EXECUTIONS, WORKFLOW):
        raise StorageError(
            "this is no document of an execution or a workflow; give what `export` gave", code="document_unknown"
        )
    if document.get("format") != FORMAT:
        raise StorageError(
            f"this document has format {document.get('format')!r}, and this version reads format {FORMAT}",
            code="format_unknown",
        )
    workflows = [workflow_from_dict(data) for data in document.get("workflows", ())]
    try:
        blobs = {bytes.fromhex(name): _packed(value) for name, value in document.get("blobs", {}).items()}
        for name, body in blobs.items():
            if blake2b(body, digest_size=20).digest() != name:
                raise ValueError(f"large value {name.hex()} is not what it was")
        parcels = [_read(data, blobs) for data in document.get("executions", ())]
    except (*UNREADABLE, AttributeError) as error:
        raise StorageError(f"the document is damaged: {error!r}", code="document_damaged") from error
    return parcels, workflows


def _read(data: Mapping[str, Any], blobs: Mapping[bytes, bytes]) -> Parcel:
    header = {name: data.get(name) for name in COLUMNS}
    header["submission"] = None if data["submission"] is None else _packed(data["submission"])
    names = map(bytes.fromhex, data["blobs"])
    return Parcel(
        header=header,
        wake_at=data["wake_at"],
        bodies=[_packed(row) for row in data["rows"]],
        blobs={name: blobs[name] for name in names},
        letters=[
            (letter["key"], _packed(letter["content"]), letter["sent_at"], letter["refusal"])
            for letter in data["letters"]
        ],
        deliveries=[(delivery[0], delivery[1], delivery[2]) for delivery in data["deliveries"]],
        turns=[(turn["mutex"], _packed(turn["run"])) for turn in data["turns"]],
    )
