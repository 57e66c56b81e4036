"""What is known of models, and parameters as they take them."""

import subprocess
import sys
from decimal import Decimal

import pytest
from pydantic import JsonValue, ValidationError

from agents.llm import CompletionConfig, parameters
from agents.llm.registry import ModelInfo, model_info
from agents.messages import Usage

PLAIN = ModelInfo("plain", known=True)
THINKER = ModelInfo("thinker", reasoning=True, always_reasons=True, output_limit=1_000, known=True)


@pytest.fixture(autouse=True)
def _forget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parameters, "_told", set())


def test_models_are_known_offline() -> None:
    known = model_info("openai/gpt-4o")

    assert known.known
    assert known.vision
    assert known.tools
    assert not known.reasoning
    assert (known.context_window, known.output_limit) == (128_000, 16_384)
    assert model_info("anthropic/claude-sonnet-4-5").reasoning
    assert model_info("gpt-4o").known
    nobody = model_info("openai/my-own-model")
    assert (nobody.known, nobody.tools, nobody.context_window) == (False, True, None)


def test_a_call_costs_what_its_tokens_cost() -> None:
    priced = ModelInfo(
        "x", input_price=Decimal("0.001"), output_price=Decimal("0.01"), cached_price=Decimal(0)
    )

    usage = Usage(prompt_tokens=100, completion_tokens=10, cached_tokens=40)

    assert priced.cost(usage) == Decimal("0.16")
    assert PLAIN.cost(usage) is None


def test_the_list_is_read_without_loading_litellm() -> None:
    code = (
        "import sys\n"
        "from agents.llm.registry import model_info\n"
        "assert model_info('gpt-4o').known\n"
        "assert 'litellm' not in sys.modules\n"
    )

    done = subprocess.run([sys.executable, "-c", code], check=False)  # noqa: S603

    assert done.returncode == 0


def test_num_predict_wins_over_max_tokens() -> None:
    assert CompletionConfig(max_tokens=5).output_limit == 5
    assert CompletionConfig(max_tokens=5, num_predict=7).output_limit == 7
    assert CompletionConfig(max_tokens=5, num_predict=-1).output_limit is None
    assert parameters.openai(CompletionConfig(max_tokens=5, num_predict=7), PLAIN) == {
        "max_tokens": 7
    }


def test_a_reasoning_model_gets_what_it_takes() -> None:
    config = CompletionConfig(
        temperature=0.2, top_p=0.5, max_tokens=9_000, reasoning_effort="high", seed=1
    )

    assert parameters.openai(config, THINKER) == {
        "max_completion_tokens": 1_000,
        "reasoning_effort": "high",
        "seed": 1,
    }
    assert parameters.openai(config, PLAIN) == {
        "temperature": 0.2,
        "top_p": 0.5,
        "max_tokens": 9_000,
        "seed": 1,
    }


@pytest.mark.parametrize("model", ["anthropic/claude-sonnet-4-5", "gemini/gemini-2.5-flash"])
def test_a_model_that_can_reason_keeps_its_temperature_until_it_does(model: str) -> None:
    info = model_info(model)
    quiet = CompletionConfig(temperature=0.3, max_tokens=50)
    thinking = quiet.model_copy(update={"reasoning_effort": "low"})

    assert parameters.openai(quiet, info) == {"temperature": 0.3, "max_tokens": 50}
    assert parameters.openai(thinking, info) == {"reasoning_effort": "low", "max_tokens": 50}


@pytest.mark.parametrize(
    ("model", "always"),
    [("o3-mini", True), ("openai/gpt-5", True), ("gpt-5-chat-latest", False), ("gpt-4o", False)],
)
def test_openais_reasoning_models_are_known(model: str, always: bool) -> None:
    assert model_info(model).always_reasons is always


def test_what_is_left_out_is_said_once_a_model(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("WARNING")
    config = CompletionConfig(num_ctx=4_096, top_k=5)

    for _ in range(3):
        assert parameters.openai(config, PLAIN, strict=True) == {}
    assert parameters.openai(config, PLAIN) == {"top_k": 5}
    parameters.openai(config, THINKER, strict=True)

    said = [record.getMessage() for record in caplog.records]
    assert sum("num_ctx" in line and "plain" in line for line in said) == 1
    assert sum("top_k" in line and "plain" in line for line in said) == 1
    assert sum("top_k" in line and "thinker" in line for line in said) == 1


def test_an_answer_can_be_wanted_in_a_form() -> None:
    schema: dict[str, JsonValue] = {"type": "object", "properties": {"name": {"type": "string"}}}

    assert parameters.response_format(CompletionConfig(response_format="json")) == {
        "type": "json_object"
    }
    assert parameters.response_format(CompletionConfig(response_format="text")) is None
    wanted = parameters.response_format(CompletionConfig(response_format=schema))
    assert wanted is not None
    assert wanted["json_schema"]["schema"] == schema


@pytest.mark.parametrize(
    "bad",
    [
        {"temperature": 3},
        {"top_p": 2},
        {"top_k": 0},
        {"num_predict": -2},
        {"reasoning_effort": "very"},
        {"response_format": "xml"},
        {"stop": ["a"] * 5},
        {"max_tool_iterations": 0},
        {"temprature": 1},
    ],
)
def test_a_bad_setting_is_refused_by_name(bad: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match=next(iter(bad))):
        CompletionConfig.model_validate(bad)
