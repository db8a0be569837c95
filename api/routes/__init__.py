"""One router per kind of object. A route parses, asks the engine, and shows what it answers."""
