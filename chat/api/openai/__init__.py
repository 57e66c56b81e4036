"""`/v1`: the endpoints that clients of OpenAI speak to. A model is an agent, by its slug."""
