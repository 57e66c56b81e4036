"""Have a model read source files and say how they are designed."""

from pathlib import Path

from common import broker, model

from agents.llm.content import MessageBuilder

FILES = ["agents/tools/definition.py", "agents/tools/execution.py"]

root = Path(__file__).resolve().parent.parent
message = MessageBuilder("Which ideas is this design built on? What would you change first?")
for file in FILES:
    message.text(file).file(root / file)
turn = message.build()
print(f"{', '.join(FILES)}: {len(turn.content)} characters")
print(broker().generate(model(__doc__), [turn]).content)
