"""What the bot does with an update: parse, check, call the gateway, write down what to say."""
