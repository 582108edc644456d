"""The answer: the result, its plain record, and its picture."""
