"""Limits on how long the program waits for its database, so that hanging becomes failing.

Every limit ends in an OperationalError, which a request answers with 503 and Retry-After (config/errors.py).
The web server waits for seconds; workers and commands may run long statements and wait for locks.
A connection that has died without a word is found in both, while a statement that is slow goes on.
"""

from dataclasses import dataclass
from typing import Any, NoReturn, Self, cast

import psycopg
from psycopg.waiting import Wait
from psycopg_pool import ConnectionPool

CONNECT_SECONDS = 2  # the least that libpq allows
# A silent connection is asked after once it has been silent for so long, then ever more rarely.
SILENT_SECONDS = 0.5
SILENT_SECONDS_MAX = 30.0
# For the answer that came while we asked; a busy machine may deliver it late.
HEAR_OUT_SECONDS = 1.0


@dataclass(frozen=True)
class Limits:
    """How long a process waits; Postgres's own limits are in its units, and 0 is no limit."""

    pool_seconds: float
    sqlite_lock_seconds: float
    lock_timeout: str
    statement_timeout: str
    idle_in_transaction_session_timeout: str


# A person waits. A streamed export is a transaction that waits for its reader.
IN_A_REQUEST = Limits(2.0, 2.0, "2s", "15s", "1min")
AT_WORK = Limits(30.0, 20.0, "0", "0", "10min")


class BoundedConnection(psycopg.Connection[Any]):
    """A connection that is asked quick questions, and waits for no answer longer than for a connection."""

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        return super().wait(gen, interval, timeout or CONNECT_SECONDS)


class Resumable:
    """The steps of an operation, which `wait` may take up again after it has given up waiting.

    psycopg begins each wait by starting the steps; to those that have been started that would be an answer to
    what they wait for.
    """

    def __init__(self, steps: Any) -> None:
        self.steps = steps
        self.waits_for: Any = None

    @property
    def is_sending(self) -> bool:
        return self.waits_for is not None and bool(self.waits_for & Wait.W)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Any:
        return self.send(None) if self.waits_for is None else self.waits_for

    def send(self, ready: Any) -> Any:
        self.waits_for = self.steps.send(ready)
        return self.waits_for


class Connection(psycopg.Connection[Any]):
    """A connection that fails when it has died without a word, be it behind a proxy or with its server.

    The network's own limits (keepalives, `tcp_user_timeout`) see only a peer that acknowledges nothing.
    """

    _parameters: dict[str, Any]
    why_not = ""  # what the last failure to connect was

    @classmethod
    def connect(cls, conninfo: str = "", **parameters: Any) -> Self:
        try:
            connection = super().connect(conninfo, **parameters)
        except psycopg.Error as error:
            Connection.why_not = str(error)
            raise
        connection._parameters = {"conninfo": conninfo, **parameters}
        return connection

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        if timeout is not None:
            return super().wait(gen, interval, timeout)
        patience, steps = SILENT_SECONDS, Resumable(gen)
        while True:
            try:
                return super().wait(cast(Any, steps), interval, patience)
            except psycopg.errors._WaitTimeout:
                if steps.is_sending:  # whose end the network's own limits find
                    patience = SILENT_SECONDS
                elif not self._is_at_work():
                    return self._hear_out(steps, interval)
                else:
                    patience = min(2 * patience, SILENT_SECONDS_MAX)

    def _is_at_work(self) -> bool:
        """Ask the server, by a new connection, whether it works on what this one waits for."""
        query = "SELECT 1 FROM pg_stat_activity WHERE pid = %s AND state = 'active'"
        try:
            with BoundedConnection.connect(**self._parameters) as another:
                return bool(another.execute(query, [self.pgconn.backend_pid]).fetchone())
        except psycopg.Error:
            self._give_up()

    def _hear_out(self, steps: "Resumable", interval: float) -> Any:
        """Take the answer that came while we asked, or give up."""
        try:
            return super().wait(cast(Any, steps), interval, HEAR_OUT_SECONDS)
        except psycopg.errors._WaitTimeout:
            self._give_up()

    def _give_up(self) -> NoReturn:
        self.pgconn.finish()
        # The others in the pool have most likely died with this one; new ones take their place.
        if isinstance(self._pool, ConnectionPool):
            self._pool.drain()
        raise psycopg.OperationalError("It did not answer; the connection is given up.")


def fail_waiting(pool: ConnectionPool[Any]) -> None:
    """Fail those who wait for a connection while there is none and none can be made."""
    if pool.get_stats()["pool_size"]:
        return
    with pool._lock:
        waiting = list(pool._waiting)
        pool._waiting.clear()
    for client in waiting:
        client.fail(psycopg.OperationalError(Connection.why_not or "It cannot be reached."))


def postgres_options(limits: Limits, pool_size: int) -> dict[str, Any]:
    """OPTIONS of Django's database settings."""
    server = {
        # An acknowledged comparison is on disk, whatever the server's own default is.
        "synchronous_commit": "on",
        "lock_timeout": limits.lock_timeout,
        "statement_timeout": limits.statement_timeout,
        "idle_in_transaction_session_timeout": limits.idle_in_transaction_session_timeout,
        # The server notices by itself when we are gone, and takes back the locks that we held.
        "client_connection_check_interval": "10s",
        "tcp_keepalives_idle": "30",
        "tcp_keepalives_interval": "10",
        "tcp_keepalives_count": "3",
    }
    return {
        "connect_timeout": CONNECT_SECONDS,
        "keepalives": 1,
        "keepalives_idle": 5,
        "keepalives_interval": 2,
        "keepalives_count": 3,
        "tcp_user_timeout": 5000,  # ms
        "options": " ".join(f"-c {name}={value}" for name, value in server.items()),
        "pool": {
            "connection_class": Connection,
            "min_size": 1,
            "max_size": pool_size,
            "timeout": limits.pool_seconds,
            # Whoever needs a connection tries anew: no back-off outlives the outage.
            "reconnect_timeout": 0.0,
            "reconnect_failed": fail_waiting,
        },
    }


def sqlite_options(limits: Limits) -> dict[str, Any]:
    """OPTIONS of Django's database settings.

    synchronous=FULL, because in WAL mode less leaves acknowledged comparisons to the next power loss.
    """
    return {
        "transaction_mode": "IMMEDIATE",
        "timeout": limits.sqlite_lock_seconds,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
    }
