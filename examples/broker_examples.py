"""The broker's verbs, one after the other: text, a setting, tools, an object, a stream."""

from common import broker, model
from pydantic import BaseModel

from agents.llm import Asking, CompletionConfig
from agents.tools.builtin import BUILTIN


class Town(BaseModel):
    """A town."""

    name: str
    people: int


talk, name = broker(), model(__doc__)

print("text:", talk.generate(name, "Say hello.").content)

brief = Asking(config=CompletionConfig(temperature=0.2, max_tokens=200))
print("with settings:", talk.generate(name, "Say hello.", brief).content)

print("with tools:", talk.generate(name, "What is 6*7?", Asking(tools=BUILTIN)).content)

print("an object:", talk.generate_object(name, "Tell me of Dover.", wanted=Town))

print("an object as it grows:")
for so_far in talk.stream_object(name, "Tell me of Dover.", wanted=Town):
    print("  ", so_far)
