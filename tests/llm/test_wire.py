"""What goes between the processes comes out as it went in."""

import json

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from service import errors
from service.llm.wire import (
    error_row,
    line,
    matrix_text,
    read_error,
    read_generation,
    read_matrix,
    read_request,
    request_row,
)
from service.ports import Choice, Choices, Generation, GenerationRequest, Matrix, Message

texts = st.text(alphabet=st.characters(), max_size=30)
finite = st.floats(allow_nan=False)
choices = st.builds(
    Choices,
    st.lists(st.builds(Choice, texts, st.integers(0, 9)), max_size=4).map(tuple),
    st.integers(0, 9),
    st.integers(0, 9),
    st.integers(1, 9),
    st.booleans(),
)
requests = st.builds(
    GenerationRequest,
    st.lists(st.builds(Message, texts, texts), max_size=3).map(tuple),
    max_tokens=st.integers(),
    temperature=finite,
    top_k=st.integers(),
    top_p=finite,
    min_p=finite,
    seed=st.integers(),
    stop=st.lists(texts, max_size=3).map(tuple),
    choices=st.none() | choices,
    lead=texts,
    grammar=texts,
    json_schema=texts,
    logprobs=st.booleans(),
    batch=st.booleans(),
    deadline=st.none() | finite,
)
generations = st.builds(
    Generation,
    texts,
    st.lists(st.integers(0, 9)).map(tuple),
    st.integers(),
    st.integers(),
    finite,
    finite,
    st.integers(),
    st.lists(finite).map(tuple),
)


@given(requests)
def test_a_request_arrives_as_it_was_sent_in_one_line(request: GenerationRequest) -> None:
    sent = line(request_row(request))
    assert sent.count(b"\n") == 1
    assert sent.endswith(b"\n")
    arrived = read_request(json.loads(sent))
    assert arrived == request
    assert all(isinstance(message, Message) for message in arrived.messages)
    assert arrived.choices is None or isinstance(arrived.choices, Choices)


@given(generations)
def test_a_generation_arrives_as_it_was_sent(made: Generation) -> None:
    arrived = read_generation(json.loads(line(made)))
    assert arrived == made
    assert isinstance(arrived, Generation)


@given(arrays(np.float32, array_shapes(min_dims=2, max_dims=2, max_side=5), elements=st.floats(width=32)))
def test_a_matrix_arrives_bit_by_bit(matrix: Matrix) -> None:
    arrived = read_matrix(json.loads(line(matrix_text(matrix))))
    assert arrived.shape == matrix.shape
    assert arrived.tobytes() == matrix.tobytes()


def test_every_error_keeps_its_name_and_its_words() -> None:
    kinds = [
        kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.PaperboyError)
    ]
    for kind in kinds:
        if kind is not errors.EngineBusyError:
            arrived = read_error(json.loads(line(error_row(kind("what is wrong")))))
            assert type(arrived) is kind
            assert str(arrived) == "what is wrong"
