"""Optuna's gRPC proxy, waited for while it is restarted."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from typing import Any

import grpc
from optuna.exceptions import ExperimentalWarning, UpdateFinishedTrialError
from optuna.storages import GrpcStorageProxy
from optuna.storages._grpc.auto_generated import api_pb2_grpc
from optuna.storages._grpc.client import GrpcClientCache
from optuna.trial import TrialState

from optuna_mi._logging import get_logger

_logger = get_logger(__name__)

_WAIT_SECONDS = 600
_PAUSE_SECONDS = 1.0
_OPTIONS = [
    ("grpc.max_receive_message_length", -1),
    # Left to itself a channel tries again after up to two minutes.
    ("grpc.max_reconnect_backoff_ms", 1000),
]


class WaitingGrpcStorage(GrpcStorageProxy):
    """A client that asks again until the proxy is back, for ten minutes at most.

    The proxy has no heartbeat: a trial that an outage took from its worker would stay running.
    """

    def _setup(self) -> None:
        channel = grpc.insecure_channel(f"{self._host}:{self._port}", options=_OPTIONS)
        self._channel = channel
        waits = _Waits(f"{self._host}:{self._port}")
        intercepted = grpc.intercept_channel(channel, waits)
        self._stub = api_pb2_grpc.StorageServiceStub(intercepted)  # type: ignore[no-untyped-call]
        self._cache = GrpcClientCache(self._stub)

    def set_trial_state_values(self, trial_id: int, state: TrialState, values: Any = None) -> bool:
        """Set a trial's state; see :meth:`optuna.storages.BaseStorage.set_trial_state_values`."""
        try:
            return super().set_trial_state_values(trial_id, state, values)
        except UpdateFinishedTrialError:
            # The proxy may have done it, and have died before it said so.
            trial = self.get_trial(trial_id)
            if trial.state == state and list(trial.values or []) == list(values or []):
                return True
            raise


class _Waits(grpc.UnaryUnaryClientInterceptor):  # type: ignore[misc]
    def __init__(self, address: str) -> None:
        self._address = address

    def intercept_unary_unary(
        self, continuation: Callable[[Any, Any], Any], details: Any, request: Any
    ) -> Any:
        """Call until the server answers."""
        until = time.monotonic() + _WAIT_SECONDS
        warned = False
        while True:
            call = continuation(details, request)
            if call.code() != grpc.StatusCode.UNAVAILABLE or time.monotonic() > until:
                return call
            if not warned:
                warned = True
                _logger.warning(f"The storage grpc://{self._address} does not answer; waiting")
            time.sleep(_PAUSE_SECONDS)


def open_grpc(host: str, port: int, timeout: float = 30.0) -> WaitingGrpcStorage:
    """Return the storage behind a proxy.

    Raises:
        ConnectionError: Nothing answers there.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        storage = WaitingGrpcStorage(host=host, port=port)
    try:
        storage.wait_server_ready(timeout=timeout)
    except ConnectionError:
        storage.close()
        raise ConnectionError(
            f"No gRPC proxy answers at {host}:{port}: start one with "
            "optuna.storages.run_grpc_proxy_server"
        ) from None
    return storage
