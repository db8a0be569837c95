"""What the engine decides, as values in and values out.

Nothing here knows a clock, a database, a network or a random number, and nothing here names a country, an entity
type or a field: those come from the catalogue.
"""
