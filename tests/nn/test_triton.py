"""Triton's kernels: in its interpreter, compiled for cards that are not here, and on one."""

from __future__ import annotations

import copy
import importlib.util
import os
import re
import subprocess
import sys
from importlib import import_module

import pytest
import torch

from optuna_mi.nn import (
    DilatedRNN,
    DilatedRNNClassifier,
    DilatedRNNLanguageModel,
    DilatedRNNPopulation,
    _triton_fits,
)
from optuna_mi.nn._positions import plan_stack
from optuna_mi.nn._precision import operands
from optuna_mi.nn._recurrence_op import GATES, dilated_recurrence, full_plan

from .comparison import BACKENDS, Backend, compare_with_naive

# Few sizes: on a card each takes a compiler's seconds for every kernel.
CELLS = ["rnn", "gru", "lstm"]
INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"
DEVICE = "cuda" if torch.cuda.is_available() and not INTERPRETED else "cpu"

has_triton = pytest.mark.skipif(
    importlib.util.find_spec("triton") is None, reason="Triton is not installed"
)
# On a card, or in the interpreter, where test_in_the_interpreter runs them.
runs_kernels = [
    pytest.mark.gpu,
    pytest.mark.skipif(DEVICE == "cpu" and not INTERPRETED, reason="needs a GPU"),
]


@pytest.fixture
def exact():
    """Products in full float32."""
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    yield
    torch.backends.cudnn.allow_tf32 = before


