"""The hollow kubelet: a real client of the API server whose containers are stand-in programs in its own process."""
