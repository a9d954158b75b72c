"""A writer that is another program: any server with an OpenAI-compatible chat interface, or several of the same model.

For those who outgrow one machine: llama-server, vLLM, Ollama. What such a server is asked for and what it can be held
to differs from the embedded engine in three points: tokens of a prompt are estimated, choices are made by number, and
a grammar works with llama.cpp's servers only.
"""

import json
import re
import time
import uuid
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from typing import Any

from service.errors import EngineBusyError, EngineError, RequestTooLargeError, SettingsError
from service.llm.delivery import untold
from service.llm.endpoint.balance import Balance, jittered
from service.llm.endpoint.choices import ChoiceQuestion
from service.llm.endpoint.queue import Job, Queue
from service.llm.endpoint.server import Facts, Server, Timeouts
from service.llm.endpoint.stream import AttemptError, RefusedError, Reply, TooLargeError
from service.ports import Generation, GenerationRequest, Message, OnText
from service.text import content_hash, one_line

_DEFAULT_CONTEXT = 8_192
_DEFAULT_PARALLEL = 4
_RETRIES = 3
_BYTES_PER_TOKEN = 4
"""Of prompts, as vocabularies of large models have it: English has 4 to 5, other languages and formulas about 3."""
_TOKENS_PER_MESSAGE = 4
_BUSY_WAIT = 10.0
"""Seconds to wait for a server that says it is busy and not for how long."""
_CONTROL = re.compile(r"<(?=[|\uff5c]|/?[\w\u2581-]+>)|\[(?=/?[A-Z_]{3,}\])")
"""Where a control token of some vocabulary may begin: `<|im_end|>`, `</s>`, `<start_of_turn>`, `[INST]`."""
_TAKES_TEMPLATE_VARIABLES = {"llamacpp", "vllm"}
_SCHEMA_FORMS = 2
_REASON_LENGTH = 200


