"""Ten thousand disasters in virtual time: a model of EMQX clusters, and the real decisions that drive it."""
