"""Which method answers: what each offers, and the policy that takes one."""
