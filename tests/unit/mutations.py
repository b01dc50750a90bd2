"""A manifest that is right but for one address, and at random what somebody may have made of it."""

import random

from typer.testing import CliRunner, Result

from emqx_autocluster.cli import app

DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: emqx, annotations: {emqx-autocluster.io/mode: Observe}}
spec:
  replicas: 3
  selector: {matchLabels: {app: emqx}}
  template:
    metadata: {labels: {app: emqx}}
    spec:
      serviceAccountName: emqx
      volumes: [{name: data, emptyDir: {}}]
      containers:
        - name: emqx
          image: emqx/emqx:5.8.9
          ports: [{name: mqtt, containerPort: 1883}]
          volumeMounts: [{name: data, mountPath: /opt/emqx/data}]
          env:
            - {name: EMQX_CLUSTER__DISCOVERY_STRATEGY, value: k8s}
            - {name: EMQX_CLUSTER__K8S__APISERVER, value: "10.0.0.1:6443"}
            - {name: EMQX_HOST, valueFrom: {fieldRef: {fieldPath: status.podIP}}}
"""
PIECES = (
    *("\0", "\x1b[2J", "{", "[", "*a", "&a ", "!!int ", "- ", ": ", "\n", "'", '"', "9" * 5000, "٥.٨.٩"),
    *("<<: ", "\u2028", "null", "~", "..", "2026-99-99"),
)


def lint(*files: object, text: str | bytes | None = None) -> Result:
    return CliRunner().invoke(app, ["lint", *(f"-f{file}" for file in files)], input=text)


def failures(seed: int, count: int) -> list[str]:
    """Of so many mutations those that end in a traceback, another exit code, or a character that is not to be seen."""
    chance = random.Random(seed)
    return [text for text in (_mutated(chance) for _ in range(count)) if not _ends_well(lint("-", text=text))]


def _mutated(chance: random.Random) -> str:
    """With one to four pieces put in, taken away or moved."""
    text = DEPLOYMENT
    for _ in range(chance.randint(1, 4)):
        begin = chance.randrange(len(text))
        end = min(len(text), begin + chance.choice([0, 0, 1, 5, 40]))
        text = text[:begin] + chance.choice([*PIECES, "", text[end : end + 30]]) + text[end:]
    return text


def _ends_well(done: Result) -> bool:
    ended = done.exception is None or isinstance(done.exception, SystemExit)
    return ended and done.exit_code in {0, 1, 2} and all(c.isprintable() or c == "\n" for c in done.output)
