"""List the models of every provider that the environment names."""

from common import broker, model

model(__doc__)
for provider, names in broker().models().items():
    print(f"{provider}: {', '.join(names) or 'none'}")
