from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from optuna_mi.exceptions import SpaceMismatchError
from optuna_mi.search_space._json import space_to_dict

if TYPE_CHECKING:
    from optuna.study import Study

    from optuna_mi.search_space._space import DilationSpace

SPACE_ATTR = "mi:space"
FINGERPRINT_ATTR = "mi:fingerprint"

_REMEDY = "Use DilationSpace.from_study(study), or give this search another study name."


def _attrs(study: Study) -> dict[str, Any]:
    # Under Hyperband the samplers' hooks get a study without user_attrs.
    return study._storage.get_study_user_attrs(study._study_id)


def freeze(space: DilationSpace, study: Study) -> None:
    """Write the space into the study if it has none, and check it either way."""
    if FINGERPRINT_ATTR not in _attrs(study):
        storage, study_id = study._storage, study._study_id
        # The fingerprint last: whoever sees it finds the space there.
        storage.set_study_user_attr(study_id, SPACE_ATTR, space_to_dict(space))
        storage.set_study_user_attr(study_id, FINGERPRINT_ATTR, space.fingerprint)
    verify(space, study)


def verify(space: DilationSpace, study: Study) -> None:
    """Raise SpaceMismatchError unless the study holds this very space."""
    attrs = _attrs(study)
    if attrs.get(FINGERPRINT_ATTR) == space.fingerprint:
        return
    name = study.study_name
    if SPACE_ATTR not in attrs:
        raise SpaceMismatchError(
            f"study {name!r} holds no dilation space: its creator calls space.freeze(study), "
            "the samplers of optuna_mi do it by themselves."
        )
    theirs, ours = dict(_leaves(attrs[SPACE_ATTR])), dict(_leaves(space_to_dict(space)))
    changes = [
        f"  {key}: the study has {theirs.get(key, 'nothing')}, yours {ours.get(key, 'nothing')}"
        for key in sorted(set(theirs) | set(ours))
        if theirs.get(key) != ours.get(key) and not key.startswith(("reason", "notes"))
    ]
    raise SpaceMismatchError(
        f"study {name!r} was made for another dilation space:\n"
        + "\n".join(changes)
        + f"\n{_REMEDY}"
    )


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
