"""What the unit tests share."""

import hypothesis

# Many tests share few cores, so the time of one example says nothing. And each run takes the same examples, so that it
# fails by its own change alone; `make unit PYTEST_ARGS=--hypothesis-profile=default` looks for others.
hypothesis.settings.register_profile("steady", deadline=None, derandomize=True)
hypothesis.settings.register_profile("quick", deadline=None, derandomize=True, max_examples=20)
hypothesis.settings.load_profile("steady")
