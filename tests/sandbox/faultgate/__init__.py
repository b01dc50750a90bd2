"""A faulty way to a healthy API server: a proxy on loopback that tests can make slow, deaf, rude or dead.

It breaks the transport and nothing else. What passes comes from the real API server, word by word; what it says
itself is what a load balancer or an overloaded API server says. It shows the API server's own certificate.
"""

from .faults import Cut, Fault, Garble, Hang, HoldBack, OldVersion, Pad, Status, Wait
from .gate import FaultGate, Seen

__all__ = [
    "Cut",
    "Fault",
    "FaultGate",
    "Garble",
    "Hang",
    "HoldBack",
    "OldVersion",
    "Pad",
    "Seen",
    "Status",
    "Wait",
]
