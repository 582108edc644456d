"""A run that is kept on the disk, task by task, and goes on after whatever ended it.

Decision 031 says why. A task is a pure function of the operator, the method, the goal and the tasks
before it on the same state, so its name is a digest of all of these, and a run that is resumed is
the same call once more: it makes the same plans, and finds the tasks that were finished.
"""
