"""Where CPU-heavy work runs: in processes of this machine, or on a Dask cluster where DASK_SCHEDULER names one."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager

from adapters.errors import ConfigError
from ops.settings import Settings

MOST_PROCESSES = 8


@contextmanager
def executor(settings: Settings) -> Iterator[Executor]:
    """Raises adapters.errors.ConfigError where the cluster cannot be used."""
    if settings.dask_scheduler is not None:
        with _cluster(settings.dask_scheduler) as pool:
            yield pool
        return
    with here() as pool:
        yield pool


@contextmanager
def here() -> Iterator[Executor]:
    """Processes of this machine, whatever the settings say."""
    processes = min(os.cpu_count() or 1, MOST_PROCESSES)
    # A forked child would share this process's connections and threads' locks.
    with ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield pool


@contextmanager
def _cluster(address: str) -> Iterator[Executor]:
    try:
        from distributed import Client
    except ImportError as error:
        raise ConfigError(
            "DASK_SCHEDULER is set, but Dask is not installed: pip install distributed", setting="DASK_SCHEDULER"
        ) from error
    try:
        client = Client(address, timeout=10)
    except OSError as error:
        raise ConfigError(
            f"DASK_SCHEDULER: no Dask scheduler answers at {address} ({error}).", setting="DASK_SCHEDULER"
        ) from error
    with client:
        yield client.get_executor()
