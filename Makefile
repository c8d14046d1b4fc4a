# The plain commands behind each target stand in README.md.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: search test test-gpu test-kernels test-integrations coverage docs clean

$(BIN)/optuna-mi: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install torch==2.13.0
	$(BIN)/pip install -c constraints.txt -e ".[datasets,dashboard]"
	touch $@

search: $(BIN)/optuna-mi
	$(BIN)/optuna-mi search

$(VENV)/tested: $(BIN)/optuna-mi
	$(BIN)/pip install -c constraints.txt -e ".[dev]"
	touch $@

test: $(VENV)/tested
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest

# A gigabyte: Triton's kernels in its interpreter, and compiled for cards that are not here.
test-kernels: $(VENV)/tested
	# torch's CUDA wheels bring their own
	$(BIN)/python -c "import triton" || $(BIN)/pip install triton==3.9.0
	$(BIN)/pytest tests/nn/test_triton.py

# Everything that needs a GPU, with whatever torch and pytest are there: PYTHON names the interpreter.
# In three processes: what spoils one, or hangs in it, leaves the others. A line a test, as it ends.
test-gpu:
	@failed=0; for part in nn gpu "training tests/benchmarks"; do \
		timeout -k 10 240 $(PYTHON) -m pytest -v -p no:cacheprovider -m gpu -W default --durations=5 \
			-o faulthandler_timeout=90 \
			$$(grep -rl "mark.gpu" tests/$$part --include='test_*.py' | sort) || failed=1; \
	done; exit $$failed

# Lightning, Hugging Face, neuralforecast and Ray weigh as much as all the rest together.
test-integrations: $(VENV)/tested
	$(BIN)/pip install -c constraints.txt -e ".[engines,lightning,transformers,neuralforecast]" statsmodels optunahub
	# UCR and UEA sets lie in aeon's wheel; the tests read them there and import nothing of it.
	$(BIN)/pip install -c constraints.txt --no-deps aeon
	$(BIN)/pytest tests/integrations optuna_mi/integrations tests/datasets/test_ucr.py
	$(BIN)/pytest tests/test_docs.py -k "integrations or neuralforecast or engines"
	# As the registry runs them; under importlib the folder would hide the loader of the same name.
	$(BIN)/pytest --import-mode=prepend optunahub/*/*/tests

# The share of lines that the tests run. TESTS=tests/nn for a part.
coverage: CORE = $(shell $(BIN)/python -c 'import sys; print("sysmon" if sys.version_info >= (3, 12) else "ctrace")')
coverage: $(VENV)/tested
	$(BIN)/pip install -c constraints.txt pytest-cov
	COVERAGE_CORE=$(CORE) $(BIN)/pytest --cov --cov-report=term:skip-covered $(TESTS)

docs: $(VENV)/tested
	$(BIN)/pip install -c constraints.txt -e ".[docs]"
	$(BIN)/sphinx-build -W -b html docs docs/_build

clean:
	rm -rf $(VENV) build *.egg-info docs/_build
