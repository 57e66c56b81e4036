"""Have a model answer with an object."""

from common import broker, model
from pydantic import BaseModel, Field


class Sentiment(BaseModel):
    """What a text feels like."""

    label: str = Field(description="positive, neutral or negative")
    confidence: float = Field(description="0 to 1")


name = model(__doc__)
found = broker().generate_object(name, "What a lovely day! Judge that.", wanted=Sentiment)
print(f"{found.label} ({found.confidence})")
