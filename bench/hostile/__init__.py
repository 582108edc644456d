"""What wrong cuts, broken code, faults, damaged files and busy machines do to an answer."""
