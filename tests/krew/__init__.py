"""krew itself, which installs plugins of kubectl; built when its test is run, and not with the sandbox."""
