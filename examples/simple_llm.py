"""Ask a model something and print the answer."""

from common import broker, model

reply = broker().generate(model(__doc__), "Hello, how are you?")
print(reply.content)
