"""The tables and figures of the paper, and what symrank makes of its networks."""
