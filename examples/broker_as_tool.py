"""Give one model another one to ask: the broker behind a tool."""

from common import broker, model

from agents.llm import Asking
from agents.tools import tool

broker_, name = broker(), model(__doc__)


@tool
def ask_an_expert(question: str) -> str:
    """Ask somebody who knows more.

    Args:
        question: What to ask.
    """
    print(f"(asked somebody else: {question})")
    return broker_.generate(name, question).content


asking = Asking(tools=[ask_an_expert])
question = 'Ask an expert what tea is: ask_an_expert({"question": "What is tea?"})'
print(broker_.generate(name, question, asking).content)
