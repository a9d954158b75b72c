"""Named errors. The message of each is the one line that a person reads: what is wrong and what to do next."""


class PaperboyError(Exception):
    """A request that cannot be served; the command line prints the message and ends with status 2."""


class InputError(PaperboyError):
    """What was asked is empty, too long, or makes no sense."""


class SettingsError(PaperboyError):
    """A setting is unknown or has a value that cannot be used."""


class HomeError(PaperboyError):
    """The home directory cannot be used: not writable, damaged, or made by a newer version."""


class HomeBusyError(HomeError):
    """Another process owns the home directory."""


class SourceError(PaperboyError):
    """An input file cannot be read at all, or its format is not known."""


class PaperNotFoundError(PaperboyError):
    """No paper of the catalog has this id or title."""


class EmptyCatalogError(PaperboyError):
    """The request needs papers and the catalog has none."""


class ModelError(PaperboyError):
    """A model file is missing, damaged, or of the wrong kind."""


class EngineError(PaperboyError):
    """The writer failed on this request."""


class RequestTooLargeError(EngineError):
    """A prompt does not fit the model's context; the message has both numbers."""


class EngineBusyError(EngineError):
    """Too many requests wait already."""

    def __init__(self, message: str, expected_wait: float) -> None:
        """`expected_wait`: seconds until there is room again, as far as it can be told."""
        super().__init__(message)
        self.expected_wait = expected_wait


class EngineCrashedError(EngineError):
    """The writer's process ended while it worked on this request."""


class DeadlineError(EngineError):
    """The request was not done within the time that it was given."""


class ServiceStoppingError(PaperboyError):
    """The service ends and takes nothing any more."""


class DownloadError(PaperboyError):
    """Weights could not be fetched."""


class FetchError(PaperboyError):
    """Papers could not be fetched from a service."""


class IndexUnusableError(PaperboyError):
    """A derived index cannot be read; it can be rebuilt from the catalog."""


class DeliveryError(PaperboyError):
    """A digest cannot be delivered to anybody: the server is not there, or does not let us in."""


class DeliveryRefusedError(PaperboyError):
    """One message did not arrive, for certain."""


class DeliveryUnsureError(PaperboyError):
    """One message may have arrived: the connection ended before the answer."""
