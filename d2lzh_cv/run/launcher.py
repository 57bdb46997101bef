"""Start the processes of a distributed training, here or over ssh, and end them all when one fails.

Each process is tied to this one (:mod:`d2lzh_cv.run.tied_process`), so that all end however this one ends.
"""
from __future__ import annotations

import os
import random
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from ..compat import child
from ..engine.distributed import RANK
from ..engine.stopping import signal_handlers, sigterm_as_ctrl_c
from ..errors import InputError
from . import rundir
from .guard import INTERRUPTED

SERVE = "import d2lzh_cv, mxnet"  # this import does not return before the workers finish: MXNet serves in it
HERE, LOOPBACK = "localhost", "127.0.0.1"
SENT = ("DMLC_", "D2LZH_CV_", "MXNET_", "OMP_", "PS_", "PYTHON")  # prefixes of the variables sent to other hosts
SAVING, LEAVING = 60, 15  # seconds: for the last step and its snapshot after Ctrl-C; for servers after the last worker


@dataclass
class Plan:
    """The processes of a job and their places.

    Attributes:
        workers, servers: the numbers of processes; a scheduler comes in addition.
        hosts: take processes in turn; the scheduler runs on the first host.
        address: the address of the first host; None looks it up.
        port: the port of the scheduler; None chooses one.
    """

    workers: int
    servers: int
    hosts: Sequence[str] = (HERE,)
    address: str | None = None
    port: int | None = None

    def environment(self) -> dict[str, str]:
        """Return the environment variables that all processes of the job share."""
        address = self.address or address_of(self.hosts[0])
        port = self.port or (free_port() if self.hosts[0] == HERE else random.randint(20000, 32000))
        return {"DMLC_PS_ROOT_URI": address, "DMLC_PS_ROOT_PORT": str(port), "DMLC_NUM_WORKER": str(self.workers),
                "DMLC_NUM_SERVER": str(self.servers), "PYTHONUNBUFFERED": "1"}

    def processes(self, command: Sequence[str]) -> list[Member]:
        """Return the members of the job, not yet started; every worker runs ``command``."""
        serve = [sys.executable, "-c", SERVE]
        roles = [("scheduler", 0, serve), *(("server", i, serve) for i in range(self.servers)),
                 *(("worker", i, list(command)) for i in range(self.workers))]
        return [Member(role, number, self.hosts[number % len(self.hosts)], argv) for role, number, argv in roles]

    def threads(self) -> str:
        """Return the number of threads per worker if the workers of a host share the cores of this machine."""
        return str(max(1, (os.cpu_count() or 1) // -(-self.workers // len(self.hosts))))


class Member:
    """One process of a job."""

    def __init__(self, role: str, number: int, host: str, command: Sequence[str]) -> None:
        self.role, self.number, self.host, self.command = role, number, host, command
        self.name = role if role == "scheduler" else f"{role} {number}"
        self._process: subprocess.Popen | None = None
        self._readers: list[threading.Thread] = []

    def start(self, shared: dict[str, str]) -> None:
        """Start it with the environment ``shared`` and its own variables; pass its output on line by line."""
        environment = {**shared, "DMLC_ROLE": self.role, "DMLC_NODE_HOST": address_of(self.host)}
        if self.role == "worker":
            environment[RANK] = str(self.number)
        argv = [sys.executable, "-m", "d2lzh_cv.run.tied_process", *self.command]
        if self.host != HERE:
            argv = ["ssh", "-o", "BatchMode=yes", self.host, remote_command(argv, environment)]
        self._process = subprocess.Popen(
            argv, env=own_environment(environment), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, errors="replace", bufsize=1, start_new_session=True)
        pairs = (self._process.stdout, sys.stdout), (self._process.stderr, sys.stderr)
        self._readers = [threading.Thread(target=self._pass_on, args=pair, daemon=True) for pair in pairs]
        for reader in self._readers:
            reader.start()

    def poll(self) -> int | None:
        """Return the exit code as a shell gives it, or None if the process is not started or still runs."""
        code = self._process.poll() if self._process else None
        return code if code is None or code >= 0 else 128 - code

    def runs(self) -> bool:
        """Return whether the process is started and has not ended."""
        return self._process is not None and self.poll() is None

    def signal(self, name: str) -> None:
        """Send the signal ``name``, such as "INT", to the command and its children."""
        if self.runs():
            with suppress(BrokenPipeError):
                self._process.stdin.write(f"{name}\n")
                self._process.stdin.flush()

    def let_go(self) -> None:
        """Close its standard input: the command gets SIGTERM, and SIGKILL after a time of grace."""
        if self._process:
            with suppress(BrokenPipeError):
                self._process.stdin.close()

    def finish(self, deadline: float) -> None:
        """Wait until the process has ended and its output is written; kill it at ``deadline``, in monotonic seconds."""
        if not self._process:
            return
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(max(0.0, deadline - time.monotonic()))
        with suppress(ProcessLookupError):  # the group may still run if tied_process itself was killed
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for reader in self._readers:
            reader.join(1)

    def __str__(self) -> str:
        return self.name if self.host == HERE else f"{self.name} on {self.host}"

    def _pass_on(self, source: IO[str], target: IO[str]) -> None:
        for line in source:
            target.write(f"{self.name} | {line.rstrip()}\n")  # one write per line, so that lines do not mix
            target.flush()


def launch(plan: Plan, command: Sequence[str]) -> int:
    """Run ``command`` in every worker of ``plan``; return the exit code of the member that failed first, else 0.

    After Ctrl-C worker 0 finishes its step and saves; a second Ctrl-C stops at once.

    Raises:
        InputError: the address of a host is unknown.
    """
    members, shared = plan.processes(command), plan.environment()
    if plan.hosts[0] == HERE and plan.workers > 1:
        shared.setdefault("OMP_NUM_THREADS", os.environ.get("OMP_NUM_THREADS", plan.threads()))
    began = time.time()
    with sigterm_as_ctrl_c():
        try:
            for member in members:
                member.start(shared)
            failed, code = _watch(members)
            _end(members)
        except KeyboardInterrupt:
            failed, code = None, INTERRUPTED
            _interrupt(members)
        except BaseException:
            _end(members)
            raise
    _report_end(plan, failed, code, command, began)
    return code


def _watch(members: Sequence[Member]) -> tuple[Member | None, int]:
    """Wait until a member fails or all workers finish; return the failed member, if any, and the exit code."""
    workers, left_at = [member for member in members if member.role == "worker"], None
    while True:
        for member in sorted(members, key=lambda member: member.role != "worker"):
            if member.poll():
                return member, member.poll()
        if all(worker.poll() == 0 for worker in workers):
            left_at = left_at or time.monotonic()
            if all(member.poll() == 0 for member in members) or time.monotonic() - left_at > LEAVING:
                return None, 0
        time.sleep(0.1)


def _interrupt(members: Sequence[Member]) -> None:
    first = next(member for member in members if member.role == "worker")
    print("stopping: worker 0 finishes its step and saves (Ctrl-C again stops at once)", file=sys.stderr, flush=True)
    try:
        first.signal("INT")
        deadline = time.monotonic() + SAVING
        while first.runs() and time.monotonic() < deadline:
            time.sleep(0.1)
    except KeyboardInterrupt:
        pass
    _end(members)


def _end(members: Sequence[Member]) -> None:
    from .tied_process import GRACE
    with signal_handlers({signal.SIGINT: signal.SIG_IGN}):  # another Ctrl-C must not leave a process running
        for member in members:
            member.let_go()
        deadline = time.monotonic() + GRACE + 2
        for member in members:
            member.finish(deadline)


def _report_end(plan: Plan, failed: Member | None, code: int, command: Sequence[str], began: float) -> None:
    if failed is not None:
        killed = signal.Signals(code - 128).name if code > 128 and code - 128 in set(signal.Signals) else None
        how = f"was killed ({killed})" if killed else f"failed with exit code {code}"
        print(f"{failed} {how}; all others were ended", file=sys.stderr)
    if code and _has_snapshot(command, began):
        hosts = ["--hosts", "FILE"] if any(host != HERE for host in plan.hosts) else []
        again = [*command, *["--resume"] * ("--resume" not in command)]
        print("to resume from the last snapshot: " + shlex.join(
            ["d2lzh-cv", "launch", "-n", str(plan.workers), "-s", str(plan.servers), *hosts, "--", *again]),
            file=sys.stderr)


def _has_snapshot(command: Sequence[str], began: float) -> bool:
    """Return whether worker 0 has a snapshot on this machine, from this job or from the run that it resumed."""
    folders = [value for word, value in zip(command, command[1:]) if word == "--out"]
    folders += [word.partition("=")[2] for word in command if word.startswith("--out=")]
    out = Path(folders[-1]) if folders else rundir.latest()
    return out is not None and any(path.stat().st_mtime >= began - 1 or "--resume" in command
                                   for path in out.glob(f"*/{rundir.STATES}"))


def read_hosts(file: Path) -> list[str]:
    """Read the hosts in ``file``, one per line; empty lines and comments after # are ignored.

    Raises:
        InputError: the file cannot be read or names no host, or it names localhost, which other hosts cannot reach,
            beside other hosts.
    """
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read {file}: {getattr(error, 'strerror', None) or error}") from error
    hosts = [host for line in lines if (host := line.partition("#")[0].strip())]
    invalid = [host for host in hosts if host.startswith("-") or len(host.split()) > 1]
    if invalid or not hosts:
        raise InputError(f"{file} names no host" if not invalid else f"{file}: {invalid[0]!r} is not a host name")
    if HERE in hosts and set(hosts) != {HERE}:
        raise InputError(f"{file} names {HERE} beside other hosts; write the name by which the others reach it")
    return hosts


def remote_command(argv: Sequence[str], environment: dict[str, str]) -> str:
    """Return a shell command that runs ``argv`` on another host, in the same folder and with this environment."""
    sent = {name: value for name, value in own_environment(environment).items() if name.startswith(SENT)}
    words = [f"{name}={value}" for name, value in sorted(sent.items())]
    return f"cd {shlex.quote(os.getcwd())} && exec env {shlex.join([*words, *argv])}"


def own_environment(more: dict[str, str]) -> dict[str, str]:
    """Return this process's environment with ``more``; this package and this Python come first on the paths."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    return {**child.environment(), "PATH": path, **more}


def address_of(host: str) -> str:
    """Return the address by which other members reach ``host``. Raises InputError if its name is unknown."""
    try:
        return LOOPBACK if host == HERE else socket.gethostbyname(host.rpartition("@")[2])
    except OSError as error:
        raise InputError(f"host {host} is not known: {error.strerror}") from error


def free_port() -> int:
    """Return a free port of this machine."""
    with closing(socket.socket()) as probe:
        probe.bind((LOOPBACK, 0))
        return probe.getsockname()[1]