@has_triton
@pytest.mark.skipif(INTERPRETED, reason="this is the interpreter")
def test_in_the_interpreter() -> None:
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider"]
    # The sigmoid of a large negative number takes 1 / inf.
    command += ["-W", "ignore::RuntimeWarning", "-m", "gpu", __file__]
    environment = {**os.environ, "TRITON_INTERPRET": "1", "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stdout[-4000:]
    assert " skipped" not in done.stdout.splitlines()[-1]


@pytest.mark.parametrize(
    ("dilations", "sizes", "length", "batch", "need", "carried"),
    [
        ((1, 2, 4), 5, 8, 3, "all", False),  # steps divisible by every dilation
        ((3, 1, 7), (5, 17, 20), 10, 6, "all", True),  # by none but 1; sizes a layer; two programs
        ((1, 13, 5), 5, 9, 2, 2, True),  # larger than the steps; a pruned plan
        ((2, 3, 9), 20, 10, 2, "last", False),
    ],
)
@pytest.mark.parametrize("cell", CELLS)
class TestOnOneDevice:
    pytestmark = runs_kernels

    def test_equals_the_equations(
        self, cell, dilations, sizes, length, batch, need, carried, exact, monkeypatch
    ) -> None:
        # On a card a product is three of TF32, and exponentials are the card's own.
        errors = (1e-5, 3e-5) if INTERPRETED else (5e-5, 2e-4)
        backend = Backend(torch.float32, *errors, DEVICE)
        monkeypatch.setitem(BACKENDS, "triton", backend)
        compare_with_naive("triton", cell, dilations, sizes, length, batch, need, carried, True)


class TestKernels:
    pytestmark = runs_kernels

    # Above 64 the weights stream; half precision has its own operands and scaled gradients.
    @pytest.mark.parametrize(
        ("size", "kind", "tolerance"),
        [
            (20, "float32", 5e-5),
            (100, "float32", 5e-5),
            (50, "float16", 2e-3),
            (50, "bfloat16", 2e-2),
            (100, "bfloat16", 2e-2),
            (200, "float16", 2e-3),
        ],
    )
    @pytest.mark.parametrize("cell", CELLS)
    def test_models_at_once(self, cell, size, kind, tolerance) -> None:
        """Three models of different dilations, one of them pruned, with a start."""
        from optuna_mi.nn._triton import recurrence

        torch.manual_seed(0)
        plans = (full_plan(6, 2), full_plan(5, 9), plan_stack(9, (4, 6), 1).layers[0])
        lanes, batch, width = 7, 4, GATES[cell] * size  # two more lanes than any plan has
        inputs = [
            torch.randn(3, 6, batch, width),
            torch.randn(3, width, size) / size**0.5,
            torch.randn(3, width),
            torch.rand(3, lanes, batch, size),
            *([torch.randn(3, lanes, batch, size)] if cell == "lstm" else []),
        ]
        # As small as a mean over many examples makes them: half precision would flush them.
        weights = torch.randn(2, 3, 6, batch, size) * 1e-7

        def run(function, dtype, device, *kind):
            given = [v.to(device, dtype).requires_grad_() for v in inputs]
            starts = (*given[3:], None)[:2]
            outputs = [
                y for y in function(cell, *given[:3], plans, *starts, *kind) if y is not None
            ]
            loss = sum((y * w.to(y)).sum() for y, w in zip(outputs, weights, strict=False))
            found = [*outputs, *torch.autograd.grad(loss, given)]
            return [f.detach().cpu().double() for f in found]

        expected = run(dilated_recurrence, torch.float64, "cpu")
        for f, e in zip(run(recurrence, torch.float32, DEVICE, kind), expected, strict=True):
            assert (f - e).norm() <= tolerance * e.norm()

    @pytest.mark.skipif(not INTERPRETED, reason="the interpreter's loads are looked at")
    @pytest.mark.parametrize("cell", CELLS)
    def test_nothing_is_read_or_written_beside_the_tensors(self, cell, monkeypatch) -> None:
        """Rows without a step: the last program's, and those of models with fewer lanes."""
        from triton.runtime.interpreter import interpreter_builder

        from optuna_mi.nn import _triton

        ranges, launch = [], _triton._Launch.__call__

        def noted(self, kernel, *arguments, **settings):
            ranges[:] = [(t.data_ptr(), t.data_ptr() + t.nbytes) for t in arguments]
            ranges.extend((t.data_ptr(), t.data_ptr() + t.nbytes) for t in self[:2])
            launch(self, kernel, *arguments, **settings)

        def checked(access):
            def run(pointers, *more, **named):
                mask = next(m for m in more if m.data.dtype == bool)
                at = pointers.data[mask.data.astype(bool)].astype("int64")
                inside = sum((at >= first) & (at < end) for first, end in set(ranges))
                assert (inside == 1).all()
                return access(pointers, *more, **named)

            return run

        monkeypatch.setattr(_triton._Launch, "__call__", noted)
        for name in ("create_masked_load", "create_masked_store"):
            monkeypatch.setattr(
                interpreter_builder, name, checked(getattr(interpreter_builder, name))
            )
        for plans in ((full_plan(3, 9),), (full_plan(9, 9), full_plan(9, 1))):
            n, width = len(plans[0].positions), GATES[cell] * 5
            inputs = [(len(plans), n, 19, width), (len(plans), width, 5), (len(plans), width)]
            given = [torch.randn(shape, requires_grad=True) for shape in inputs]
            y, _ = _triton.recurrence(cell, *given, plans, None, None)
            y.sum().backward()

    @pytest.mark.parametrize("cell", CELLS)
    def test_memory_that_starts_anywhere_is_no_other_kernel(self, cell, monkeypatch) -> None:
        """States and gradients that are views; Triton would compile for unaligned ones anew."""
        from optuna_mi.nn import _triton

        launch = _triton._Launch.__call__

        def noted(self, kernel, *arguments, **settings):
            assert not any(t.data_ptr() % _triton.ALIGNMENT for t in (*arguments, *self[:2]))
            launch(self, kernel, *arguments, **settings)

        monkeypatch.setattr(_triton._Launch, "__call__", noted)
        rnn = DilatedRNN(3, 5, (1, 2), cell=cell, backend="triton").to(DEVICE)
        _, state = rnn(torch.randn(4, 3, 3, device=DEVICE))  # rows of 60 bytes
        y, _ = rnn(torch.randn(4, 3, 3, device=DEVICE), state)
        gradient = torch.randn(61, device=DEVICE)[1:].view(4, 3, 5)
        y.backward(gradient)

    def test_autocast_returns_what_was_asked_for(self) -> None:
        rnn = DilatedRNN(3, 8, (1, 2), cell="lstm", backend="triton").to(DEVICE)
        for dtype in (torch.bfloat16, torch.float16):
            with torch.autocast(DEVICE, dtype):
                y, state = rnn(torch.randn(5, 2, 3, device=DEVICE))
                y, _ = rnn(torch.randn(5, 2, 3, device=DEVICE), state)
            assert y.dtype == dtype
            y.float().sum().backward()
            gradients = [p.grad for p in rnn.parameters()]
            assert all(g.dtype == torch.float32 and g.isfinite().all() for g in gradients)

    def test_a_backward_pass_within_autocast_keeps_its_precision(self) -> None:
        rnn = DilatedRNN(3, 16, (1, 2), backend="triton").to(DEVICE)
        y, _ = rnn(torch.randn(5, 2, 3, device=DEVICE))
        weights = [layer.cell.weight_hh_l0 for layer in rnn.layers][-1:]  # nothing lies above it
        found = []
        for enabled in (False, True):
            with torch.autocast(DEVICE, torch.bfloat16, enabled=enabled):
                found += torch.autograd.grad(y.square().sum(), weights, retain_graph=True)
        assert torch.equal(*found)

    def test_same_bits_twice(self) -> None:
        rnn = DilatedRNN(3, 5, (1, 3), backend="triton").to(DEVICE)
        x = torch.randn(8, 20, 3, device=DEVICE)

        def run():
            y, _ = rnn(x)
            return [y, *torch.autograd.grad(y.square().sum(), list(rnn.parameters()))]

        assert all(torch.equal(a, b) for a, b in zip(run(), run(), strict=True))

    @pytest.mark.parametrize("cell", CELLS)
    def test_saturation_and_nan(self, cell) -> None:
        rnn = DilatedRNN(3, 5, (1, 2), cell=cell, backend="triton").to(DEVICE)
        x = torch.full((4, 5, 3), 1e4, device=DEVICE)
        y, _ = rnn(x)
        assert (y.abs() <= 1).all()
        x[1, 3, 1] = float("nan")
        y, _ = rnn(x)
        assert y[1:, 3].isnan().all()  # a NaN must not be clamped away
        assert y[:, :3].isfinite().all()

    def test_second_derivatives_are_refused(self) -> None:
        rnn = DilatedRNN(3, 5, (1, 2), backend="triton").to(DEVICE)
        y, _ = rnn(torch.randn(4, 2, 3, device=DEVICE))
        with pytest.raises(RuntimeError, match="second derivatives"):
            torch.autograd.grad(y.sum(), list(rnn.parameters()), create_graph=True)

    def test_check_finds_a_fault(self, monkeypatch) -> None:
        from optuna_mi.nn import _triton_check

        device = torch.device(DEVICE)
        monkeypatch.setattr(_triton_check, "BATCH", 3)
        assert _triton_check.largest_error("rnn", 5, "float32", torch.float32, device) < 1e-4
        right = _triton_check.recurrence
        # Every step but the last is stored at one address: what a miscompiled loop did.
        monkeypatch.setattr(
            _triton_check,
            "recurrence",
            lambda *arguments: tuple(
                y if y is None else y * (torch.arange(y.shape[1]) == 0).to(y)[:, None, None]
                for y in right(*arguments)
            ),
        )
        assert _triton_check.largest_error("rnn", 5, "float32", torch.float32, device) > 0.1


@pytest.mark.parametrize("cell", CELLS)
class TestPopulation:
    pytestmark = runs_kernels

    def test_of_different_depths_on_pruned_positions(self, cell, exact) -> None:
        torch.manual_seed(0)
        alone = [
            DilatedRNNClassifier(2, 5, d, 3, cell=cell, residual=True, backend="triton")
            for d in ((1, 2, 4), (2, 1), (1, 3, 2, 5))
        ]
        population = DilatedRNNPopulation(copy.deepcopy(alone)).to(DEVICE)
        x = torch.randn(3, 14, 4, 2)
        scores = population(x.to(DEVICE))
        scores.square().sum().backward()
        for k, network in enumerate(alone):
            network.rnn.backend = "views"
            expected = network(x[k])
            expected.square().sum().backward()
            torch.testing.assert_close(scores[k].cpu(), expected, rtol=1e-4, atol=1e-5)
            names = {id(p): name for name, p in population.model(k).named_parameters()}
            for parameter, found in population.views(k, population.weights.grad):
                theirs = network.get_parameter(names[id(parameter)]).grad
                torch.testing.assert_close(found.cpu(), theirs, rtol=1e-3, atol=1e-4)

    def test_states_of_different_dilations_go_on(self, cell, exact) -> None:
        torch.manual_seed(0)
        alone = [
            DilatedRNNLanguageModel(5, 3, 5, d, cell=cell, backend="triton")
            for d in ((1, 2, 4), (2, 9))  # 9 is more than the steps of one call
        ]
        population = DilatedRNNPopulation(copy.deepcopy(alone)).to(DEVICE)
        tokens = torch.randint(5, (2, 12, 3))
        _, state = population(tokens[:, :5].to(DEVICE))
        logits, _ = population(tokens[:, 5:].to(DEVICE), state)
        for k, network in enumerate(alone):
            network.rnn.backend = "views"
            _, own = network(tokens[k, :5])
            expected, _ = network(tokens[k, 5:], own)
            torch.testing.assert_close(logits[k].cpu(), expected, rtol=1e-4, atol=1e-5)


@has_triton
@pytest.mark.skipif(INTERPRETED, reason="the interpreter compiles nothing")
@pytest.mark.parametrize("size", [20, 50, 64, 256])
@pytest.mark.parametrize("cell", CELLS)
def test_compiles_without_a_card(cell, size, tmp_path, monkeypatch) -> None:
    """For Ampere and Hopper; the recurrences of small sizes keep everything in registers."""
    import triton
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    from optuna_mi.nn._triton import settings

    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))  # to compile, not to load
    kind = operands("cuda", size)
    pointers = {"starts": "*i32", "lengths": "*i32", "weight": "*fp16" if size > 64 else "*fp32"}
    for direction in ("forward", "backward"):
        kernel = getattr(import_module(f"optuna_mi.nn._triton_{cell}"), direction)
        constants = settings(size, kind)
        options = {name: constants.pop(name) for name in ("num_warps", "enable_fp_fusion")}
        constants |= {"SAVE": True, "HAS_GCELLS": True, "SCALE": kind == "float16"}
        signature, values, aligned = {}, {}, {}
        for i, name in enumerate(kernel.arg_names):
            if name in constants:
                signature[name], values[(i,)] = "constexpr", constants[name]
            elif name in ("batch", "n_rows", "n_steps", "n_lanes"):
                signature[name] = "i32"
            else:
                signature[name] = pointers.get(name, "*fp32")
                aligned[(i,)] = [["tt.divisibility", 16]]
        for capability in (80, 90):
            compiled = triton.compile(
                ASTSource(kernel, signature, values, aligned),
                target=GPUTarget("cuda", capability, 32),
                options=options,
            )
            assert compiled.metadata.shared <= 99 * 1024  # what the smallest card of sm_86 has
            if size <= 64:
                assert spilled_bytes(compiled.asm["ptx"], tmp_path) == 0


