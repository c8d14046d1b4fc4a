import importlib
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"
SCRIPTS = sorted(
    str(path.relative_to(FOLDER.parent).with_suffix("")).replace("/", ".")
    for path in FOLDER.rglob("*.py")
    if '__name__ == "__main__"' in path.read_text()
)


@pytest.mark.parametrize("name", SCRIPTS)
def test_help_is_said_and_nothing_started(name, monkeypatch, capsys):
    module = importlib.import_module(name)
    monkeypatch.setattr("sys.argv", [name, "--help"])
    with pytest.raises(SystemExit, match=r"^0$"):
        module.main()
    assert (module.__doc__ or "").split()[0] in capsys.readouterr().out
