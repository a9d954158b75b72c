"""Long work that outlives the process: what was asked for, how far it is, and what came of it.

The table stands beside those of the schema; a version of Paperboy that does not know it passes it over.
"""

import secrets
import sqlite3
from datetime import UTC, datetime
from enum import StrEnum

from pydantic import Field

from service.index.database import Database
from service.types import Record

_TABLE = """
CREATE TABLE IF NOT EXISTS jobs (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    day TEXT NOT NULL,
    state TEXT NOT NULL,
    done INTEGER NOT NULL,
    total INTEGER NOT NULL,
    created TEXT NOT NULL,
    problem TEXT NOT NULL,
    request TEXT NOT NULL,
    result TEXT
) STRICT
"""
_COLUMNS = "id, kind, day, state, done, total, created, problem, request"


class JobState(StrEnum):
    """How a job stands. What waits or runs when the process ends is begun again by the next one."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Job(Record):
    """One piece of long work."""

    id: str
    kind: str
    day: str
    """The day or range of a digest, as far as it is known."""
    state: JobState = JobState.WAITING
    done: int = Field(default=0, ge=0)
    total: int = Field(default=0, ge=0)
    created: str
    """ISO 8601, UTC."""
    problem: str = ""
    request: str
    """What was asked for, as JSON."""

    @property
    def open(self) -> bool:
        """Whether there is anything left to do."""
        return self.state in (JobState.WAITING, JobState.RUNNING)


class Jobs:
    """The jobs of one catalog."""

    def __init__(self, database: Database) -> None:
        self._database = database
        database.connection.execute(_TABLE)

    def add(self, kind: str, day: str, request: str) -> Job:
        """A new job; durable on return."""
        created = datetime.now(UTC).isoformat(timespec="seconds")
        job = Job(id=secrets.token_urlsafe(9), kind=kind, day=day, created=created, request=request)
        self._write(
            f"INSERT INTO jobs ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
            *(str(value) if isinstance(value, JobState) else value for value in job.model_dump().values()),
        )
        return job

    def update(self, job: Job, result: str | None = None) -> Job:
        """Keep how a job stands now, and what came of it."""
        self._write(
            "UPDATE jobs SET day = ?, state = ?, done = ?, total = ?, problem = ?, result = coalesce(?, result) "
            "WHERE id = ?",
            job.day,
            str(job.state),
            job.done,
            job.total,
            job.problem,
            result,
            job.id,
        )
        return job

    def get(self, job_id: str) -> Job | None:
        """The job of that id."""
        row = self._database.connection.execute(
            f"SELECT {_COLUMNS} FROM jobs WHERE id = ?",  # noqa: S608
            (job_id,),
        ).fetchone()
        return _job(row) if row else None

    def result(self, job_id: str) -> str | None:
        """What came of a job, as JSON."""
        row = self._database.connection.execute("SELECT result FROM jobs WHERE id = ?", (job_id,)).fetchone()
        return row[0] if row else None

    def newest(self, limit: int) -> list[Job]:
        """The newest jobs."""
        query = f"SELECT {_COLUMNS} FROM jobs ORDER BY number DESC LIMIT ?"  # noqa: S608
        return [_job(row) for row in self._database.connection.execute(query, (limit,))]

    def unfinished(self) -> list[Job]:
        """Jobs that a process left waiting or running, oldest first."""
        query = f"SELECT {_COLUMNS} FROM jobs WHERE state IN ('waiting', 'running') ORDER BY number"  # noqa: S608
        return [_job(row) for row in self._database.connection.execute(query)]

    def _write(self, statement: str, *values: str | int | None) -> None:
        with self._database.transaction() as connection:
            connection.execute(statement, values)


def _job(row: sqlite3.Row) -> Job:
    return Job.model_validate(dict(row))