class EndpointEngine:
    """A writer over HTTP. Safe to share between threads."""

    family = "chat"

    def __init__(
        self,
        urls: Sequence[str],
        *,
        model: str = "",
        key: str = "",
        context: int | None = None,
        parallel: int | None = None,
        waiting: int = 64,
        connect_timeout: float = 5.0,
        read_timeout: float = 120.0,
        backoff: float = 0.5,
        pause: float = 1.0,
    ) -> None:
        """Ask the servers what they are; one of them has to answer.

        Args:
            urls: addresses, with or without `/v1`; all serve the same model.
            model: name of the model; "": the first that the servers list.
            key: sent to these addresses as `Authorization: Bearer`, and nowhere else.
            context: tokens of prompt and output; at most what the servers say, and where they say nothing 8,192.
            parallel: requests per server at a time; `None`: as many as it has slots, 4 where it does not say.
            waiting: requests that may wait while all servers are at work.
            connect_timeout: seconds.
            read_timeout: seconds without a byte, which includes the time that a server takes to read the prompt.
            backoff: seconds before the first retry; each further one waits twice as long.
            pause: seconds for which a server that failed is left out; doubles with each further failure up to 60.

        Raises:
            SettingsError: an address or the key cannot be used, or the servers have different models.
            EngineError: no server answers, or one refuses the key.
        """
        if not urls:
            raise SettingsError("no address of an endpoint is given: set endpoint to http://HOST:PORT")
        timeouts = Timeouts(connect_timeout, read_timeout)
        self._servers = [Server(url, key, timeouts) for url in dict.fromkeys(urls)]
        self._balance = Balance(self._servers, pause)
        self._backoff = backoff
        try:
            facts = self._ask_all()
            self.name = model or _only_model(facts)
        except BaseException:
            self._close_servers()
            raise
        self._set_limits(facts, context, parallel)
        # Sorted and without doubles: the order of the addresses, and which of them answer, change nothing.
        self.fingerprint = content_hash(self.name, *sorted({fact.identity for fact in facts}))
        self._takes_variables = all(fact.owner in _TAKES_TEMPLATE_VARIABLES for fact in facts)
        self._queue = Queue(self.parallel, waiting)

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """Tokens of a prompt, estimated at four bytes each: to ask the server would take as long as to try."""
        sizes = (len(message.content.encode("utf-8", "replace")) for message in messages)
        return sum(_TOKENS_PER_MESSAGE - (-size // _BYTES_PER_TOKEN) for size in sizes)

    def submit(self, request: GenerationRequest, on_text: OnText | None = None) -> Future[Generation]:
        """Begin to write; see the port. What needs no server is told at once, by the caller's thread.

        `request.lead` is not sent: it belongs to the writer that was trained with it.

        Raises:
            EngineBusyError: too many requests wait already.
        """
        question: ChoiceQuestion | None = None
        job = Job(request, on_text, lambda job: self._write(job, question))
        try:
            if request.choices is not None:
                question = ChoiceQuestion(request.choices)
                if question.forced:
                    self._finish_choice(job, question, "{}", Reply(0))
                    return job.future
                job.request = _as_question(request, question)
            if request.max_tokens < 1 and question is None:
                job.succeed(_generation(job, "", (), Reply(0), 0))
                return job.future
            self._make_sure_it_fits(job.request)
        except Exception as error:  # noqa: BLE001 - it may be the listener's, and belongs to the future
            job.fail(error)
            return job.future
        self._queue.put(job)
        return job.future

    def close(self) -> None:
        """End what is being written and close all connections; a second call does nothing."""
        self._queue.close()
        self._close_servers()

    def _close_servers(self) -> None:
        for server in self._servers:
            server.close()

    def _set_limits(self, facts: Sequence[Facts], context: int | None, parallel: int | None) -> None:
        known = min((fact.context for fact in facts if fact.context), default=context or _DEFAULT_CONTEXT)
        self.context = min(known, context or known)
        slots = min((fact.slots for fact in facts if fact.slots), default=_DEFAULT_PARALLEL)
        self.parallel = (parallel or slots) * len(self._servers)

    def _ask_all(self) -> list[Facts]:
        with ThreadPoolExecutor(len(self._servers)) as pool:
            answers = list(pool.map(self._ask, self._servers))
        facts = [answer for answer in answers if isinstance(answer, Facts)]
        if not facts:
            reasons = "; ".join(str(answer) for answer in answers)
            raise EngineError(f"{reasons}: start it, or correct the setting endpoint")
        return facts

    def _ask(self, server: Server) -> Facts | str:
        try:
            return server.facts()
        except RefusedError as error:
            raise EngineError(_said(server, error)) from None
        except AttemptError as error:
            self._balance.leave_out(server)
            return _said(server, error)

    def _make_sure_it_fits(self, request: GenerationRequest) -> None:
        needed = self.count_tokens(request.messages) + request.max_tokens
        if needed > self.context:
            raise self._too_large(needed, "ask for fewer papers (-k) or use a model with a larger context")

    def _too_large(self, needed: int, reason: str) -> RequestTooLargeError:
        return RequestTooLargeError(
            f"prompt and answer need about {needed} tokens and {one_line(self.name)} has a context of {self.context}: "
            f"{reason}"
        )

    def _write(self, job: Job, question: ChoiceQuestion | None) -> None:
        """All attempts at one request."""
        key = uuid.uuid4().hex
        for attempt in range(_RETRIES + 1):
            server = self._balance.take()
            works: bool | None = None
            try:
                reply = self._attempt(server, job, key, tell=question is None)
                works = True
                break
            except AttemptError as error:
                works = None if job.ended else False
                failure = error
            except RefusedError as error:
                works = True
                job.fail(EngineError(_said(server, error)))
            except TooLargeError as error:
                works = True
                needed = self.count_tokens(job.request.messages) + job.request.max_tokens
                job.fail(self._too_large(needed, _said(server, error)))
            finally:
                self._balance.give_back(server, works=works)
            if job.ended or not self._may_try_again(job, server, failure, attempt):
                return
        if question is None:
            job.succeed(_generation(job, reply.text, (), reply, self.count_tokens(job.request.messages)))
        else:
            self._finish_choice(job, question, reply.text, reply)

    def _may_try_again(self, job: Job, server: Server, failure: AttemptError, attempt: int) -> bool:
        """Wait for the next attempt; or end the job, if there is none."""
        job.trouble = _said(server, failure)
        if attempt == _RETRIES:
            text = f"{job.trouble} ({_RETRIES + 1} attempts)"
            if failure.status == 429:
                job.fail(EngineBusyError(text, failure.wait or _BUSY_WAIT))
            else:
                job.fail(EngineError(text))
            return False
        wait = 0.0 if self._balance.any_ready() else max(jittered(self._backoff * 2**attempt), failure.wait or 0.0)
        if time.monotonic() + wait >= job.due:
            job.expire()
            return False
        job.pause(wait)
        return not job.ended

    def _attempt(self, server: Server, job: Job, key: str, *, tell: bool) -> Reply:
        """One attempt; or two, where the first shows that the server wants schemas in the other form."""
        form = server.schema_form
        try:
            return self._converse(server, job, key, form, tell=tell)
        except (RefusedError, AttemptError) as error:
            # llama_cpp.server knows the second form only and reports the first as its own failure. A failure of
            # another kind must not lead there: to vLLM the second form means any JSON.
            refused = error.status in (400, 422) or (error.status == 500 and "response_format" in str(error))
            if not job.request.json_schema or form + 1 >= _SCHEMA_FORMS or not refused:
                raise
        reply = self._converse(server, job, key, form + 1, tell=tell)
        server.schema_form = form + 1
        return reply

    def _converse(self, server: Server, job: Job, key: str, form: int, *, tell: bool) -> Reply:
        reply = Reply(job.request.max_tokens)
        position = 0
        with closing(server.chat(self._body(job.request, form), key, reply, job.new_link())) as pieces:
            for piece in pieces:
                job.first_token_seconds = job.first_token_seconds or time.monotonic() - job.begun
                if tell:
                    position = _tell(job, piece, position)
        if tell and position < len(job.delivered):
            raise RefusedError("broke the connection off and then wrote a shorter text")
        if job.request.logprobs and reply.text and not reply.logprobs:
            raise RefusedError("gives no probabilities")
        return reply

    def _body(self, request: GenerationRequest, form: int) -> bytes:
        body: dict[str, Any] = {
            "model": self.name,
            "messages": [{"role": m.role, "content": _CONTROL.sub(r"\g<0> ", m.content)} for m in request.messages],
            "max_tokens": request.max_tokens,
            "temperature": request.temperature,
            "seed": request.seed,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        if request.temperature > 0:
            # Not otherwise: they change nothing then, and strict servers know only the first.
            body |= {"top_p": request.top_p, "top_k": request.top_k, "min_p": request.min_p}
        if request.stop:
            body["stop"] = list(request.stop)
        if request.grammar:
            body["grammar"] = request.grammar
        if request.json_schema:
            body["response_format"] = _response_format(json.loads(request.json_schema), form)
        if request.logprobs:
            body |= {"logprobs": True, "top_logprobs": 1}
        if self._takes_variables:
            # As with the embedded engine: the answer is checked, a thought is not.
            body["chat_template_kwargs"] = {"enable_thinking": False}
        return json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")

    def _finish_choice(self, job: Job, question: ChoiceQuestion, reply_text: str, reply: Reply) -> None:
        chosen = question.chosen(reply_text)
        text = question.text(chosen)
        _tell(job, text, 0)
        job.succeed(_generation(job, text, chosen, reply, 0))


def _only_model(facts: Sequence[Facts]) -> str:
    names = sorted({fact.model for fact in facts if fact.model})
    if len(names) == 1:
        return names[0]
    found = ", ".join(one_line(name) for name in names) or "none"
    raise SettingsError(f"name the model with endpoint_model: the servers list {found}")


def _said(server: Server, error: Exception) -> str:
    """What went wrong where, in one line. A server may repeat the key, so it is taken out before the line is cut."""
    return f"the endpoint {server.name} {one_line(server.without_key(str(error)), _REASON_LENGTH)}"


def _tell(job: Job, piece: str, position: int) -> int:
    """Pass on what of a piece at this position is new; the position behind it.

    Raises:
        RefusedError: an earlier attempt had another text there, which cannot be taken back.
    """
    if job.on_text is None or job.ended:
        return position + len(piece)
    rest = untold(job.delivered, position, piece)
    if rest is None:
        raise RefusedError("broke the connection off and then wrote another text")
    if rest:
        job.delivered += rest
        try:
            job.on_text(rest)
        except BaseException as error:
            # So that it is told from what a server does, and the connection is closed.
            job.fail(error)
            raise
    return position + len(piece)


def _as_question(request: GenerationRequest, question: ChoiceQuestion) -> GenerationRequest:
    return request._replace(
        messages=question.asked(request.messages),
        max_tokens=question.max_tokens,
        json_schema=json.dumps(question.schema),
        stop=(),
        grammar="",
    )


def _response_format(schema: object, form: int) -> dict[str, Any]:
    if form == 0:
        return {"type": "json_schema", "json_schema": {"name": "reply", "strict": True, "schema": schema}}
    return {"type": "json_object", "schema": schema}


def _generation(job: Job, text: str, chosen: tuple[int, ...], reply: Reply, estimate: int) -> Generation:
    return Generation(
        text=text,
        chosen=chosen,
        prompt_tokens=estimate if reply.prompt_tokens is None else reply.prompt_tokens,
        output_tokens=reply.output_tokens,
        seconds=time.monotonic() - job.begun,
        first_token_seconds=job.first_token_seconds,
        steps=reply.output_tokens,
        logprobs=tuple(reply.logprobs) if job.request.logprobs else (),
    )
