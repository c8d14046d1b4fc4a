"""A space as JSON, and frozen into a study, where every worker can check that it has the same."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

from optuna_mi._attributes import FINGERPRINT_ATTR, SPACE_ATTR
from optuna_mi._checks import shown
from optuna_mi.exceptions import SpaceMismatchError
from optuna_mi.search_space._check_arguments import check_study
from optuna_mi.search_space._geometry import DecayGeometry
from optuna_mi.search_space._ranges import IntRange

if TYPE_CHECKING:
    from optuna.study import Study
    from optuna.trial import BaseTrial

_FORMAT = 1
# For readers; two workers may word them differently.
_TOLD = ("reason", "notes")
_REMEDY = "Use DilationSpace.from_study(study), or give this search another study name."


class Frozen:
    """The part of `DilationSpace` that reads and writes its fields, whatever they mean."""

    @cached_property
    def _record(self) -> dict[str, Any]:
        """All fields as plain JSON types."""
        fields: dict[str, Any] = asdict(self)  # type: ignore[call-overload]  # DilationSpace is one
        # These came later: without a value they are left out, so older studies still match.
        for name in ("max_ratio", "delays"):
            if not fields["geometry"][name]:
                del fields["geometry"][name]
        if fields["ranges"] == "paper":
            del fields["ranges"]
        return dict(json.loads(json.dumps({"format": _FORMAT, **fields})))

    @cached_property
    def fingerprint(self) -> str:
        """Hexadecimal digest of everything that decides which dilations a setting stands for."""
        decides = {k: v for k, v in self._record.items() if k not in _TOLD}
        return hashlib.sha256(_canonical(decides).encode()).hexdigest()[:16]

    def to_json(self) -> str:
        """Return the space as canonical JSON: sorted keys, no blanks."""
        return _canonical(self._record)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read a space back from :meth:`to_json`.

        Raises:
            ValueError: If the text is not a space, or one of a newer format.
        """
        fields = _fields(text)
        try:
            return cls(**fields)
        except TypeError as error:
            raise ValueError(f"this is not the JSON of a DilationSpace: {error}") from error

    def freeze(self, study: Study) -> None:
        """Write the space into a study, unless it is there already.

        Of two creators at once with different spaces the last to write wins; the other one gets
        the error, here or with its first trial.

        Raises:
            SpaceMismatchError: If the study was made for another space.
        """
        check_study(study)
        storage, study_id = study._storage, study._study_id
        attrs = _attrs(study)
        if SPACE_ATTR not in attrs:
            storage.set_study_user_attr(study_id, SPACE_ATTR, json.loads(self.to_json()))
            attrs = _attrs(study)
        self._check(study, attrs)
        # The attribute with the space is the truth, written at once; the fingerprint follows it.
        if attrs.get(FINGERPRINT_ATTR) != self.fingerprint:
            storage.set_study_user_attr(study_id, FINGERPRINT_ATTR, self.fingerprint)

    def verify(self, study: Study) -> None:
        """Check that a study was made for this space.

        Raises:
            SpaceMismatchError: If it was made for another one, or for none.
        """
        check_study(study)
        self._check(study, _attrs(study))

    def check_trials_study(self, trial: BaseTrial) -> None:
        """Check that the study of a trial, if it has one, was not made for another space.

        Raises:
            SpaceMismatchError: If it was.
        """
        from optuna.study import Study  # loads its storages, which an analysis does not need

        study = getattr(trial, "study", None)
        if isinstance(study, Study) and SPACE_ATTR in (attrs := _attrs(study)):
            self._check(study, attrs)

    @classmethod
    def from_study(cls, study: Study) -> Self:
        """Read the space that a study's creator froze into it.

        Raises:
            SpaceMismatchError: If the study holds none.
        """
        check_study(study)
        attrs = _attrs(study)
        if SPACE_ATTR not in attrs:
            raise SpaceMismatchError(
                f"study {study.study_name!r} holds no dilation space: make it with a sampler of "
                "optuna_mi or call space.freeze(study)."
            )
        return cls.from_json(json.dumps(attrs[SPACE_ATTR]))

    def _check(self, study: Study, attrs: Mapping[str, Any]) -> None:
        name = study.study_name
        if SPACE_ATTR not in attrs:
            raise SpaceMismatchError(
                f"study {name!r} holds no dilation space: its creator calls space.freeze(study), "
                "the samplers of optuna_mi do it by themselves."
            )
        theirs = attrs[SPACE_ATTR]
        # The samplers come here with every trial, nearly always with the very same space.
        if theirs == self._record:
            return
        if not isinstance(theirs, Mapping):
            raise SpaceMismatchError(
                f"study {name!r} holds no dilation space but {str(theirs)[:50]!r} in its attribute "
                f"{SPACE_ATTR}, which somebody has changed: give this search another study name."
            )
        changes = _differences(theirs, self._record)
        if changes:
            raise SpaceMismatchError(
                f"study {name!r} was made for another dilation space:\n"
                + "\n".join(changes)
                + f"\n{_REMEDY}"
            )


def _attrs(study: Study) -> dict[str, Any]:
    # Under Hyperband the samplers' hooks get a study without user_attrs.
    return study._storage.get_study_user_attrs(study._study_id)


def _canonical(record: Mapping[str, Any]) -> str:
    return json.dumps(record, sort_keys=True, separators=(",", ":"))


def _fields(text: str) -> dict[str, Any]:
    """Return the fields of the space that `Frozen.to_json` wrote."""
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
            "ranges": record.get("ranges", "paper"),
        }
    except (KeyError, TypeError, json.JSONDecodeError) as error:
        raise ValueError(
            f"{shown(text)} is not the JSON of a dilation space ({error}); pass what "
            "DilationSpace.to_json() returned"
        ) from error


def _differences(theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> list[str]:
    # What readers are told may be worded differently; it decides nothing.
    old, new = (
        dict(_leaves({k: v for k, v in side.items() if k not in _TOLD})) for side in (theirs, ours)
    )
    return [
        f"  {key}: the study has {old.get(key, 'nothing')}, yours {new.get(key, 'nothing')}"
        for key in sorted(set(old) | set(new))
        if old.get(key) != new.get(key)
    ]


def _leaves(node: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(node, Mapping):
        for key, value in node.items():
            yield from _leaves(value, f"{path}.{key}" if path else str(key))
    elif isinstance(node, list):
        for i, value in enumerate(node):
            yield from _leaves(value, f"{path}[{i}]")
    else:
        yield path, node
