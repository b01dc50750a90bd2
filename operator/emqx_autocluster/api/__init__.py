"""The words that users meet: annotations, the custom resource, condition types and their reasons."""
