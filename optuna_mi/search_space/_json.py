from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from optuna_mi._checks import shown
from optuna_mi.search_space._geometry import DecayGeometry
from optuna_mi.search_space._ranges import IntRange

if TYPE_CHECKING:
    from optuna_mi.search_space._space import DilationSpace

_FORMAT = 1
TOLD = ("reason", "notes")  # For readers; two workers may word them differently.


def space_to_dict(space: DilationSpace) -> dict[str, Any]:
    """Return the space as plain JSON types."""
    record: dict[str, Any] = {"format": _FORMAT, **asdict(space)}
    # what is not set is not written, so studies made before there was any keep their fingerprint
    for name in ("max_ratio", "delays"):
        if not record["geometry"][name]:
            del record["geometry"][name]
    return dict(json.loads(json.dumps(record)))


def space_to_json(space: DilationSpace) -> str:
    """Return canonical JSON: sorted keys, no blanks."""
    return json.dumps(space_to_dict(space), sort_keys=True, separators=(",", ":"))


def fields_from_json(text: str) -> dict[str, Any]:
    """Return the fields of the space that :func:`space_to_json` wrote."""
    try:
        record = json.loads(text)
        if record["format"] != _FORMAT:
            raise ValueError(
                f"the space has format {record['format']}, this version reads {_FORMAT}: "
                "upgrade optuna-mi."
            )
        geometry = record["geometry"]
        return {
            "geometry": DecayGeometry(
                geometry["law"],
                tuple(geometry["breakpoints"]),
                tuple(geometry["slopes"]),
                geometry["snap_period"],
                geometry["line_exponent"],
                # a study made before there were any
                geometry.get("max_ratio"),
                tuple(geometry.get("delays", ())),
            ),
            "layers": tuple(IntRange(**r) for r in record["layers"]),
            "max_dilation": IntRange(**record["max_dilation"]),
            "max_layers": record["max_layers"],
            "window": record["window"],
            "baselines": record["baselines"],
            "reason": record["reason"],
            "notes": tuple(record["notes"]),
        }
    except (KeyError, TypeError, json.JSONDecodeError) as error:
        raise ValueError(
            f"{shown(text)} is not the JSON of a dilation space ({error}); pass what "
            "DilationSpace.to_json() returned"
        ) from error


def fingerprint(space: DilationSpace) -> str:
    """Return 16 hexadecimal digits of the SHA-256 of all that decides the dilations."""
    record = {k: v for k, v in space_to_dict(space).items() if k not in TOLD}
    text = json.dumps(record, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]
