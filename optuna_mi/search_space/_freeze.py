from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from optuna_mi._attributes import FINGERPRINT_ATTR, SPACE_ATTR
from optuna_mi.exceptions import SpaceMismatchError
from optuna_mi.search_space._json import TOLD, space_to_dict

if TYPE_CHECKING:
    from optuna.study import Study

    from optuna_mi.search_space._space import DilationSpace


_REMEDY = "Use DilationSpace.from_study(study), or give this search another study name."


def _attrs(study: Study) -> dict[str, Any]:
    # Under Hyperband the samplers' hooks get a study without user_attrs.
    return study._storage.get_study_user_attrs(study._study_id)


def freeze(space: DilationSpace, study: Study) -> None:
    """Write the space into the study if it has none, and check it either way.

    Of two creators at once with different spaces the last to write wins; the other one gets the
    error, here or with its first trial. The attribute with the space is the truth, written at
    once; the one with the fingerprint follows it.
    """
    storage, study_id = study._storage, study._study_id
    attrs = _attrs(study)
    if SPACE_ATTR not in attrs:
        storage.set_study_user_attr(study_id, SPACE_ATTR, space_to_dict(space))
        attrs = _attrs(study)
    _check(space, study, attrs)
    if attrs.get(FINGERPRINT_ATTR) != space.fingerprint:
        storage.set_study_user_attr(study_id, FINGERPRINT_ATTR, space.fingerprint)


def verify(space: DilationSpace, study: Study) -> None:
    """Raise SpaceMismatchError unless the study holds this very space."""
    _check(space, study, _attrs(study))


def _check(space: DilationSpace, study: Study, attrs: Mapping[str, Any]) -> None:
    name = study.study_name
    if SPACE_ATTR not in attrs:
        raise SpaceMismatchError(
            f"study {name!r} holds no dilation space: its creator calls space.freeze(study), "
            "the samplers of optuna_mi do it by themselves."
        )
    theirs = attrs[SPACE_ATTR]
    # The samplers come here with every trial, nearly always with the very same space.
    if theirs == space._record:
        return
    if not isinstance(theirs, Mapping):
        raise SpaceMismatchError(
            f"study {name!r} holds no dilation space but {str(theirs)[:50]!r} in its attribute "
            f"{SPACE_ATTR}, which somebody has changed: give this search another study name."
        )
    changes = _differences(theirs, space._record)
    if changes:
        raise SpaceMismatchError(
            f"study {name!r} was made for another dilation space:\n"
            + "\n".join(changes)
            + f"\n{_REMEDY}"
        )


def _differences(theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> list[str]:
    # What readers are told may be worded differently; it decides nothing.
    old, new = (
        dict(_leaves({k: v for k, v in side.items() if k not in TOLD})) for side in (theirs, ours)
    )
    return [
        f"  {key}: the study has {old.get(key, 'nothing')}, yours {new.get(key, 'nothing')}"
        for key in sorted(set(old) | set(new))
        if old.get(key) != new.get(key)
    ]


def frozen_json(study: Study) -> str:
    """Return the JSON of the space that the study holds."""
    attrs = _attrs(study)
    if SPACE_ATTR not in attrs:
        raise SpaceMismatchError(
            f"study {study.study_name!r} holds no dilation space: make it with a sampler of "
            "optuna_mi or call space.freeze(study)."
        )
    return json.dumps(attrs[SPACE_ATTR])


def _leaves(node: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(node, Mapping):
        for key, value in node.items():
            yield from _leaves(value, f"{path}.{key}" if path else str(key))
    elif isinstance(node, list):
        for i, value in enumerate(node):
            yield from _leaves(value, f"{path}[{i}]")
    else:
        yield path, node
