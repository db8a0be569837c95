"""What workflows do: each activity is one look at the record and at most one outward call, and safe to run twice."""
