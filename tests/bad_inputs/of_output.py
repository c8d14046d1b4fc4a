"""Bad inputs to data sets, figures, the report and the dashboard."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import optuna

from optuna_mi.dashboard import publish
from optuna_mi.datasets import load_dataset
from optuna_mi.information import mi_sample_size_curve
from optuna_mi.report import trial_table, write_report
from optuna_mi.visualization import (
    plot_decay_curve,
    plot_dilations,
    plot_ihyll,
    plot_mi_sample_size,
    plot_training,
)
from tests.bad_inputs.table import OBJECT, Table, whole
from tests.bad_inputs.things import analysis, curve, finished, study

T = Table()
_FOLDER = Path(tempfile.mkdtemp())


def _npy(file: str, values: Any, *, pickle: bool = False) -> Path:
    path = _FOLDER / file
    np.save(path, values, allow_pickle=pickle)
    return path


def _text(file: str, content: bytes) -> Path:
    path = _FOLDER / file
    path.write_bytes(content)
    return path


_HEADER = "{'descr': '<i8', 'fortran_order': False, 'shape': (1000000000000,), }".ljust(117) + "\n"
_HEAD = b"\x93NUMPY\x01\x00" + len(_HEADER).to_bytes(2, "little") + _HEADER.encode()
_FILES = ("huge.npy", "a.npy", "cut.npy", "empty.npy", "complex.npy", "time.npy", "cube.npy", "nan.npy",
          "short.npy", "one.npy", "none.npy", "zero.npy", "object.npy", "empty.txt", "a.txt",
          "b.txt", "c.txt", "a.csv", "b.csv", "c.csv", "d.csv", "e.csv", "f.csv", "negative.npy")
_stream = np.arange(2000) % 5
T.sweep("load_dataset", load_dataset, None, words=("Unknown", "data set", "file", *_FILES),
        name=(None, 5, True, b"digits", "no-such-set", ["digits"], _FOLDER, _FOLDER / "none.txt",
              _text("huge.npy", _HEAD + bytes(80)), _text("empty.txt", b""), _text("a.txt", b"abc"),
              _text("b.txt", b"a" * 5000), _text("c.txt", b"\xff\xfe\xff" * 999),
              _text("a.npy", b"no array"), _text("cut.npy", _HEAD[:40]), _text("empty.npy", b""),
              _text("a.csv", b"a,b\nc,d\n"), _text("b.csv", b"\n\n"), _text("c.csv", b"\xff\xfe,1\n"),
              _text("d.csv", b"1.5,2\n" * 999), _text("e.csv", b"-1,2\n" * 999),
              _text("f.csv", b'1,"2\n' * 9),
              _npy("complex.npy", _stream + 1j), _npy("negative.npy", _stream - 3),
              _npy("time.npy", _stream.astype("datetime64[D]")), _npy("cube.npy", _stream.reshape(2, 2, -1)),
              _npy("nan.npy", np.where(_stream == 3, np.nan, _stream)), _npy("short.npy", _stream[:9]),
              _npy("one.npy", _stream * 0), _npy("none.npy", _stream[:0]),
              _npy("zero.npy", np.array(5)),
              _npy("object.npy", np.array([1, None], dtype=object), pickle=True)))
T.sweep("load_dataset of a text", load_dataset, lambda: {"name": _text("t.txt", b"abcab" * 999)},
        unit=("nope", 5, True, ["char"]))
T.sweep("load_dataset of a table", load_dataset,
        lambda: {"name": _text("table.csv", b"day,y,who\n" + b"".join(b"%d,%d,a\n" % (i, i % 5) for i in range(400)))},
        column=("nope", 5, [5], True), time_column=("nope", 5), id_column=("nope", 5), label_column=("nope", 5),
        rows=("nope", 5), encoding=("nope", 5), decimal=("nope", 5, "x"), words=("column",))
T.add("load_dataset", "unit", "char of digits", lambda: load_dataset("digits", unit="char"))
T.add("load_dataset", "unit", "char of numbers",
      lambda: load_dataset(_npy("stream.npy", _stream), unit="char"))


def _multi() -> optuna.Study:
    return study(directions=["minimize", "minimize"])


_STUDY: tuple[Any, ...] = (*OBJECT, curve(), _multi(), finished().trials[0])
_points = (*whole(), 5)
T.sweep("plot_decay_curve", plot_decay_curve, lambda: {"curve": curve()}, curve=(*OBJECT, analysis()),
        analysis=(5, "text", curve()), max_points=_points,
        dilations=("12", 5, [0], [-1], [2.5], ["2"], {"a": [0]}, {"a": 5}, [None], [True]))
T.sweep("plot_dilations", plot_dilations, lambda: {"study": finished()}, study=_STUDY, n=whole(),
        words=("objectives",))
T.sweep("plot_ihyll", plot_ihyll, lambda: {"study": finished()}, study=_STUDY, max_points=whole(),
        words=("objectives",))
T.sweep("plot_training", plot_training, lambda: {"trial": finished().trials[0]},
        trial=(*OBJECT, {}, {"a": 5}, finished(), curve()), target_name=(None, 5), max_points=_points)
T.sweep("plot_mi_sample_size", plot_mi_sample_size, None,
        curve=(*OBJECT, curve(), mi_sample_size_curve))
T.sweep("trial_table", trial_table, lambda: {"study": finished()}, study=_STUDY, n=whole(),
        words=("objectives",))
T.sweep("write_report", write_report, lambda: {"study": finished(), "path": _FOLDER / "r.html"},
        study=_STUDY, path=(None, 5, True, _FOLDER, _FOLDER / "no" / "r.html"),
        analysis=(5, "text", curve()), words=("objectives", "folder"))
T.sweep("publish", publish, lambda: {"study": finished()}, study=_STUDY,
        analysis=(5, "text", curve()), artifact_store=("folder", 5, Path("folder")), metric=(5, True, ["a"]),
        words=("objectives",))
T.stays_valid("plot_decay_curve", plot_decay_curve, lambda: {"curve": curve()}, analysis=analysis(),
              dilations=np.array([1, 2]), max_points=np.int64(100))
T.stays_valid("trial_table", trial_table, lambda: {"study": finished()}, n=np.int64(3))