def spilled_bytes(ptx: str, folder) -> int:
    """What the assembler says of a kernel: one of two comes with Triton for it."""
    import triton

    (folder / "kernel.ptx").write_text(ptx)
    architecture = re.search(r"\.target (sm_\w+)", ptx)[1]
    for name in ("ptxas", "ptxas-blackwell"):
        tool = os.path.join(os.path.dirname(triton.__file__), "backends/nvidia/bin", name)
        command = [tool, "-v", f"-arch={architecture}", str(folder / "kernel.ptx")]
        done = subprocess.run([*command, "-o", os.devnull], capture_output=True, text=True)
        if done.returncode == 0:
            return sum(int(n) for n in re.findall(r"(\d+) bytes spill stores", done.stderr))
    raise AssertionError(done.stderr)


class TestChoice:
    """What is asked of Triton's kernels, and why not; no card needed."""

    def test_explicit_where_it_cannot_run_says_why(self) -> None:
        if INTERPRETED:
            pytest.skip("the interpreter runs on the CPU")
        rnn = DilatedRNN(3, 4, (1, 2), backend="triton")
        with pytest.raises(ValueError, match=r'backend="triton" cannot run this: .*backend="auto"'):
            rnn(torch.zeros(4, 2, 3))

    @pytest.mark.parametrize(
        ("size", "dtype", "tf32", "word"),
        [
            (257, torch.float32, True, "above 256"),
            (16, torch.float64, True, "float32 parameters"),
            (129, torch.float32, False, "allow_tf32"),
        ],
    )
    def test_reasons(self, size, dtype, tf32, word, monkeypatch) -> None:
        monkeypatch.setattr(_triton_fits, "_missing", lambda device: None)
        monkeypatch.setattr(_triton_fits, "operands", lambda *_: "float16" if tf32 else "float32")
        x = torch.zeros(1, dtype=dtype)
        assert word in _triton_fits.why_not_triton("gru", [size], x, x)
        assert _triton_fits.why_not_triton("gru", [16, 128], x.float(), x.float()) is None

    def test_each_dtype_of_the_inputs_is_another_kernel_to_check(self, monkeypatch) -> None:
        """Large sizes multiply in float16 with and without autocast."""
        monkeypatch.setattr(_triton_fits, "_missing", lambda device: None)
        monkeypatch.setattr(_triton_fits, "_fault", lambda *key: checked.append(key[3]))
        monkeypatch.setattr(torch.cuda, "is_current_stream_capturing", lambda: False)
        checked: list[torch.dtype] = []

        class Cuda:
            dtype, device = torch.float32, torch.device("cuda")

        for half in (None, torch.float16, torch.bfloat16):
            monkeypatch.setattr(_triton_fits, "autocast_dtype", lambda device, half=half: half)
            assert _triton_fits.why_not_triton("gru", [100], Cuda, Cuda) is None
        assert checked == [torch.float32, torch.float16, torch.bfloat16]

    @pytest.mark.parametrize("wrong", ["nan", "0.5", "raises"])
    def test_a_fault_is_warned_of_once_and_costs_nothing_else(self, wrong, monkeypatch) -> None:
        pytest.importorskip("triton")
        from optuna_mi.nn import _triton_check

        def largest_error(*_):
            if wrong == "raises":
                raise RuntimeError("ptxas fell over\n" + 1000 * "here ")
            return float(wrong)

        monkeypatch.setattr(_triton_check, "largest_error", largest_error)
        monkeypatch.setattr(_triton_fits, "_checked", {})
        monkeypatch.setattr(_triton_fits, "_warned", set())
        monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "some card")
        said = []
        monkeypatch.setattr(_triton_fits._logger, "warning", lambda *words: said.append(words))
        for size in (20, 20, 30):
            fault = _triton_fits._fault("gru", size, "tf32", torch.float32, torch.device("cuda:0"))
            assert fault is not None
        assert len(said) == 1
        (line,) = (words[0] % words[1:] for words in said)
        assert len(line) < 600
        assert "\n" not in line

    def test_operands_follow_what_pytorch_was_told(self, exact) -> None:
        assert operands("cuda", 20) == "float32"
        torch.backends.cudnn.allow_tf32 = True
        assert operands("cuda", 20) == "tf32"
        assert operands("cuda", 100) == "float16"
        with torch.autocast("cpu", torch.bfloat16):
            assert operands("cpu", 20) == "bfloat16"
