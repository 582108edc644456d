"""Networks whose dense Hessian is known, and the operators against it."""
