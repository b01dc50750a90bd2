"""The stand-in EMQX: behaves as a real broker of its version does in clustering; nothing else of EMQX is modelled.

`StandInEMQX(world, fabric)` is a Program of the sandbox's kubelet; the `Fabric` is shared by all of one process.
"""

from sandbox.emqx.broker import StandInEMQX
from sandbox.emqx.fabric import Fabric

__all__ = ["Fabric", "StandInEMQX"]
